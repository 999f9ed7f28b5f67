"""Repairs that need no model: what a diagnostic says, together with the syntax, leaves one right edit.

`certain` tries them in order, the surest first, whatever span the diagnostic has: some tools mark a name,
some the whole line. It returns None where more than one edit could be meant.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable
from dataclasses import dataclass

from qwen_lsp.actions import checks, imports
from qwen_lsp.actions.task import Diagnostic, RepositoryContext, Task, apply
from qwen_lsp.syntax import code
from qwen_lsp.syntax.code import Source
from qwen_lsp.text import Edit, Span

_QUOTED = re.compile(r"[`'\"‘“「]([^\W\d][\w$]*)[`'\"’”」]")
_UNDEFINED = re.compile(
    r"undefined|not defined|undeclared|unresolved (reference|name)|cannot find (name|symbol|value|type)|F821"
    r"|未定义|找不到名称",
    re.IGNORECASE,
)
_SUGGESTED = re.compile(
    r"(?:did you mean|maybe|similar name exists|perhaps you meant|是否指|你是否)"
    r"[^`'\"‘“]{0,40}[`'\"‘“]([^\W\d][\w$]*)",
    re.IGNORECASE,
)
_UNUSED_IMPORT = re.compile(
    r"imported but unused|imported and not used|unused import|F401|import.*never used"
    r"|declared but its value is never read|is defined but never used|未使用的?导入",
    re.IGNORECASE,
)
_NOT_AWAITED = re.compile(
    r"never awaited|not awaited|missing .?await|must be awaited|floating.promise|缺少 ?await", re.IGNORECASE
)
# Two names are one misspelt where they differ by so little: one or two letters in a name of eight.
_MIN_LIKENESS = 0.82
_MIN_NAME_CHARS = 4


@dataclass(frozen=True, slots=True)
class _Case:
    """A diagnostic with what is known of its place. `line` covers the line on which it begins."""

    task: Task
    source: Source
    diagnostic: Diagnostic
    context: RepositoryContext
    line: Span

    @property
    def line_text(self) -> str:
        return self.source.text[self.line.start : self.line.end]


def certain(task: Task, context: RepositoryContext) -> tuple[Edit, ...] | None:
    """Return the edits that repair the task's one diagnostic for certain; None where no repair is."""
    source = code.parse(task.document.text, task.language)
    if source is None or len(task.diagnostics) != 1:
        return None
    diagnostic, document = task.diagnostics[0], task.document
    number = document.line_of(diagnostic.span.start)
    line = Span(document.starts[number], document.line_end(number))
    case = _Case(task, source, diagnostic, context, line)
    for repair in _REPAIRS:
        edits = repair(case)
        if edits:
            after = code.parse(apply(document.text, edits), task.language)
            if after is not None and checks.syntax(source, after) is None:
                return edits
    return None


def _undefined_name(case: _Case) -> str:
    """Return the name that the diagnostic misses; "" where it misses none."""
    if not _UNDEFINED.search(case.diagnostic.message):
        return ""
    span = case.diagnostic.span
    marked = case.source.text[span.start : span.end]
    if re.fullmatch(r"[^\W\d][\w$]*", marked):
        return marked
    quoted = _QUOTED.findall(case.diagnostic.message) or re.findall(
        r"(?:undefined|undeclared name|symbol)\s*:\s*([^\W\d]\w*)", case.diagnostic.message
    )
    names = [name for name in quoted if len(_places(case, name)) > 0]
    return names[0] if names else ""


def _places(case: _Case, name: str) -> list[Span]:
    """List where a name stands in the diagnostic's own span, else in its line."""
    text, span = case.source.text, case.diagnostic.span
    found: list[Span] = []
    for within in (span, case.line):
        found = [Span(m.start(), m.end()) for m in _plain(name).finditer(text, within.start, within.end)]
        if found:
            break
    return found


def _plain(name: str) -> re.Pattern[str]:
    """Match a name that is neither part of another nor behind a dot."""
    return re.compile(rf"(?<![\w$.]){re.escape(name)}(?![\w$])")


def _missing_import(case: _Case) -> tuple[Edit, ...] | None:
    name = _undefined_name(case)
    if not name or name in case.source.bound():
        return None
    line = imports.line_for(name, case.task, case.context)
    added = imports.added(case.task.document, [line], case.task.language) if line else None
    return (added,) if added is not None else None


