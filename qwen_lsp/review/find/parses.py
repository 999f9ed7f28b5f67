"""The check that a changed text still parses: its base did, and this one does not."""

from __future__ import annotations

import ast
import json
import re
import warnings
from collections.abc import Callable, Collection

from qwen_lsp import foreign_toml
from qwen_lsp.messages import Locale
from qwen_lsp.review import finding
from qwen_lsp.review.find import ruff
from qwen_lsp.review.finding import Finding
from qwen_lsp.syntax.languages import Language
from qwen_lsp.syntax.parsing import error_count, first_error
from qwen_lsp.syntax.python_names import Parse, parsed
from qwen_lsp.syntax.rules import all_rules
from qwen_lsp.text import Document, Span

RULE = "does-not-parse"
# Languages whose grammar knows all of them, and for which a second reader decides, too.
_CHECKED = frozenset(
    ("python", "javascript", "typescript", "typescriptreact", "go", "java", "rust", "json", "toml")
)


def check(
    document: Document,
    before: str,
    language: Language | None,
    changed: Collection[int],
    locale: Locale,
    parse: Parse = parsed,
) -> list[Finding]:
    """Return a finding when a text does not parse and its base did; at the changed line above the error."""
    if language is None or language.id not in _CHECKED:
        return []
    if language.id == "python" and parse(document.text) is not None:
        return []
    at = _error(document, before, language)
    if at is None or error_count(before, language) != 0:
        return []
    line = document.line_of(min(at, len(document.text))) + 1
    above = [number for number in changed if number <= line and document.line(number - 1).strip()]
    place = max(above, default=line)
    text = document.line(place - 1)
    start = document.starts[place - 1] + len(text) - len(text.lstrip())
    rule = all_rules()[RULE]
    return [
        finding.at(
            document,
            Span(start, document.starts[place - 1] + len(text.rstrip())),
            rule=RULE,
            severity=rule.severity,
            confidence=rule.confidence,
            category=rule.category,
            message=rule.message.to(locale).replace("{line}", str(line)),
            scenario=rule.scenario.to(locale),
        )
    ]


def _error(document: Document, before: str, language: Language) -> int | None:
    """Return where two readers refuse a text, each of which took the one before.

    Of Python that is its own compiler and ruff, of JSON and TOML the library's readers beside the grammar, of
    the others the brackets: grammars miss rare forms of their language, in which brackets are balanced.
    """
    text = document.text
    if language.id == "python":
        line = _refusal(text)
        source = ruff.Source(document.path or "a.py", text)
        if line is None or _refusal(before) is not None or not _is_refused_by_ruff(source):
            return None
        return document.starts[min(line, document.line_count) - 1]
    at = first_error(text, language)
    if at is None:
        return None
    if language.id in _READERS:
        is_refused = _refuses(_READERS[language.id], text) and not _refuses(_READERS[language.id], before)
        if is_refused and language.id == "json" and _is_lenient(document.path or "", text):
            return None
    else:
        is_refused = not _is_balanced(text) and _is_balanced(before)
    return at if is_refused else None


# Comments and strings of JavaScript, TypeScript, Go, Java and Rust.
_QUOTED = re.compile(
    r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|`(?:\\.|[^`\\])*`', re.DOTALL
)
_BRACKETS = re.compile(r"[()\[\]{}]")
_OPENED = {")": "(", "]": "[", "}": "{"}


def _is_balanced(text: str) -> bool:
    opened: list[str] = []
    for bracket in _BRACKETS.findall(_QUOTED.sub("", text)):
        if bracket not in _OPENED:
            opened.append(bracket)
        elif not opened or opened.pop() != _OPENED[bracket]:
            return False
    return not opened


# What programs read as JSON with comments: names, and text with a comment, which nobody writes by accident.
_LENIENT = re.compile(
    r"(?:^|/)(?:[tj]sconfig[^/]*|devcontainer|deno|turbo|biome|[^/]*\.code-workspace|\.\w+rc)\.json$|(?:^|/)\.vscode/"
)
_IN_JSON = re.compile(r'"(?:\\.|[^"\\\n])*"|(//[^\n]*|/\*.*?\*/)', re.DOTALL)
_LAST_COMMA = re.compile(r'("(?:\\.|[^"\\\n])*")|,(?=\s*[}\]])')


def _is_lenient(path: str, text: str) -> bool:
    """Whether a JSON text is one with comments and last commas, and nothing else is wrong with it."""
    has_comments = any(match[1] for match in _IN_JSON.finditer(text))
    if not has_comments and not _LENIENT.search(path):
        return False
    plain = _IN_JSON.sub(lambda match: "" if match[1] else match[0], text)
    return not _refuses(json.loads, _LAST_COMMA.sub(lambda match: match[1] or "", plain))


_READERS: dict[str, Callable[[str], object]] = {"json": json.loads, "toml": foreign_toml.loads}


def _refuses(read: Callable[[str], object], text: str) -> bool:
    try:
        read(text)
    except (ValueError, RecursionError):
        return True
    return False


def _is_refused_by_ruff(source: ruff.Source) -> bool:
    return any(one.rule == ruff.INVALID for one in ruff.run([source]).get(source.path, ()))


def _refusal(text: str) -> int | None:
    """Return the line at which Python's own parser refuses a text."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(text)
    except SyntaxError as error:
        return error.lineno or 1
    except (ValueError, RecursionError, MemoryError):
        return None
    return None
