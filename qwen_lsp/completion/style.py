"""The indentation of a file, and an answer written in it. Pure functions over texts with LF line ends.

A text that does not show its style clearly is left alone, and so is an answer whose own is not clear.
"""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise

_INDENTED = re.compile(r"^([ \t]*)\S", re.MULTILINE)
# Not `(` and `[`: what they continue is indented as one likes.
_OPENED = re.compile(r"[:{]\s*(?:(?:#|//).*)?\Z")
_UNITS = (2, 3, 4, 8)
_MIN_SEEN = 2  # one deeper line may be an accident


def unit_of(text: str) -> str | None:
    """Return one step of indentation as the text writes it: a tab or some spaces; None where unclear."""
    indents = _INDENTED.findall(text)
    n_tabs = sum(indent.startswith("\t") for indent in indents)
    n_spaces = sum(indent.startswith("  ") for indent in indents)
    if min(n_tabs, n_spaces) * 4 > max(n_tabs, n_spaces) or max(n_tabs, n_spaces) < _MIN_SEEN:
        return None
    if n_tabs > n_spaces:
        return "\t"
    widths = [len(indent) for indent in indents]
    steps = Counter(later - width for width, later in pairwise(widths))
    unit = max(_UNITS, key=lambda width: steps[width])
    return " " * unit if steps[unit] >= _MIN_SEEN else None


def reindented(text: str, before: str, after: str) -> str:
    """Return the answer in the style of the text around it; its first line begins at the cursor."""
    unit = unit_of(f"{before}\n{after}") or _unit_at_cursor(before)
    if unit is None:
        return text
    head = before.rpartition("\n")[2]
    first, *rest = f"{head}{text}".split("\n")
    lines = [first, *rest] if not head else rest
    if unit == "\t":
        width = _space_unit(lines)
        written = [_with_tabs(line, width) for line in lines] if width else lines
    else:
        above = first if head else next((line for line in reversed(before.split("\n")) if line.strip()), "")
        base = _width(head or above)
        written = _rescaled([_with_spaces(line, unit) for line in lines], above, base, len(unit))
    return "\n".join([text.partition("\n")[0], *written] if head else written)


def _unit_at_cursor(before: str) -> str | None:
    """Return the step that the editor has just made below a line that opens a block; None without one."""
    *above, head = before.split("\n")
    opener = next((line for line in reversed(above) if line.strip()), "")
    step = _width(head) - _width(opener)
    is_step = not head.strip(" ") and bool(_OPENED.search(opener)) and step in _UNITS
    return " " * step if is_step else None


def shifted(text: str, was: int, now: int) -> str:
    """Move the lines below the first with it, when its indentation shrinks from `was` to `now` columns.

    Lines less deep than the first belong to what is around the answer and stay.
    """
    first, *rest = text.split("\n")
    moved = [line[was - now :] if len(line) - len(line.lstrip(" \t")) >= was else line for line in rest]
    return "\n".join([first, *moved])


def _space_unit(lines: list[str]) -> int | None:
    """Return how many leading spaces make one tab: four, two where the answer shows steps of two."""
    widths = [len(one) - len(one.lstrip(" ")) for one in lines if one.strip()]
    return next((unit for unit in (4, 2) if all(width % unit == 0 for width in widths)), None)


def _with_tabs(line: str, width: int) -> str:
    """Turn leading spaces into tabs, one for so many."""
    body = line.lstrip(" ")
    return "\t" * ((len(line) - len(body)) // width) + body if body else line


def _with_spaces(line: str, unit: str) -> str:
    body = line.lstrip(" \t")
    return line[: len(line) - len(body)].replace("\t", unit) + body


def _rescaled(lines: list[str], above: str, base: int, unit: int) -> list[str]:
    """Widen or narrow the steps of an answer that opens blocks with another width than the file's.

    `above` is the line before the first of `lines`; steps count from the indentation `base`.
    """
    shown = [line for line in lines if line.strip()]
    pairs = pairwise([above, *shown])
    opened = [_width(line) - _width(opener) for opener, line in pairs if _OPENED.search(opener)]
    own = min((step for step in opened if step > 0), default=unit)
    if own == unit or own not in _UNITS:
        return lines
    steps = [_width(line) - base for line in shown]
    if any(step % (own if step > 0 else unit) for step in steps):  # something else is aligned there
        return lines
    return [_shifted(line, base, own, unit) for line in lines]


def _shifted(line: str, base: int, own: int, unit: int) -> str:
    over = _width(line) - base
    return line if over <= 0 or not line.strip() else " " * (base + over // own * unit) + line.lstrip(" ")


def _width(line: str) -> int:
    return len(line) - len(line.lstrip(" "))
