"""Which files' text may help in a file: those whose names and forms it can use.

What was looked at or edited lately, and what shares words, comes from any file of the repository; values of a
pipeline do not belong into a component, nor Python into Go. Knows paths and languages alone.
"""

from __future__ import annotations

from qwen_lsp.index.extract import family
from qwen_lsp.syntax.languages import find
from qwen_lsp.syntax.regions import HOSTS

# A page, its script and its style speak of the same names.
_WEB = HOSTS | {"javascript", "css", "scss", "less", "sass", "wxss", "wxs"}


def group(path: str, language_id: str = "") -> str:
    """Return what stands for the languages that can use one another's text; "" where it is unknown."""
    language = find(language_id, path)
    if language is None:
        return ""
    name = family(language.id)
    return "web" if name in _WEB else name


def fits(path: str, here: str) -> bool:
    """Tell whether text of a file may help in one of the group `here`: its own group, or nothing is known."""
    there = group(path)
    return not here or not there or there == here
