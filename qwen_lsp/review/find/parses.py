"""The check that a changed text still parses: its base did, and this one does not."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Collection

from qwen_lsp.messages import Locale
from qwen_lsp.review import finding
from qwen_lsp.review.finding import Finding
from qwen_lsp.syntax import brackets
from qwen_lsp.syntax.languages import Language
from qwen_lsp.syntax.parsing import error_count, first_error
from qwen_lsp.syntax.rules import all_rules
from qwen_lsp.text import Document, Span

RULE = "does-not-parse"
# Grammars that do not know all of their language: macros, templates, dialects, nested rules.
_NOT_CHECKED = frozenset(
    ("markdown", "c", "cpp", "csharp", "kotlin", "swift", "scala", "sql", "shellscript", "html", "yaml")
) | {"css", "scss", "less", "svelte", "vue"}
# Grammars that miss rare forms (`typeof import(...)` among type arguments): a bracket must be missing, too.
_GAPS = frozenset(("typescript", "typescriptreact"))


def check(
    document: Document, before: str, language: Language | None, changed: Collection[int], locale: Locale
) -> list[Finding]:
    """Return a finding when a text does not parse and its base did; at the changed line above the error."""
    if language is None or language.id in _NOT_CHECKED or error_count(before, language) != 0:
        return []
    at = first_error(document.text, language)
    if at is not None and language.id in _GAPS and _is_balanced(document.text, language):
        return []
    if at is None and language.id == "python":
        at = _indentation(document, before)
    if at is None:
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


def _is_balanced(text: str, language: Language) -> bool:
    balance = brackets.balance(text, language)
    return not balance.depth and not balance.foreign


def _indentation(document: Document, before: str) -> int | None:
    """Return where Python finds a wrong indentation, which the grammar overlooks."""
    line = _refusal(document.text)
    if line is None or _refusal(before) is not None:
        return None
    return document.starts[min(line, document.line_count) - 1]


def _refusal(text: str) -> int | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(text)
    except IndentationError as error:
        return error.lineno or 1
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return None
