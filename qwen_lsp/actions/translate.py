"""Translate comments and docstrings between Chinese and English. The code is not shown and not touched.

Each comment is one question, so what goes wrong with one costs only that one; marks and indentation are ours.
"""

from __future__ import annotations

import re

from qwen_lsp.actions import checks, prompts, reply
from qwen_lsp.actions.model import Voice
from qwen_lsp.actions.prose import has_han, in_language
from qwen_lsp.actions.target import choose
from qwen_lsp.actions.task import Knowledge, Proposal, Refused, Task, apply
from qwen_lsp.messages import Locale
from qwen_lsp.model import tokens
from qwen_lsp.syntax import code
from qwen_lsp.syntax.code import Prose
from qwen_lsp.text import Document, Edit, Span

# Comments that speak to tools.
_DIRECTIVE = re.compile(
    r"^\W*(!|noqa|type:|pylint|ruff|mypy|eslint|ts-|prettier|clang-format|nolint|go:|pragma|region|endregion|copyright"
    r"|spdx|fmt:|isort|coding[:=]|-\*-|<reference|@ts|todo\W*$)",
    re.IGNORECASE,
)
# The marks in front of a line's words; a Python docstring's, too.
_LINE_MARKS = re.compile(r"^([ \t]*(?:///?!?|\*(?!/)|/\*\*?|#+|--+|<!--)?[ \t]*)(.*)$")
_CLOSING = re.compile(r"[ \t]*(\*/|-->|\"\"\"|''')[ \t]*$")
_OPENING = re.compile(r"^(/\*\*?!?|<!--|[rRuUbB]*(?:\"\"\"|'''|\"|'))[ \t]*")


def to_translate(prose: str, to: Locale) -> bool:
    """Whether a comment is prose of the other language."""
    words = re.findall(r"[A-Za-z]{2,}", re.sub(r"`[^`]*`|@\w+|https?://\S+", " ", prose))
    if _DIRECTIVE.match(_OPENING.sub("", prose)):
        return False
    return has_han(prose) if to == "en" else len(words) >= 2 and not has_han(prose)


async def run(task: Task, voice: Voice, knowledge: Knowledge) -> Proposal | Refused:
    """Translate the prose of the selection, or of the definition around the cursor, into `task.locale`.

    Raises: EndpointError.
    """
    target = choose(task, "selection")
    if target is None or target.source is None:
        return Refused("no_code")
    span = target.span
    if target.definition is not None and span.start >= target.definition.span.start:
        span = Span(target.definition.span.start if span == target.definition.span else span.start, span.end)
    found = _lines(task.document, target.source.prose(), span, task.locale)
    if not found:
        return Refused("nothing_to_do")
    edits: list[Edit] = []
    failed = Refused("language")
    for place in found:
        text = task.document.text[place.start : place.end]
        region = Span(found[0].start, found[-1].end)
        above = apply(task.document.text[: place.start], edits)[region.start :]
        translated = await _translated(text, task.locale, voice, region, above)
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


def _lines(document: Document, prose: list[Prose], within: Span, to: Locale) -> list[Span]:
    """List the words of each line of each comment that is to be translated, without marks."""
    found: list[Span] = []
    for piece in prose:
        if piece.span.end <= within.start or piece.span.start >= within.end:
            continue
        if not to_translate(piece.text, to):
            continue
        at = piece.span.start
        opening = _OPENING.match(piece.text)
        for number, line in enumerate(re.split(r"(?<=\n)", piece.text)):
            body = line.rstrip("\r\n")
            head = opening.end() if number == 0 and opening else 0
            marks = _LINE_MARKS.match(body[head:])
            start = head + (len(marks[1]) if marks else 0)
            words = body[start:]
            if piece.is_docstring or opening:
                closing = _CLOSING.search(words) or (
                    re.search(r"[\"']$", words) if piece.is_docstring else None
                )
                words = words[: closing.start()] if closing else words
            words = words.rstrip()
            if words and to_translate(words, to):
                found.append(Span(at + start, at + start + len(words)))
            at += len(line)
    return found


async def _translated(text: str, to: Locale, voice: Voice, region: Span, above: str) -> str | Refused:
    """Translate one line; ask once more where the answer is in the wrong language.

    Who listens hears the whole region so far: `above` is what of it stands before the line.
    """
    refused = Refused("language")
    for is_firm in (False, True):
        answer = await voice.ask(
            prompts.translate(text, to, is_firm=is_firm),
            3 * tokens.estimate(text) + 24,
            stop=("\n\n",),
            region=region,
            shown=lambda written: above + reply.prose_so_far(written),
        )
        line = " ".join(reply.prose_so_far(answer.text).split())
        line = _LINE_MARKS.sub(r"\2", line) if not text.startswith(("*", "#", "/", "-")) else line
        line = (
            _CLOSING.sub("", _OPENING.sub("", line)).strip() if line[:1] not in "\"'" else line.strip("\"'")
        )
        if reply.is_refusal(line) or not line:
            refused = Refused("refusal" if line else "empty", line[:120])
        elif answer.is_cut_off or len(line) > 8 * len(text) + 40:
            refused = Refused("grown")
        elif re.search(r"\*/|-->|\"\"\"|'''|[\r\n]|\\$", line) or not in_language(line, to):
            refused = Refused("language")
        else:
            return line
    return refused
