"""The relative links of a Markdown text that name a file, with their lines."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import unquote

_FENCE = re.compile(r"\s*(?:[-*>]\s+)*(```+|~~~+)")
_CODE = re.compile(r"(`+)(?!`).*?(?<!`)\1(?!`)")
_LINK = re.compile(r"\]\(\s*<?([^\s()<>]+)>?(?:\s+[\"'][^\"']*[\"'])?\s*\)")
_FILE = re.compile(r"[^/]\.(?:mdx?|png|jpe?g|gif|svg|webp|py|go|tsx?|jsx?|java|json|ya?ml|toml|sh|txt|rst)$")
_COMMENT = re.compile(r"<!--.*?-->")


def relative(text: str) -> Iterator[tuple[int, str]]:
    """Yield each line, from 0, and the path that a link of it names, as seen from the text's own folder."""
    fence = ""
    for number, row in enumerate(text.split("\n")):
        if match := _FENCE.match(row):
            if not fence:
                fence = match[1]
            elif match[1].startswith(fence):
                fence = ""
            continue
        if fence or "](" not in row or row.startswith(("    ", "\t")):
            continue
        for target in _LINK.findall(_CODE.sub("", _COMMENT.sub("", row))):
            path = unquote(re.split(r"[?#]", target, maxsplit=1)[0])
            if _FILE.search(path) and not re.search(r"^/|^[\w+.-]+:|^www\.|[{}$@*|\\]|/(?:blob|tree)/", path):
                yield number, path
