"""White space after a block, which belongs to no node: there a person's place says what is around it."""

from __future__ import annotations

# Languages whose blocks end where their indentation does.
INDENTED = frozenset({"python", "yaml"})


def code_end(text: str, offset: int) -> int:
    """Return where the code before the white space before a place ends."""
    while offset > 0 and text[offset - 1].isspace():
        offset -= 1
    return offset


def column(text: str, offset: int) -> int:
    """Return how far the line of a place is indented; a blank one as far as the place."""
    content = text[text.rfind("\n", 0, offset) + 1 : offset]
    return len(content) - len(content.lstrip()) or len(content) * content.isspace()
