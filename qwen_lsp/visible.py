"""Foreign text, made safe to show: on a terminal, in a message of an editor, in a report.

File names, code, answers and settings come from strangers. What is invisible, moves the cursor, turns text
around or opens a link is written as an escape. Escapes are JSON's: a JSON text means the same afterwards.
"""

from __future__ import annotations

import re

# C0 but tab and line end, DEL, C1, format characters (Cf), line and paragraph separators, half characters.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180e\u200b-\u200f"
    "\u2028-\u202e\u2060-\u2064\u2066-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb\U000110bd\U000110cd"
    "\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0001\U000e0020-\U000e007f]"
)
_BREAKS = re.compile("[\t\n]")
# What an editor's message may take for a link or a command.
_LINK = re.compile(r"\]\s*\(|<(?=[A-Za-z/!])|\bcommand:", re.IGNORECASE)


def visible(text: str) -> str:
    """Write what cannot be seen as escapes; tabs and line ends stay."""
    return _INVISIBLE.sub(_escape, text)


def visible_path(path: str) -> str:
    """Write a name, or another text that is one line, so that it stays one."""
    return _BREAKS.sub(_escape, visible(path))


def message(text: str) -> str:
    """Write a text for a message of an editor: no links, no commands, nothing invisible."""
    return _LINK.sub(lambda match: f"{match.group()[0]}\u200b{match.group()[1:]}", visible(text))


def _escape(match: re.Match[str]) -> str:
    units = match.group().encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))
