"""Translate comments and docstrings between Chinese and English. The code is not shown and not touched.

Each sentence is one question, also one that runs over several lines, with the sentence before it and what
that became. Marks, indentation and the number of lines are ours. An answer must hold the markup, names and
numbers of its sentence, the small words that turn it round (`cues`) and no words of the old language; a text
of which one sentence does not is left as it is. Half a sentence by itself is translated into something else.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from qwen_lsp.actions import checks, cues, marks, paragraphs, prompts, reply, terms
from qwen_lsp.actions.fits import OPENING, is_directive, to_translate
from qwen_lsp.actions.model import ModelSession
from qwen_lsp.actions.prose import in_language
from qwen_lsp.actions.target import Target, choose, whole_lines
from qwen_lsp.actions.task import Proposal, Refused, RepositoryContext, Task, apply
from qwen_lsp.errors import EndpointTimeout
from qwen_lsp.messages import Locale
from qwen_lsp.model import tokens
from qwen_lsp.syntax import code
from qwen_lsp.syntax.code import Prose, Source
from qwen_lsp.text import Document, Edit, Span

# The marks in front of a line's words; a Python docstring's, too.
_LINE_MARKS = re.compile(r"^([ \t]*(?:///?!?|\*(?!/|[\w.]+\*)|/\*\*?|#+|--+|<!--)?[ \t]*)(.*)$")
_SET_OFF = re.compile(r"[ \t]*///?!?(?:\t| {4})")
_CLOSING = re.compile(r"(?<![ \t])[ \t]*+(\*/|-->|\"\"\"|''')[ \t]*$")
# What models write before a translation.
_LABEL = re.compile(
    r"^\W{0,3}((the )?(english|chinese) )?(translation|translated( comment)?|comment"
    r"|译文|中文|翻译(结果|如下)?)\W{0,3}[:：]\**\s*",
    re.IGNORECASE,
)
# `:class:`Cart``, `{@link Cart}` and `*cart*`; what is more than a name is left as it is.
_ROLE_OR_LINK = re.compile(
    r":\w+:`(?P<role>[\w.~]+)`|\{@(?:link|code)\s+(?P<link>[\w.#]+)\}"
    r"|(?<![\w*])\*(?P<starred>[\w.]+)\*(?![\w*])"
)

# Two clauses, of which the second is a condition and the first says nothing of what stood before.
_CONDITION_BEHIND = re.compile(
    r"(?P<rest>(?!但|因此|所以|并|否则|而|或|也|然后|如果|若|当|只有|除非|这)[^，。；：、！？,;]+)"
    r"，(?P<condition>(?:如果|若)[^，。；：！？,;]+|当[^，。；：！？,;]+时)(?P<end>。?)"
)
# Names alone, in brackets.
_LIST = re.compile(r"(?<![\w`)\]])\((?:[A-Za-z_]\w*, )+[A-Za-z_]\w*\)(?!`)", re.ASCII)


async def run(task: Task, session: ModelSession, context: RepositoryContext) -> Proposal | Refused:
    """Translate the prose of the selection, or of the definition around the cursor, into `task.locale`.

    Raises: EndpointError.
    """
    target = choose(task, "selection")
    if target is None or target.source is None:
        return Refused("no_code")
    found = _texts(task.document, target.source.prose(), _within(target), task.locale)
    if not found:
        return Refused("nothing_to_do")
    edits: list[Edit] = []
    failed = Refused("language")
    region = Span(found[0][0].start, found[-1][-1].end)
    ask = _Asking(task.locale, session, region, _names(target.source), _words(target.source))
    for block in paragraphs.blocks(task.document, found):
        made: list[Edit] = []
        try:
            for group in block:
                above = apply(task.document.text[: group[0].start], [*edits, *made])[region.start :]
                lines = await _lines_of(task.document, group, ask, above)
                if isinstance(lines, Refused):
                    failed, made = lines, []
                    break
                made += [
                    Edit(place, line)
                    for place, line in zip(group, lines, strict=True)
                    if line != task.document.text[place.start : place.end]
                ]
        except EndpointTimeout:  # what is translated is worth having
            if not edits:
                raise
            break
        edits += made
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


def _texts(document: Document, prose: list[Prose], within: Span, to: Locale) -> list[list[Span]]:
    """List the texts that are to be translated, each as the words of its lines, without marks."""
    lines: list[paragraphs.Line] = []
    for piece in prose:
        if piece.span.end > within.start and piece.span.start < within.end:
            lines += _lines(document, piece)
    kept = [one for one in paragraphs.prose(document, lines) if _is_within(one, within)]
    return [
        group
        for group in paragraphs.grouped(document, kept)
        if to_translate(paragraphs.joined(document, group, "en" if to == "zh" else "zh"), to)
    ]


def _is_within(place: Span, within: Span) -> bool:
    return within.start <= place.start and place.end <= within.end


def _lines(document: Document, piece: Prose) -> list[paragraphs.Line]:
    """List the lines of a comment: their words, without marks and directives to tools."""
    found: list[paragraphs.Line] = []
    at = piece.span.start
    opening = OPENING.match(piece.text)
    for number, line in enumerate(re.split(r"(?<=\n)", piece.text)):
        body = line.rstrip("\r\n")
        head = opening.end() if number == 0 and opening else 0
        if piece.is_docstring:
            start = len(body) - len(body[head:].lstrip(" \t"))
        else:
            opened = _LINE_MARKS.match(body[head:])
            start = head + (len(opened[1]) if opened else 0)
        words = body[start:]
        if piece.is_docstring or opening:
            closing = _CLOSING.search(words) or (re.search(r"[\"']$", words) if piece.is_docstring else None)
            words = words[: closing.start()] if closing else words
        leading, words, _ = marks.parts(words.rstrip())
        if is_directive(body):
            words = ""
        first = at + start + len(leading)
        column = at + start - document.starts[document.line_of(at)]
        is_set_off = _SET_OFF.match(body) is not None
        found.append(paragraphs.Line(Span(first, first + len(words)), column, is_set_off))
        at += len(line)
    return found


@dataclass(frozen=True, slots=True)
class _Asking:
    """How the lines of a region are asked for.

    `names` are what the file calls things, `words` all words of its code, in small letters.
    """

    to: Locale
    session: ModelSession
    region: Span
    names: frozenset[str]
    words: frozenset[str]


def _words(source: Source) -> frozenset[str]:
    """Return the words that a file's code, strings included, is made of: `maxSize` is `max` and `size`."""
    parts, at = [], 0
    for one in source.prose():
        parts.append(source.text[at : one.span.start])
        at = one.span.end
    whole = " ".join((*parts, source.text[at:]))
    return frozenset(word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+|[A-Za-z]+", whole))


def _names(source: Source) -> frozenset[str]:
    """Return the names of a file's definitions that are no words of everyday language."""
    return frozenset(one.name for one in source.definitions() if re.search(r"[A-Z_]", one.name))


async def _lines_of(
    document: Document, group: Sequence[Span], ask: _Asking, above: str
) -> list[str] | Refused:
    """Translate the lines of one text, or say which sentence of it cannot be."""
    text = paragraphs.joined(document, group, "en" if ask.to == "zh" else "zh")
    parts: list[str] = []
    before: tuple[str, str] | None = None
    for sentence in paragraphs.sentences(text):
        translated = await _translated(sentence, ask, above + "".join(parts), before)
        if isinstance(translated, Refused):
            return translated
        parts.append(_ended(translated, sentence, ask.to))
        before = (sentence, parts[-1])
    whole = ("" if ask.to == "zh" else " ").join(parts)
    return paragraphs.spread(whole, [one.end - one.start for one in group]) or Refused("left_out")


def _ended(translated: str, text: str, to: Locale) -> str:
    """End a translation as its text ends: models like to put a full stop, or forget it."""
    last = text.rstrip()[-1:]
    if last in ".。" and re.search(r"\w$", translated):
        return translated + ("。" if to == "zh" else ".")
    if last in ".。!！?？":
        return translated
    bare = translated.rstrip("。.")
    if last in ";；":
        return bare.rstrip("；;") + ("；" if to == "zh" else ";")
    return bare or translated


@dataclass(frozen=True, slots=True)
class _Wrong:
    """What an answer lacks or holds that it should not, to be told when it is asked for once more."""

    marks: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    foreign: tuple[str, ...] = ()

    @property
    def refused(self) -> Refused | None:
        """The reason to take no such answer; None for a good one."""
        for reason, found in (
            ("marks", self.marks),
            ("left_out", self.left_out),
            ("language", self.foreign),
        ):
            if found:
                return Refused(reason, ", ".join(found))
        return None


def _wrong(text: str, line: str, ask: _Asking) -> _Wrong:
    lists = _lists(text, ask.words)
    prose = line
    for one in lists:
        prose = prose.replace(one, " ")
    return _Wrong(
        (*marks.lost(text, line, ask.names), *(one for one in lists if one not in line)),
        tuple(cues.left_out(text, line, ask.to)),
        tuple(cues.added(text, line, ask.to) or cues.foreign(prose, ask.words, ask.to)),
    )


async def _translated(
    text: str, ask: _Asking, above: str, before: tuple[str, str] | None = None
) -> str | Refused:
    """Translate the words of one sentence. Where the whole loses a mark at its end, its words without it.

    A listener gets the whole region so far: `above` is what of it stands before the sentence.
    """
    refused = Refused("language")
    wrong = _Wrong()
    for is_firm in (False, True):
        line = await _answered(text, ask, above, is_firm=is_firm, wrong=wrong, before=before)
        if isinstance(line, Refused):
            refused = line
            continue
        wrong = _wrong(text, line, ask)
        if wrong.refused is None:
            return line
        refused = wrong.refused
    cut = marks.pieces(text)
    prose = [n for n, (piece, is_mark) in enumerate(cut) if not is_mark and re.search(r"\w", piece)]
    if refused.reason != "marks" or len(cut) < 2 or len(prose) != 1:
        return refused
    line = await _answered(cut[prose[0]][0].strip(" ,，:："), ask, above, is_firm=True)
    if isinstance(line, Refused):
        return line
    whole = _joined([line if n == prose[0] else piece for n, (piece, _) in enumerate(cut)], ask.to)
    return _wrong(text, whole, ask).refused or whole


def _condition_first(line: str) -> str:
    """Put a condition that follows, as in English, before what it is one of, as Chinese has it."""
    found = _CONDITION_BEHIND.fullmatch(line)
    return f"{found['condition']}，{found['rest']}{found['end']}" if found is not None else line


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


def _lists(text: str, words: frozenset[str]) -> list[str]:
    """List where names of the code stand in brackets: `(callable, args, state)`. They are no prose."""
    found = []
    for match in _LIST.finditer(text):
        names = {name.lower() for name in re.findall(r"\w+", match[0])}
        if 2 * len(names & words) >= len(names) and not names & cues.ENGLISH:
            found.append(match[0])
    return found


def _as_code(text: str, ask: _Asking) -> tuple[str, dict[str, str]]:
    """Show names and lists of names, roles of reST and links of Javadoc as plain code: models let it stand.

    Shape: what is shown, and for each piece of code in it what stands there instead.
    """
    shown: dict[str, str] = {}

    def of_mark(match: re.Match[str]) -> str:
        code_ = f"`{match['role'] or match['link'] or match['starred']}`"
        if shown.get(code_) == match[0]:
            return code_
        if code_ in shown or code_ in text.replace(match[0], ""):
            return match[0]
        shown[code_] = match[0]
        return code_

    marked = _ROLE_OR_LINK.sub(of_mark, text)
    for one in _lists(marked, ask.words):
        shown[f"`{one}`"] = one
        marked = marked.replace(one, f"`{one}`")
    for name in ask.names:
        whole = rf"(?a:(?<![\w$.`]){re.escape(name)}(?![\w$`]))"
        if f"`{name}`" not in marked and re.search(whole, marked):
            shown[f"`{name}`"] = name
            marked = re.sub(whole, f"`{name}`", marked)
    return marked, shown


async def _answered(
    text: str,
    ask: _Asking,
    above: str,
    *,
    is_firm: bool,
    wrong: _Wrong | None = None,
    before: tuple[str, str] | None = None,
) -> str | Refused:
    marked, shown = _as_code(text, ask)
    wrong = wrong or _Wrong()
    keep = [next((code_ for code_, one in shown.items() if one == mark), mark) for mark in wrong.marks]
    answer = await ask.session.ask(
        prompts.translate(
            marked,
            ask.to,
            keep,
            is_firm=is_firm,
            left_out=wrong.left_out,
            foreign=wrong.foreign,
            before=before,
            terms=terms.of(text) if ask.to == "zh" else (),
        ),
        3 * tokens.estimate(text) + 24,
        stop=("\n\n",),
        region=ask.region,
        shown=lambda written: above + reply.prose_so_far(written),
    )
    line = " ".join(_LABEL.sub("", reply.prose_so_far(answer.text)).split())
    line = _LINE_MARKS.sub(r"\2", line) if not text.startswith(("*", "#", "/", "-")) else line
    line = _CLOSING.sub("", OPENING.sub("", line)).strip() if line[:1] not in "\"'" else line.strip("\"'")
    for code_, original in shown.items():
        line = line.replace(code_, original)
    for added in set(re.findall(r"(?<![:`])`([^`]+)`(?!`)", line)):  # marks of its own
        if f"`{added}`" not in text:
            line = line.replace(f"`{added}`", added)
    line = terms.repaired(text, _condition_first(line)) if ask.to == "zh" else line
    if reply.is_refusal(line) or not line:
        return Refused("refusal" if line else "empty", line[:120])
    if answer.is_cut_off or len(line) > 8 * len(text) + 40:
        return Refused("grown")
    if re.search(r"\*/|-->|\"\"\"|'''|[\r\n]|\\$", line) or not in_language(line, ask.to):
        return Refused("language")
    return line
