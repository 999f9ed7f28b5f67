"""Translate comments and docstrings between Chinese and English. The code is not shown and not touched.

Each line is one question, so what goes wrong with one costs only that one. Marks and indentation are ours.
An answer must hold the markup and names of its line; where it loses one, the line is translated in pieces.
"""

from __future__ import annotations

import re

from qwen_lsp.actions import checks, marks, prompts, reply
from qwen_lsp.actions.model import ModelSession
from qwen_lsp.actions.prose import in_language
from qwen_lsp.actions.target import Target, choose, whole_lines
from qwen_lsp.actions.task import Proposal, Refused, RepositoryContext, Task, apply
from qwen_lsp.errors import EndpointTimeout
from qwen_lsp.messages import Locale
from qwen_lsp.model import tokens
from qwen_lsp.syntax import code
from qwen_lsp.syntax.code import Prose
from qwen_lsp.text import Document, Edit, Span, has_han

# Comments that speak to tools.
_DIRECTIVE = re.compile(
    r"^\W*(!|noqa|type:|pylint|ruff|mypy|eslint|ts-|prettier|clang-format|nolint|go:|pragma|region|endregion|copyright"
    r"|spdx|fmt:|isort|coding[:=]|-\*-|<reference|@ts|todo\W*$)",
    re.IGNORECASE,
)
# The marks in front of a line's words; a Python docstring's, too.
_LINE_MARKS = re.compile(r"^([ \t]*(?:///?!?|\*(?!/)|/\*\*?|#+|--+|<!--)?[ \t]*)(.*)$")
_CLOSING = re.compile(r"(?<![ \t])[ \t]*+(\*/|-->|\"\"\"|''')[ \t]*$")
# What models write before a translation.
_LABEL = re.compile(
    r"^\W{0,3}((the )?(english|chinese) )?(translation|translated( comment)?|comment"
    r"|译文|中文|翻译(结果|如下)?)\W{0,3}[:：]\**\s*",
    re.IGNORECASE,
)
_OPENING = re.compile(r"^(/\*\*?!?|<!--|[rRuUbB]*(?:\"\"\"|'''|\"|'))[ \t]*")


def to_translate(prose: str, to: Locale) -> bool:
    """Whether a comment is prose of the other language."""
    words = re.findall(r"[A-Za-z]{2,}", re.sub(r"`[^`]*`|@\w+|https?://\S+", " ", prose))
    if _DIRECTIVE.match(_OPENING.sub("", prose)):
        return False
    return has_han(prose) if to == "en" else len(words) >= 2 and not has_han(prose)


async def run(task: Task, session: ModelSession, context: RepositoryContext) -> Proposal | Refused:
    """Translate the prose of the selection, or of the definition around the cursor, into `task.locale`.

    Raises: EndpointError.
    """
    target = choose(task, "selection")
    if target is None or target.source is None:
        return Refused("no_code")
    found = _lines(task.document, target.source.prose(), _within(target), task.locale)
    if not found:
        return Refused("nothing_to_do")
    edits: list[Edit] = []
    failed = Refused("language")
    region = Span(found[0].start, found[-1].end)
    for place in found:
        text = task.document.text[place.start : place.end]
        above = apply(task.document.text[: place.start], edits)[region.start :]
        try:
            translated = await _translated(text, task.locale, session, region, above)
        except EndpointTimeout:  # what is translated is worth having
            if not edits:
                raise
            break
        if isinstance(translated, Refused):
            failed = translated
        elif translated != text:
            edits.append(Edit(place, translated))
    if not edits:
        return failed
    after = code.parse(apply(task.document.text, edits), target.source.language)
    if after is None or (refused := checks.syntax(target.source, after)):
        return refused if after is not None and refused else Refused("syntax")
    if after.tokens() != target.source.tokens():
        return Refused("code_changed")
    return Proposal(tuple(edits))


def _within(target: Target) -> Span:
    """Return the lines that are selected; without a selection the definition with the comment above it."""
    task, definition = target.task, target.definition
    if task.document.text[task.span.start : task.span.end].strip():
        return whole_lines(task.document, target.place)
    if definition is None:
        return target.span
    start = definition.span.start
    for prose in reversed(target.source.prose() if target.source else []):
        if prose.span.end <= start and not task.document.text[prose.span.end : start].strip():
            start = prose.span.start
    return Span(start, definition.span.end)