def _suggested_name(case: _Case) -> tuple[Edit, ...] | None:
    """Take the name that the tool itself suggests."""
    suggested = _SUGGESTED.search(case.diagnostic.message)
    if suggested is None:
        return None
    before = case.diagnostic.message[: suggested.start()]
    wrong = [name for name in _QUOTED.findall(before) if name != suggested[1]]
    span = case.diagnostic.span
    marked = case.source.text[span.start : span.end]
    if re.fullmatch(r"[^\W\d][\w$]*", marked):
        return (Edit(span, suggested[1]),)
    for name in wrong:
        pattern = re.compile(rf"(?<![\w$]){re.escape(name)}(?![\w$])")
        found = list(pattern.finditer(case.line_text))
        if len(found) == 1:
            start = case.line.start + found[0].start()
            return (Edit(Span(start, start + len(name)), suggested[1]),)
    return None


def _misspelt_name(case: _Case) -> tuple[Edit, ...] | None:
    """Take the one name of the file that the missing one almost is."""
    name = _undefined_name(case)
    if len(name) < _MIN_NAME_CHARS or case.context.is_known(name):
        return None
    known = case.source.bound() - {name}
    near = [other for other in known if other.casefold() == name.casefold() or _is_swapped(name, other)]
    near = near or [
        other
        for other in difflib.get_close_matches(name, sorted(known), 3, _MIN_LIKENESS)
        if abs(len(other) - len(name)) <= 1
    ]
    if len(near) > 1:  # the function's own names are nearer than those of the rest of the file
        function = case.source.enclosing(case.diagnostic.span, functions_only=True)
        around = case.source.text[function.span.start : function.span.end] if function else ""
        near = [other for other in near if _plain(other).search(around)]
    places = _places(case, name)
    if len(near) != 1 or not places:
        return None
    return tuple(Edit(place, near[0]) for place in places)


def _is_swapped(name: str, other: str) -> bool:
    """Whether two names differ by two neighbouring letters that changed places."""
    at = next((i for i, (a, b) in enumerate(zip(name, other, strict=False)) if a != b), None)
    return at is not None and f"{other[:at]}{other[at : at + 2][::-1]}{other[at + 2 :]}" == name


def _unused_import(case: _Case) -> tuple[Edit, ...] | None:
    """Remove the import, or its name from a list."""
    if not _UNUSED_IMPORT.search(case.diagnostic.message):
        return None
    text, span = case.source.text, case.diagnostic.span
    marked = text[span.start : span.end].strip()
    dotted = re.search(r"[`'\"‘“]([\w.$/-]+)[`'\"’”]", case.diagnostic.message)
    name = marked if re.fullmatch(r"[\w$]+", marked) else re.split(r"[./]", dotted[1])[-1] if dotted else ""
    line = case.line_text
    if not name or not re.search(rf"(?<![\w$]){re.escape(name)}(?![\w$])", line):
        return None
    whole_line = Span(case.line.start, min(_next_line(text, case.line.end), len(text)))
    if re.fullmatch(rf'\s*"?{re.escape(name)}"?(\s+as\s+\w+)?\s*,?\s*', line):  # an item on its own line
        return (Edit(whole_line, ""),)
    if not re.match(r"\s*(import|from)\b|\s*(\w+\s+)?\"[^\"]+\"\s*$", line):
        return None
    if "," not in line:
        return (Edit(whole_line, ""),)
    item = rf"(?<![\w$.]){re.escape(name)}(?:\s+as\s+[\w$]+)?(?![\w$.])"
    found = re.search(rf"\s*{item}\s*,(?=\s*[\w$])|,\s*{item}|,\s*\{{\s*{item}\s*\}}", line)
    return (
        (Edit(Span(case.line.start + found.start(), case.line.start + found.end()), ""),) if found else None
    )


def _next_line(text: str, end: int) -> int:
    if text[end : end + 2] == "\r\n":
        return end + 2
    return end + 1


def _missing_await(case: _Case) -> tuple[Edit, ...] | None:
    """Await the call, in a function that may wait."""
    if not _NOT_AWAITED.search(case.diagnostic.message):
        return None
    text = case.source.text
    function = case.source.enclosing(case.diagnostic.span, functions_only=True)
    if function is None or not re.search(r"\basync\b", text[function.span.start : function.body.start]):
        return None
    span = case.diagnostic.span
    statement = re.match(r"\s*(?:(?:const|let|var)\s+)?(?:[\w$.]+\s*=\s*|return\s+)?", case.line_text)
    start = case.line.start + (statement.end() if statement else 0)
    if case.line.start < span.start and re.match(r"[\w$.]+\(", text[span.start : case.line.end]):
        start = max(start, span.start) if start <= span.start else start
    call = re.match(r"[\w$.]+\(", text[start : case.line.end])
    if call is None or re.search(r"\bawait\s*$", text[case.line.start : start]):
        return None
    return (Edit(Span(start, start), "await "),)


_REPAIRS: tuple[Callable[[_Case], tuple[Edit, ...] | None], ...] = (
    _missing_import,
    _suggested_name,
    _misspelt_name,
    _unused_import,
    _missing_await,
)
