"""The code inside other texts: scripts of HTML, Vue and Svelte, their templates, notebooks, unnamed scripts.

A part has the length of the whole text, with blanks where it is not code, so that every offset stays right.
Only templates and notebooks are different: their code is between other things, or escaped by JSON, so a part
has a text and lines of its own. It knows no rules.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from qwen_lsp.syntax import languages, notebook, templates
from qwen_lsp.syntax.languages import Language
from qwen_lsp.syntax.regions import HOSTS

_SCRIPT = re.compile(r"<script\b([^<>]*+)>", re.IGNORECASE)
_SCRIPT_END = re.compile(r"</script\s*+>", re.IGNORECASE)
_LANG = re.compile(r"\blang\s*=\s*[\"']?(\w+)")
_NOT_CODE = re.compile(
    r"\btype\s*=\s*[\"']?(?!module|text/(?:java|ecma|type)script|application/javascript)\w"
)
_SHEBANG = re.compile(r"#![^\n]*?\b(python|node|bash|sh|ruby|deno|bun)[\d.]*(?:\s|$)")
_INTERPRETERS = {
    "python": "python",
    "node": "javascript",
    "deno": "typescript",
    "bun": "typescript",
    "bash": "shellscript",
    "sh": "shellscript",
    "ruby": "ruby",
}
_VISIBLE = re.compile(r"[^\r\n]")
_LONE_CR = re.compile(r"\r(?!\n)")
# Letters that Python reads as ASCII: those of full width and the mathematical ones.
_LOOKALIKE = re.compile("[\uff21-\uff3a\uff41-\uff5a\uff3f\U0001d400-\U0001d7ff]")


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of code. `lines` maps its lines to those of the whole text, both from 0; None if they agree."""

    language: Language | None
    text: str
    lines: tuple[int, ...] | None = None


def parts(text: str, language: Language | None, path: str) -> list[Part]:
    """Return what of a text is code, the text itself first."""
    plain = _LONE_CR.sub("\n", text)
    if language is None and (match := _SHEBANG.match(plain)):
        language = languages.find(_INTERPRETERS[match[1]], None)
    if language is not None and language.id == "python":
        plain = _LOOKALIKE.sub(lambda match: unicodedata.normalize("NFKC", match[0])[:1], plain)
    found = [Part(language, plain)]
    if language is not None and language.id in HOSTS:
        scripts = _scripts(plain)
        found += [Part(languages.find(name, None), _only(plain, spans)) for name, spans in scripts.items()]
    if language is not None and language.id in templates.TEMPLATES:
        code, lines = templates.script(plain, language)
        found += [Part(languages.find("typescript", None), code, lines)] if code else []
    if path.lower().endswith(".ipynb"):
        found += _cells(plain)
    return found


def _scripts(text: str) -> dict[str, list[tuple[int, int]]]:
    """Return where the scripts of each language are. Those of a page share their names, and are one part."""
    found: dict[str, list[tuple[int, int]]] = {}
    at = 0
    while (start := _SCRIPT.search(text, at)) and (end := _SCRIPT_END.search(text, start.end())):
        at = end.end()
        if not _NOT_CODE.search(start[1]):
            lang = _LANG.search(start[1])
            name = {"ts": "typescript", "tsx": "tsx"}.get(lang[1] if lang else "", "javascript")
            found.setdefault(name, []).append((start.end(), end.start()))
    return found


def _only(text: str, spans: Sequence[tuple[int, int]]) -> str:
    pieces, at = [], 0
    for start, end in spans:
        pieces += [_VISIBLE.sub(" ", text[at:start]), text[start:end]]
        at = end
    return "".join([*pieces, _VISIBLE.sub(" ", text[at:])])


def _cells(text: str) -> list[Part]:
    """Return the code of a notebook; a line whose place cannot be found belongs to the first line."""
    cells = notebook.read(text)
    outer = text.split("\n")
    lines, at = [], 0
    for line in cells.source.split("\n"):
        wanted = json.dumps(line, ensure_ascii=False)[1:-1]
        place = next((n for n in range(at, len(outer)) if wanted in outer[n]), None) if line.strip() else None
        at = at if place is None else place
        lines.append(at)
    return [Part(languages.find(cells.language, None), cells.source, tuple(lines))]
