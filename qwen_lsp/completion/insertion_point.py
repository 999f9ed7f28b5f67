"""The place that a completion was asked for, followed through what is typed while it is made.

State: the text as it is now, and what has been typed at the place; it is lost as soon as anything else
changes. It reads `text.Change` and compares no whole texts.
"""

from __future__ import annotations

from qwen_lsp.text import Change, Document, Edit, Span, normalize_line_ends


class InsertionPoint:
    """One place in one open document. Units: `span` is what was typed there, None once it is lost."""

    def __init__(self, document: Document, offset: int) -> None:
        self.document = document
        self.span: Span | None = Span(offset, offset)

    def follow(self, change: Change) -> None:
        """Take a change of the document in; the same one a second time does nothing."""
        if change.after is self.document:
            return
        is_next = change.before is self.document
        self.span = change.stretch(self.span) if is_next and self.span is not None else None
        self.document = change.after

    @property
    def typed(self) -> str | None:
        """What was typed at the place, with LF line ends; None when anything else has changed."""
        if self.span is None:
            return None
        return normalize_line_ends(self.document.text[self.span.start : self.span.end])

    def rebase(self, edit: Edit) -> Edit | None:
        """Return what is left of an insertion that was made for this place; None when nothing is."""
        if self.span is None or edit.span != Span(self.span.start, self.span.start):
            return None
        typed = self.document.text[self.span.start : self.span.end]
        rest = edit.new_text[len(typed) :]
        is_on_the_way = edit.new_text.startswith(typed)
        return Edit(Span(self.span.end, self.span.end), rest) if is_on_the_way and rest else None
