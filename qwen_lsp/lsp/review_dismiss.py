"""Setting findings aside: written into the repository, and taken away from the client."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from qwen_lsp import files
from qwen_lsp.context.named_files import write
from qwen_lsp.errors import InputError
from qwen_lsp.lsp.review_scope import folder_of
from qwen_lsp.lsp.review_shown import Reviews
from qwen_lsp.review.change import git
from qwen_lsp.review.dismissals import FILE as DISMISSALS
from qwen_lsp.review.dismissals import Dismissal, with_entry

_MAX_BYTES = 1_000_000


async def dismiss(reviews: Reviews, folders: tuple[str, ...], options: dict[str, Any]) -> list[str]:
    """Set `{fingerprint | rule | path, uri}` aside; return the URIs whose findings have changed.

    Raises: InputError.
    """
    entry = Dismissal(*(str(options.get(key) or "") for key in ("fingerprint", "rule", "path")))
    named = next(
        (
            f"{one.finding.rule} in {one.finding.path}"
            for shown in reviews.shown.values()
            for one in shown.values()
            if entry.fingerprint and one.finding.fingerprint == entry.fingerprint
        ),
        "",
    )
    folder = folder_of(str(options.get("uri") or ""), folders)
    top = await asyncio.to_thread(_write_down, entry, folder, named)
    reviews.dismissed.append((top, entry))
    changed = []
    for uri, shown in reviews.shown.items():
        kept = {print_: one for print_, one in shown.items() if not entry.covers(one.finding)}
        if len(kept) < len(shown):
            reviews.shown[uri] = kept
            changed.append(uri)
    return changed


def _write_down(entry: Dismissal, folder: Path, named: str) -> Path:
    """Add an entry to the file of a folder's repository; return the top of that."""
    if entry == Dismissal():
        raise InputError("what is to be dismissed? give a `fingerprint`, a `rule` or a `path`")
    top = git.top(folder)
    file = top / DISMISSALS
    try:
        before = files.read_below(top, DISMISSALS, _MAX_BYTES).decode("utf-8")
    except FileNotFoundError:
        before = ""
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file} cannot be read: {error}") from error
    write(file, with_entry(before, entry, named).encode())
    return top