def _lines(document: Document, prose: list[Prose], within: Span, to: Locale) -> list[Span]:
    """List the words of each line of each comment that is to be translated, without marks."""
    found: list[Span] = []
    for piece in prose:
        is_outside = piece.span.end <= within.start or piece.span.start >= within.end
        if is_outside or not to_translate(piece.text, to):
            continue
        at = piece.span.start
        opening = _OPENING.match(piece.text)
        for number, line in enumerate(re.split(r"(?<=\n)", piece.text)):
            body = line.rstrip("\r\n")
            head = opening.end() if number == 0 and opening else 0
            opened = _LINE_MARKS.match(body[head:])
            start = head + (len(opened[1]) if opened else 0)
            words = body[start:]
            if piece.is_docstring or opening:
                closing = _CLOSING.search(words) or (
                    re.search(r"[\"']$", words) if piece.is_docstring else None
                )
                words = words[: closing.start()] if closing else words
            leading, words, _ = marks.parts(words.rstrip())
            place = Span(at + start + len(leading), at + start + len(leading) + len(words))
            is_inside = within.start <= place.start and place.end <= within.end
            if words and is_inside and to_translate(words, to):
                found.append(place)
            at += len(line)
    return found


async def _translated(
    text: str, to: Locale, session: ModelSession, region: Span, above: str
) -> str | Refused:
    """Translate the words of one line; in pieces between its marks where the whole loses one of them.

    A listener gets the whole region so far: `above` is what of it stands before the line.
    """
    refused = Refused("language")
    for is_firm in (False, True):
        line = await _answered(text, to, session, region, above, is_firm=is_firm)
        if isinstance(line, Refused):
            refused = line
        elif missing := marks.lost(text, line):
            refused = Refused("marks", ", ".join(missing))
        else:
            return line
    if refused.reason != "marks" or len(cut := marks.pieces(text)) < 2:
        return refused
    parts: list[str] = []
    for piece, is_mark in cut:
        if is_mark or not to_translate(piece, to):
            parts.append(piece)
            continue
        line = await _answered(
            piece.strip(" ,，:："), to, session, region, above + "".join(parts), is_firm=True
        )
        if isinstance(line, Refused):
            return line
        parts.append(line)
    whole = _joined(parts, to)
    return Refused("marks", ", ".join(missing)) if (missing := marks.lost(text, whole)) else whole


def _joined(parts: list[str], to: Locale) -> str:
    """Put pieces together: English has spaces between them, and small letters behind a name."""
    if to == "zh":
        return "".join(parts)
    line = parts[0]
    for part in parts[1:]:
        is_apart = line[-1:].isspace() or part[:1].isspace() or part[:1] in ",.;:)!?" or line[-1:] == "("
        word = part[:1].lower() + part[1:] if part[1:2].islower() and line[-1:] not in ".:" else part
        line += word if is_apart else f" {word}"
    return line


async def _answered(
    text: str, to: Locale, session: ModelSession, region: Span, above: str, *, is_firm: bool
) -> str | Refused:
    answer = await session.ask(
        prompts.translate(text, to, is_firm=is_firm),
        3 * tokens.estimate(text) + 24,
        stop=("\n\n",),
        region=region,
        shown=lambda written: above + reply.prose_so_far(written),
    )
    line = " ".join(_LABEL.sub("", reply.prose_so_far(answer.text)).split())
    line = _LINE_MARKS.sub(r"\2", line) if not text.startswith(("*", "#", "/", "-")) else line
    line = _CLOSING.sub("", _OPENING.sub("", line)).strip() if line[:1] not in "\"'" else line.strip("\"'")
    if reply.is_refusal(line) or not line:
        return Refused("refusal" if line else "empty", line[:120])
    if answer.is_cut_off or len(line) > 8 * len(text) + 40:
        return Refused("grown")
    if re.search(r"\*/|-->|\"\"\"|'''|[\r\n]|\\$", line) or not in_language(line, to):
        return Refused("language")
    return line
