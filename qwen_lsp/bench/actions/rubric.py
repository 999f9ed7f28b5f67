"""What a proposal on a stranger's function is worth, as far as a machine can see: the rubric of `--real`.

Owns the rules and their names; which functions are drawn, and what a person says of the result, is elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from qwen_lsp.actions import documentation, existing_documentation, marks
from qwen_lsp.actions.prose import in_language
from qwen_lsp.actions.task import Proposal, Task, apply
from qwen_lsp.messages import Locale
from qwen_lsp.syntax import code, contract, scopes
from qwen_lsp.syntax.code import Definition, Source
from qwen_lsp.syntax.languages import Language
from qwen_lsp.text import Document, Edit, Span, has_han

_EXAMPLE = re.compile(r"^[ \t]*>>> .*$", re.MULTILINE)
_IMPORT = re.compile(r"\s*(import|from|#include|const .*require|use |\)|\"|')")


@dataclass(frozen=True, slots=True)
class Place:
    """One function and what is done to it. `right`: the text that a repair must make, "" for other kinds."""

    kind: str
    package: str
    name: str
    task: Task
    function: Span
    right: str = ""


def broken_rules(place: Place, outcome: Proposal) -> list[str]:
    """Name the lines of the rubric that a proposal breaks: what a machine can see."""
    task = place.task
    before, after = task.document.text, apply(task.document.text, outcome.edits)
    language = task.language
    assert language is not None
    old, new = code.parse(before, language), code.parse(after, language)
    assert old is not None
    assert new is not None
    broken = []
    if new.error_count() > old.error_count():
        broken.append("parses")
    if not all(_is_in_scope(task.document, place.function, edit) for edit in outcome.edits):
        broken.append("scope")
    if place.right and after != place.right:
        broken.append("repaired, and nothing else")
    if task.kind in ("docstring", "translate") and old.tokens() != new.tokens():
        broken.append("code unchanged")
    if task.kind == "docstring":
        broken += _of_documentation(place, outcome, old, new)
    if task.kind == "translate":
        broken += _of_translation(place, after, old, new)
    if task.kind in ("simplify", "optimise", "errors"):
        broken += _of_rewriting(place, after, old, new)
    if task.kind == "test":
        broken += _of_test(outcome, language)
    return broken


def _of_test(outcome: Proposal, language: Language) -> Iterator[str]:
    if (outcome.other is None) == (not outcome.edits):
        yield "one file"
    if outcome.other is not None:
        there = outcome.other.document.text if outcome.other.document is not None else ""
        written = code.parse(apply(there, outcome.other.edits), language)
        if written is None or written.error_count():
            yield "tests parse"


def _is_in_scope(document: Document, function: Span, edit: Edit) -> bool:
    first = document.line_of(function.start)
    while first > 0 and re.match(r"\s*(@|#|//|/?\*|\*/|$)", document.line(first - 1)):
        first -= 1
    last = document.line_of(function.end) + 1
    is_inside = first <= document.line_of(edit.span.start) and document.line_of(edit.span.end) <= last
    return is_inside or bool(_IMPORT.match(edit.new_text))


def _function(source: Source, name: str, near: int) -> Definition | None:
    same = [one for one in source.definitions() if one.is_function and one.name == name]
    return min(same, key=lambda one: abs(one.span.start - near), default=None)


def _of_documentation(place: Place, outcome: Proposal, old: Source, new: Source) -> Iterator[str]:
    name = place.name.rsplit(": ", 1)[1]
    document = Document("file:///new", new.text, 0, place.task.document.language)
    was, now = (_function(source, name, place.function.start) for source in (old, new))
    if was is None or now is None:
        yield "function is there"
        return
    there = existing_documentation.find(place.task.document, old, was)
    written = existing_documentation.find(document, new, now)
    promise = contract.of(new, now)
    if written is None or promise is None:
        yield "documented"
        return
    parts = documentation.read(written.text)
    known = documentation.read(there.text) if there else documentation.Parts()
    if set(parts.parameters) - set(promise.parameters) - set(known.parameters):
        yield "parameters exist"
    if parts.result and not promise.has_result and not known.result:
        yield "result exists"
    if there is not None and not all(
        line.strip() in written.text for line in there.text.split("\n") if line.strip()
    ):
        yield "what stood there is kept"
    others = existing_documentation.others(old, there)
    locale: Locale = "zh" if sum(map(has_han, others)) * 2 > len(others) else "en"
    is_fit = any(in_language(written.text, one) for one in (place.task.locale, locale))
    if there is None and not is_fit:
        yield "language"  # neither the user's nor the file's
    added = sum(edit.new_text.count("\n") for edit in outcome.edits)
    if added > max(old.text.count("\n", place.function.start, place.function.end) + 1, 4):
        yield "length"


def _of_translation(place: Place, after: str, old: Source, new: Source) -> Iterator[str]:
    grown = len(after) - len(old.text)
    pairs = [
        [one.text for one in source.prose() if place.function.start <= one.span.start < end]
        for source, end in ((old, place.function.end), (new, place.function.end + grown))
    ]
    if len(pairs[0]) != len(pairs[1]):
        yield "a comment each"
        return
    for was, now in zip(*pairs, strict=True):
        if was != now and marks.lost(was, now):
            yield "marks"
            break
    examples = [
        line for was, now in zip(*pairs, strict=True) for line in _EXAMPLE.findall(was) if line not in now
    ]
    if examples:
        yield "examples kept"
    changed = "\n".join(now for was, now in zip(*pairs, strict=True) if was != now)
    if not changed:
        yield "translated"
    elif place.task.locale == "zh" and not has_han(changed):
        yield "language"


def _bare_header(source: Source, definition: Definition) -> str:
    """Return a header without white space, nor the comments that stand before the body."""
    header = source.text[definition.header.start : definition.header.end]
    for one in source.prose():
        if definition.header.start <= one.span.start < definition.header.end:
            header = header.replace(one.text, "")
    return "".join(header.split())


def _of_rewriting(place: Place, after: str, old: Source, new: Source) -> Iterator[str]:
    name = place.name.rsplit(": ", 1)[1]
    was, now = (_function(source, name, place.function.start) for source in (old, new))
    if was is None or now is None:
        yield "function is there"
        return
    headers = [_bare_header(source, one) for source, one in ((old, was), (new, now))]
    if headers[0] != headers[1]:
        yield "signature"
    if scopes.unreachable(new) - scopes.unreachable(old):
        yield "names reach"
    comments = {one.text for one in old.prose() if was.span.start <= one.span.start < was.span.end}
    if any(text not in after for text in comments):
        yield "comments kept"
