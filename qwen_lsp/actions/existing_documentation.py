"""Documentation that stands there already: what it says, and the edit that adds what it lacks.

Every line that is there stays to the letter; lines are added in the convention they are written in.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from qwen_lsp.actions import documentation
from qwen_lsp.actions.documentation import Parts, Style
from qwen_lsp.actions.target import Target
from qwen_lsp.syntax.code import Definition, Source
from qwen_lsp.text import Document, Edit, Span

_MARK = re.compile(r"^[ \t]*(/\*\*?|\*(?!/)|///|//|---?|#)?[ \t]?")
_PARAMETER_LINE = re.compile(r"@param|@arg|:param|<param")
_RESULT_LINE = re.compile(r"@returns?|:returns?:|<returns")
_ERROR_LINE = re.compile(r"@throws|@exception|:raises|<exception")
_ANY_TAG = re.compile(r"^[^\w<@:]*(@\w|:\w+[ :]|<(param|returns|exception|remarks|example))")
_ABOVE_IN_GO = re.compile(r"^((?://(?![a-z]+:).*\n)+)(?=(?:func|type|var|const|package)\b)", re.MULTILINE)
_HEADINGS = ("Args", "Arguments", "Parameters", "Returns", "Yields", "Raises")


@dataclass(frozen=True, slots=True)
class Existing:
    """Shape: `span` is the literal or the comment's lines; `text` what it says, without marks."""

    span: Span
    text: str
    is_literal: bool


def find(document: Document, source: Source, definition: Definition) -> Existing | None:
    """Find the documentation of a definition."""
    if source.language.id == "python":
        for prose in source.prose():
            if prose.is_docstring and prose.span.start == definition.body.start:
                inner = re.sub(r"^[rRuUbB]*(\"\"\"|'''|\"|')|(\"\"\"|'''|\"|')$", "", prose.text)
                return Existing(prose.span, _dedented(inner), True)
        return None
    line = document.line_of(definition.span.start)
    first = line
    for prose in reversed(source.prose()):
        top, bottom = document.line_of(prose.span.start), document.line_of(prose.span.end)
        is_alone = not document.text[document.starts[top] : prose.span.start].strip()
        if prose.is_docstring or not is_alone or bottom != first - 1:
            continue
        if not re.match(r"/\*|///|---|#(?!!)|//|--", prose.text):
            break
        first = top
    if first == line:
        return None
    span = Span(document.starts[first], document.starts[line])
    raw = document.text[span.start : span.end].splitlines()
    text = [re.sub(r"[ \t]*\*/[ \t]*$", "", _MARK.sub("", one, count=1)) for one in raw]
    return Existing(span, "\n".join(text).strip("\n"), False)


def others(source: Source, existing: Existing | None) -> list[str]:
    """List what other documentation of the file says, to take its convention from."""
    found: list[str] = []
    if source.language.id == "go":  # any comment above what has a name
        own = existing.span if existing is not None else Span(0, 0)
        for block in _ABOVE_IN_GO.finditer(source.text):
            if not own.start <= block.start() < own.end:
                said = re.sub(r"^// ?", "", block[1], flags=re.MULTILINE).strip()
                found.append(re.sub(r"^\w+ +", "", said))  # the name, which may be a verb itself
        return found
    for prose in source.prose():
        is_own = existing is not None and existing.span.start <= prose.span.start < existing.span.end
        is_documentation = prose.is_docstring or prose.text.startswith(("/**", "///"))
        if is_documentation and not is_own and prose.span.start > 0:
            found.append(_dedented(re.sub(r"^[rRuUbB]*(\"\"\"|'''|\"|')", "", prose.text)))
    return found


def _dedented(text: str) -> str:
    lines = text.split("\n")
    indents = [len(line) - len(line.lstrip()) for line in lines[1:] if line.strip()]
    cut = min(indents, default=0)
    return "\n".join([lines[0], *(line[cut:] for line in lines[1:])]).strip()


