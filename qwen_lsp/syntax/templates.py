"""The expressions in the templates of Vue and Svelte, as one script that can be searched like any other.

Each expression stands on lines of its own, between parentheses, or braces where it may be statements. One
that does not parse as a script is left out. It knows no rules.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from qwen_lsp.syntax import languages
from qwen_lsp.syntax.languages import Language
from qwen_lsp.syntax.parsing import error_count
from qwen_lsp.syntax.regions import regions
from qwen_lsp.syntax.tree import parse

TEMPLATES = frozenset(("vue", "svelte"))
_VUE = re.compile(
    r"""\{\{(?P<shown>(?:[^{}"'`]|"[^"\n]*"|'[^'\n]*'|`[^`]*`|\{[^{}]*\})*)\}\}"""
    r"""|\s(?P<name>v-(?!for\b|slot\b|pre\b)[\w-]+(?:[:.][\w.:-]+)?|[:@][\w.:-]+)="""
    r"""(?:"(?P<double>[^"]*)"|'(?P<single>[^']*)')"""
)
_ENTITY = re.compile(r"&#?\w+;")
_SVELTE = "svelte_raw_text"
# What is no expression: the heads of loops, what a block declares.
_DECLARES = frozenset(
    ("each_start", "snippet_start", "then_start", "catch_start", "const_tag", "await_start")
)


def script(text: str, language: Language) -> tuple[str, tuple[int, ...]]:
    """Return the expressions of a template as a script, and the line of the text that each line stands on.

    Lines are numbered from 0.
    """
    typescript = languages.find("typescript", None)
    assert typescript is not None
    written: list[str] = []
    lines: list[int] = []
    at, line = 0, 0
    for start, expression, is_statements in _expressions(text, language):
        left, right = "{}" if is_statements else "()"
        code = f"{left}{expression}{right};"
        line, at = line + text.count("\n", at, start), start
        if expression.strip() and not _ENTITY.search(expression) and not error_count(code, typescript):
            written.append(code)
            lines += range(line, line + code.count("\n") + 1)
    return "\n".join(written), tuple(lines)


def _expressions(text: str, language: Language) -> Iterator[tuple[int, str, bool]]:
    """Yield where each expression starts, its text, and whether it may be statements; in order."""
    if language.id == "svelte":
        yield from _in_svelte(text, language)
        return
    embedded = [(region.start, region.end) for region in regions(text, language)]
    for match in _VUE.finditer(text):
        if any(start <= match.start() < end for start, end in embedded):
            continue
        group = next(name for name in ("shown", "double", "single") if match[name] is not None)
        name = match["name"] or ""
        yield match.start(group), match[group], name.startswith(("@", "v-on"))


def _in_svelte(text: str, language: Language) -> Iterator[tuple[int, str, bool]]:
    tree = parse(text, language)
    if tree is None:
        return
    at_byte, at = 0, 0
    pending = [tree.syntax.root_node]
    while pending:
        node = pending.pop()
        if node.type == _SVELTE and node.parent is not None and node.parent.type not in _DECLARES:
            at += len(tree.data[at_byte : node.start_byte].decode("utf-8", "replace"))
            at_byte = node.start_byte
            yield at, tree.data[node.start_byte : node.end_byte].decode("utf-8", "replace"), False
        pending += reversed(node.named_children)
