"""Which actions fit a selection: at once, from the text around it, without the model.

A large file is not parsed for that, only a window around the selection: what is listed may be a little
off at its edges, what is done later is not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from qwen_lsp.action_settings import ActionsConfig, CustomAction
from qwen_lsp.actions.fits import ANNOTATED, NO_CODE, RENAMED, is_test_file, to_translate
from qwen_lsp.actions.task import Diagnostic
from qwen_lsp.messages import Locale, text
from qwen_lsp.syntax import code
from qwen_lsp.syntax.code import Definition, Source
from qwen_lsp.syntax.languages import Language
from qwen_lsp.text import Document, Span, has_han

_LINES_AROUND = 120
_MAX_FIXES = 3
_MAX_TITLE_CHARS = 70
_MAX_ORDER_CHARS = 500
_TESTED = {"python", "javascript", "typescript", "typescriptreact", "go", "java"}
# A comment that asks for something: `# TODO: use a set`, `// FIXME(ann): close the file`.
_ORDER = re.compile(
    r"(?:#|//|--|/\*|<!--|%|;)+\s*(?:TODO|FIXME|XXX|待办)\b\s*(?:\([^)]*\))?\s*[:：]?\s*(.+?)\s*(?:\*/|-->)?$"
)


@dataclass(frozen=True, slots=True)
class Offer:
    """One action to list. `lsp_kind` is what editors filter and group by."""

    kind: str
    lsp_kind: str
    title: str
    instruction: str = ""
    diagnostic: int | None = None
    is_edit: bool = True
    locale: Locale | None = None


def offers(
    document: Document,
    span: Span,
    language: Language | None,
    diagnostics: Sequence[Diagnostic],
    locale: Locale,
    config: ActionsConfig,
    path: str,
) -> list[Offer]:
    """List the actions for a selection, the most specific first."""
    if not config.enabled or not document.text[slice(*_lines(document, span))].strip():
        return []
    found = list(_fixes(diagnostics, locale))
    if language is None or language.id not in NO_CODE:
        window, inside = _window(document, span, language)
        found += _fitting(window, inside, span, language, locale, path)
        found += _ordered(document, span, locale)
    found += _own(config.custom, language)
    return found


def _lines(document: Document, span: Span) -> tuple[int, int]:
    return document.starts[document.line_of(span.start)], document.line_end(document.line_of(span.end))


def _fixes(diagnostics: Sequence[Diagnostic], locale: Locale) -> Iterator[Offer]:
    for number, diagnostic in enumerate(diagnostics[:_MAX_FIXES]):
        message = " ".join(diagnostic.message.split())
        short = message if len(message) <= _MAX_TITLE_CHARS else message[: _MAX_TITLE_CHARS - 1] + "…"
        title = text("command.fix", locale, message=short)
        yield Offer("fix", "quickfix", title, diagnostic=number)


def _window(document: Document, span: Span, language: Language | None) -> tuple[Source | None, Span]:
    """Parse the lines around a selection; return them and where the selection is in them."""
    first = max(document.line_of(span.start) - _LINES_AROUND, 0)
    last = min(document.line_of(span.end) + _LINES_AROUND, document.line_count - 1)
    # A window that begins inside a function would be read as something else: begin at a first column.
    while (
        first > 0
        and first < document.line_of(span.start)
        and not re.match(r"[^\s)}\]]", document.line(first))
    ):
        first += 1
    start = document.starts[first]
    source = code.parse(document.text[start : document.line_end(last)], language)
    return source, Span(span.start - start, span.end - start)


def _fitting(
    source: Source | None, span: Span, selected: Span, language: Language | None, locale: Locale, path: str
) -> Iterator[Offer]:
    has_selection = selected.end > selected.start
    place = span
    if source is not None and not has_selection:  # at the end of a line, or in its indentation
        line = source.text[source.text.rfind("\n", 0, span.start) + 1 :].split("\n")[0]
        at = source.text.rfind("\n", 0, span.start) + 1 + len(line) - len(line.lstrip())
        place = Span(at, at)
    definition = source.enclosing(place) if source else None
    function = source.enclosing(place, functions_only=True) if source else None
    name = language.id if language else ""

    def offer(kind: str, lsp_kind: str, *, is_edit: bool = True) -> Offer:
        return Offer(kind, lsp_kind, text(f"command.{kind}", locale), is_edit=is_edit)

    if function is not None or has_selection:
        yield offer("explain", "", is_edit=False)
    if definition is not None and definition.name:
        yield offer("docstring", "refactor.rewrite")
        if name in _TESTED and not is_test_file(str(PurePosixPath(path))):
            yield offer("test", "refactor")
    if function is not None and source is not None:
        if name in ANNOTATED and _lacks_types(source, function, name):
            yield offer("types", "refactor.rewrite")
        if name in RENAMED and source.locals(function):
            yield offer("rename", "refactor.rewrite")
        if has_selection and "\n" in source.text[span.start : span.end].strip():
            body = function.body
            if (
                body.start <= span.start + _blank(source.text[span.start : span.end])
                and span.end <= body.end + 1
            ):
                yield offer("extract", "refactor.extract")
    if function is not None or has_selection:
        yield offer("simplify", "refactor.rewrite")
        yield offer("errors", "refactor.rewrite")
        yield offer("optimise", "refactor.rewrite")
    if source is not None and (to := _other_language(source, definition, span, locale)) is not None:
        yield Offer("translate", "refactor.rewrite", text(f"command.translate.{to}", locale), locale=to)


def _blank(text_: str) -> int:
    return len(text_) - len(text_.lstrip())


def _lacks_types(source: Source, function: Definition, language: str) -> bool:
    header = source.text[function.header.start : function.header.end]
    if language == "python":
        return "->" not in header
    parameters = (
        source.text[function.parameters.start : function.parameters.end] if function.parameters else "()"
    )
    return not re.search(r"\)\s*:", header) or (len(parameters) > 2 and ":" not in parameters)


def _other_language(
    source: Source, definition: Definition | None, span: Span, locale: Locale
) -> Locale | None:
    """Return the language that comments here can be translated into, None without any."""
    within = definition.span if definition is not None and span.start == span.end else span
    near = [
        piece for piece in source.prose() if piece.span.end > within.start and piece.span.start < within.end
    ]
    if any(has_han(piece.text) for piece in near):
        return "en"
    if locale == "zh" and any(to_translate(piece.text, "zh") for piece in near):
        return "zh"
    return None


def _ordered(document: Document, span: Span, locale: Locale) -> Iterator[Offer]:
    """Offer to do what a comment in the selection asks for: an instruction in every editor."""
    first, last = document.line_of(span.start), document.line_of(span.end)
    for number in range(first, min(last, first + 40) + 1):
        if match := _ORDER.search(document.line(number)[:_MAX_ORDER_CHARS]):
            order = match[1]
            short = order if len(order) <= _MAX_TITLE_CHARS else order[: _MAX_TITLE_CHARS - 1] + "…"
            yield Offer(
                "edit", "refactor.rewrite", text("command.edit", locale, order=short), instruction=order
            )
            return


def _own(custom: Sequence[CustomAction], language: Language | None) -> Iterator[Offer]:
    ids = set(language.ids) if language else set()
    for action in custom:
        if not action.languages or ids & set(action.languages):
            yield Offer(action.name, action.kind, action.title, is_edit=action.output == "edit")