def completed(target: Target, existing: Existing, added: Parts, style: Style, unit: str) -> Edit:
    """Return the edit that adds parts to documentation that lacks them."""
    document = target.task.document
    language = target.source.language.id if target.source else ""
    text = document.text[existing.span.start : existing.span.end]
    ending = document.line_ending
    if existing.is_literal:
        quote = re.match(r"[rRuUbB]*(\"\"\"|'''|\"|')", text)
        assert quote is not None
        column = existing.span.start - document.starts[document.line_of(existing.span.start)]
        indent = document.text[existing.span.start - column : existing.span.start]
        mark, closing = quote[1], len(quote[1])
        inner = re.split(r"\r\n|\r|\n", text[quote.end() : len(text) - closing])
        if not inner[-1].strip():
            inner.pop()
        wide = '"""' if mark == '"' else "'''" if mark == "'" else mark
        body = _with_parts(inner, added, style, language, indent, unit)
        opened = f"{text[: quote.start(1)]}{wide}"
        return Edit(existing.span, ending.join([f"{opened}{body[0]}", *body[1:], f"{indent}{wide}"]))
    raw = re.split(r"\r\n|\r|\n", text)[:-1]
    indent = raw[0][: len(raw[0]) - len(raw[0].lstrip())]
    if not raw[0].lstrip().startswith("/*"):
        mark = re.match(r"\s*(///|//|---?|#)", raw[0])
        body = _with_parts(raw, added, style, language, f"{indent}{mark[1] if mark else '//'} ", unit)
        return Edit(existing.span, "".join(f"{line}{ending}" for line in body))
    if len(raw) == 1:  # `/** Text. */` becomes a comment of several lines
        text = re.sub(r"^/\*\*?[ \t]*|[ \t]*\*/$", "", raw[0].strip())
        raw = [f"{indent}/**", f"{indent} * {text}", f"{indent} */"]
    body = _with_parts(raw[:-1], added, style, language, f"{indent} * ", unit)
    return Edit(existing.span, "".join(f"{line}{ending}" for line in [*body, raw[-1]]))


def _with_parts(
    raw: list[str], added: Parts, style: Style, language: str, prefix: str, unit: str
) -> list[str]:
    """Put the lines of the added parts where their kind belongs among raw lines."""
    result = list(raw)
    if style in ("google", "numpy"):
        for part in _apart(added):
            block = documentation.lines(part, style, language, unit)
            _into_section(result, block, prefix)
        return result
    last_of_kind = [_PARAMETER_LINE, _RESULT_LINE, _ERROR_LINE]
    has_tags = any(_ANY_TAG.search(line) for line in raw)
    for kind, part in enumerate(_apart(added)):
        block = documentation.lines(part, style, language, unit)
        if not block:
            continue
        at = len(result)
        before = [n for n, line in enumerate(result) if any(p.search(line) for p in last_of_kind[: kind + 1])]
        after = [n for n, line in enumerate(result) if _ANY_TAG.search(line)]
        if before:  # behind the last of its kind or of those that come first, with its further lines
            at = before[-1] + 1
            while at < len(result) and not _ANY_TAG.search(result[at]) and result[at].strip(" \t*/#-"):
                at += 1
        elif after:
            at = after[0]
        lines = [f"{prefix}{line}".rstrip() for line in block]
        if not has_tags and style != "xml":
            lines, has_tags = [prefix.rstrip(), *lines], True
        result[at:at] = lines
    return result


def _apart(parts: Parts) -> tuple[Parts, Parts, Parts]:
    return Parts(parameters=parts.parameters), Parts(result=parts.result), Parts(errors=parts.errors)


def _into_section(result: list[str], block: list[str], prefix: str) -> None:
    """Add a section, or its items to the section of that name."""
    if not block:
        return
    heading = block[0].rstrip(":")
    own = ("Args", "Arguments", "Parameters") if heading in ("Args", "Parameters") else (heading,)
    is_heading = [line.strip().rstrip(":") in _HEADINGS for line in result]
    there = [n for n, line in enumerate(result) if is_heading[n] and line.strip().rstrip(":") in own]
    n_head = 2 if block[1].startswith("---") else 1
    if there:
        at = there[0] + n_head
        while at < len(result) and result[at].strip() and not is_heading[at]:
            at += 1
        result[at:at] = [f"{prefix}{line}" for line in block[n_head:]]
        return
    rank = _HEADINGS.index(heading)
    later = [
        n
        for n, line in enumerate(result)
        if is_heading[n] and _HEADINGS.index(line.strip().rstrip(":")) > rank
    ]
    lines = [f"{prefix}{line}" for line in block]
    if later:
        result[later[0] : later[0]] = [*lines, ""]
    else:
        result += ["", *lines]
