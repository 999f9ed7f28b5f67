"""What the user did lately in open editors: pieces changed, copied and looked at.

State: three short rings for one workspace root, in memory only. It gets each event from lsp/ and gives
candidates, the newest first; it judges nothing.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from qwen_lsp.context.snippets import Candidate, Recent, Source
from qwen_lsp.text import Change, Document, Span, normalize_line_ends

_EDITS, _COPIES, _VIEWS = 16, 3, 8
# An edit so close to the one before belongs to it; a hunk is shown with lines around it, up to a length.
_SAME_HUNK_LINES = 8
_LINES_AROUND = 2
_MAX_LINES = 24
_VIEW_LINES = 12
_MIN_COPIED_CHARS, _MAX_COPIED_CHARS = 8, 2000
# What was done so long ago counts half.
_HALF_S = 300.0


@dataclass(frozen=True, slots=True)
class _Event:
    """Lines of a file and when they were touched; `text` is what they held. Units: monotonic seconds."""

    path: str
    first: int
    last: int
    span: Span
    text: str
    at: float


class RecentActivity:
    """The rings of one workspace root. Paths are relative to it."""

    def __init__(self) -> None:
        self._edits: deque[_Event] = deque(maxlen=_EDITS)
        self._copies: deque[_Event] = deque(maxlen=_COPIES)
        self._views: deque[_Event] = deque(maxlen=_VIEWS)

    def edited(self, path: str, change: Change) -> None:
        """Note a change of a document; changes close to the last one make one hunk."""
        after, edit = change.after, change.edit
        start = edit.span.start
        first, last = after.line_of(start), after.line_of(start + len(edit.new_text))
        latest = self._edits[-1] if self._edits else None
        if latest is not None and latest.path == path:
            is_near = first <= latest.last + _SAME_HUNK_LINES and last >= latest.first - _SAME_HUNK_LINES
            if is_near and max(last, latest.last) - min(first, latest.first) < _MAX_LINES:
                self._edits.pop()
                first, last = min(first, latest.first), max(last, min(latest.last, after.line_count - 1))
        self._edits.append(_event(path, after, first - _LINES_AROUND, last + _LINES_AROUND, first, last))

    def copied(self, path: str, text: str) -> None:
        """Note a text that was cut or copied; what is too short or too long to be a hint is left out."""
        text = normalize_line_ends(text).strip("\n")
        if len(text.strip()) >= _MIN_COPIED_CHARS and len(text) <= _MAX_COPIED_CHARS:
            self._copies.append(_Event(path, 0, 0, Span(0, 0), text, time.monotonic()))

    def viewed(self, path: str, document: Document, offset: int) -> None:
        """Note where the cursor rests in a document."""
        line = document.line_of(offset)
        kept = [
            event
            for event in self._views
            if event.path != path or not event.first - _VIEW_LINES <= line <= event.last + _VIEW_LINES
        ]
        self._views = deque(kept, maxlen=_VIEWS)
        first, last = line - _VIEW_LINES, line + _VIEW_LINES
        self._views.append(_event(path, document, first, last, first, last))

    def now(self, diagnostics: Sequence[str] = ()) -> Recent:
        """Return what is remembered, the newest first."""
        return Recent(
            _candidates(self._edits, "edit"),
            _candidates(self._copies, "copied"),
            _candidates(self._views, "viewed"),
            diagnostics,
        )


def _event(path: str, document: Document, first: int, last: int, own_first: int, own_last: int) -> _Event:
    first, last = max(first, 0), min(last, document.line_count - 1)
    span = Span(document.starts[first], document.line_end(last))
    text = normalize_line_ends(document.text[span.start : span.end])
    return _Event(path, own_first, own_last, span, text, time.monotonic())


def _candidates(events: deque[_Event], source: Source) -> list[Candidate]:
    now = time.monotonic()
    return [
        Candidate(event.path, event.span, event.text.strip("\n"), source, 0.5 ** ((now - event.at) / _HALF_S))
        for event in reversed(events)
        if event.text.strip()
    ]
