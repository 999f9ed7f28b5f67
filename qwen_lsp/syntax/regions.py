"""Files made of parts in other languages: the script and the style of a Vue, Svelte, HTML or WXML file.

`at` says in which part a place stands. The tags that hold a part are found by their looks, so a window of a
file will do, also one that begins or ends inside a part. Offsets are code points.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from qwen_lsp.syntax.languages import Language, find

HOSTS = frozenset({"html", "vue", "svelte", "wxml", "axml"})
_TAG = re.compile(r"""<(/?)(script|style|wxs)\b((?:[^<>"']|"[^"]*"|'[^']*')*)>""", re.IGNORECASE)
_LANG = re.compile(r"""\b(?:lang|type)\s*=\s*["']?(?:text/)?([\w+-]+)""")
_DEFAULT = {"script": "javascript", "style": "css", "wxs": "javascript"}
# The grammar that also reads the plainer language, for a part whose opening tag is above the window.
_WIDER = {"script": "typescript", "style": "scss", "wxs": "javascript"}
_NAMES = {
    "ts": "typescript",
    "tsx": "typescriptreact",
    "jsx": "javascript",
    "js": "javascript",
    "module": "javascript",
}


@dataclass(frozen=True, slots=True)
class Region:
    """One part in another language than its file: `language` is None where it is unknown."""

    language: Language | None
    start: int
    end: int


def regions(text: str, host: Language | None) -> list[Region]:
    """Return the parts of a text in other languages than the host's, in order."""
    if host is None or host.id not in HOSTS:
        return []
    found: list[Region] = []
    opened: tuple[int, str, str] | None = None
    for tag in _TAG.finditer(text):
        name = tag[2].lower()
        if not tag[1]:
            if opened is None and not tag[3].endswith("/"):
                opened = (tag.end(), name, tag[3])
        elif opened is not None and opened[1] == name:
            found.append(Region(_language(name, opened[2]), opened[0], tag.start()))
            opened = None
        elif opened is None and not found:  # the window begins inside of it
            found.append(Region(find(_WIDER[name], None), 0, tag.start()))
    if opened is not None:
        found.append(Region(_language(opened[1], opened[2]), opened[0], len(text)))
    return found


def at(text: str, offset: int, host: Language | None) -> Region:
    """Return the part that holds a place: the whole text in the host's language where no other does."""
    for region in regions(text, host):
        if region.start <= offset <= region.end:
            return region
    return Region(host, 0, len(text))


def _language(tag: str, attributes: str) -> Language | None:
    match = _LANG.search(attributes)
    name = match[1].lower() if match else _DEFAULT[tag]
    return find(_NAMES.get(name, name), None)
