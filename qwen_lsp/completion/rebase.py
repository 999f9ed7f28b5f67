"""Carry a suggestion over to the text that has been typed while it was made. Pure."""

from __future__ import annotations

from qwen_lsp.text import Document, Edit, Span


def rebase(edit: Edit, made_for: Document, now: Document) -> Edit | None:
    """Return what is left of an insertion in a newer text; None when the text has gone another way.

    It is carried over only when the newer text is the older one with the beginning of the suggestion
    typed at its place. Cost: two comparisons of the text.
    """
    at = edit.span.start
    n_typed = len(now.text) - len(made_for.text)
    if n_typed < 0 or edit.span.end != at or n_typed > len(edit.new_text):
        return None
    typed = now.text[at : at + n_typed]
    is_on_the_way = (
        edit.new_text.startswith(typed)
        and now.text[at + n_typed :] == made_for.text[at:]
        and now.text[:at] == made_for.text[:at]
    )
    rest = edit.new_text[n_typed:]
    return Edit(Span(at + n_typed, at + n_typed), rest) if is_on_the_way and rest else None
