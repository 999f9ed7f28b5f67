"""What a change does to how it is judged, and that it has no effect in a strict review.

Settings, dismissals and attributes are read from the base; this says in the report which of them the change
touches, so that nobody has to compare. It knows no rules.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from qwen_lsp.messages import Locale, text
from qwen_lsp.review.change.change import Change
from qwen_lsp.review.change.selecting import Selection, skip_reason, unaccepted, would_hide

_JUDGING = re.compile(
    r"(?:^|/)(?:\.qwen-lsp\.toml|\.qwen-lsp/dismissed\.toml|\.gitattributes|\.?ruff\.toml|\.gitmodules)$"
)
_MAX_NAMES = 5


def notes(change: Change, selection: Selection, n_comments: int, locale: Locale) -> list[str]:
    """Say what a change tried; nothing where the review is not strict.

    Units: `n_comments` counts the findings that comments of the change would set aside.
    """
    if not selection.is_strict:
        return []
    sentences = []
    if judging := [file.path for file in change.files if _JUDGING.search(file.path)]:
        sentences.append(text("review.tried.settings", locale, files=_listed(judging)))
    for file in change.files:
        skipped, hidden = skip_reason(file, selection), would_hide(file, selection)
        if skipped is not None and unaccepted(file, selection, skipped):
            why = text(f"words.reason.{skipped}", locale)
            sentences.append(text("review.unaccepted", locale, file=file.path, reason=why))
        elif hidden is not None:
            why = text(f"words.reason.{hidden}", locale)
            sentences.append(text("review.tried.hide", locale, file=file.path, reason=why))
    if n_comments:
        sentences.append(text("review.tried.dismiss", locale, n=n_comments))
    return sentences


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _MAX_NAMES
    return ", ".join(names[:_MAX_NAMES]) + (f" (+{more})" if more > 0 else "")
