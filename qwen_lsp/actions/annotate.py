"""Add type annotations to a function: the header stays as it is, the model writes a type into each hole.

Python and TypeScript, where annotations are optional. One question: a grammar holds the answer to the
header's own text with a type in each hole. What is certain from the syntax is not asked; a type that nothing
vouches for is left out. What types need is imported where the file lacks it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from qwen_lsp.actions import checks, imports, layout, prompts, reply, rewrite
from qwen_lsp.actions.fits import ANNOTATED
from qwen_lsp.actions.model import ModelSession
from qwen_lsp.actions.target import Target, choose
from qwen_lsp.actions.task import Proposal, Refused, RepositoryContext, Task, apply
from qwen_lsp.model import tokens
from qwen_lsp.syntax import code, python_types, typescript_types
from qwen_lsp.syntax.annotations import ANY, Hole, holes
from qwen_lsp.syntax.code import Definition
from qwen_lsp.syntax.python_types import Type
from qwen_lsp.text import Document, Edit, Span

_TOKENS_A_TYPE = 24
_NOTHING = {"None", "void", "undefined", "Promise<void>", "Promise<undefined>"}
_GRAMMARS = {
    "python": r"""
type ::= one (" | " one){0,3}
one ::= name ("[" inner (", " inner){0,3} "]")?
name ::= [A-Za-z_] [A-Za-z0-9_]{0,30} ("." [A-Za-z_] [A-Za-z0-9_]{0,30})?
inner ::= type | "..." | "[" (type (", " type){0,3})? "]"
""",
    "typescript": r"""
type ::= one (" | " one){0,3} | "(" (called (", " called){0,3})? ") => " one
called ::= word ": " one
one ::= (name ("<" type (", " type){0,2} ">")? | "{ " member ("; " member){0,5} " }") ("[]"){0,2}
member ::= word "?"? ": " type
name ::= word ("." word)?
word ::= [A-Za-z_$] [A-Za-z0-9_$]{0,30}
""",
}


async def run(task: Task, session: ModelSession, context: RepositoryContext) -> Proposal | Refused:
    """Annotate the function around the selection.

    Raises: EndpointError.
    """
    if task.language is None or task.language.id not in ANNOTATED:
        return Refused("nothing_to_do")
    target = choose(task, "function")
    if target is None or target.source is None:
        return Refused("no_definition")
    function = target.source.enclosing(target.place, functions_only=True)
    if function is None or function.parameters is None:
        return Refused("no_definition")
    if rewrite.room(target, session) is None:
        return Refused("too_large")
    found = holes(target.source, function)
    if not found:
        return Refused("nothing_to_do")
    written = {number: hole.certain for number, hole in enumerate(found) if hole.certain}
    if len(written) < len(found):
        answered = await _asked(target, function, found, session, context)
        if isinstance(answered, Refused):
            return answered
        written = dict(enumerate(answered)) | written
    return _proposed(target, function, found, written, context)


async def _asked(
    target: Target,
    function: Definition,
    found: Sequence[Hole],
    session: ModelSession,
    context: RepositoryContext,
) -> list[str] | Refused:
    """Have the model write the header with a type in each hole; return the types."""
    assert target.source is not None
    header = _header(target.task.document, function)
    texts = _texts_between(target, header, found)
    answer = await session.ask(
        prompts.header(target, rewrite.signatures_of(target, context), " ".join(_of(target, header).split())),
        2 * tokens.estimate("".join(texts)) + _TOKENS_A_TYPE * len(found),
        begins=f"{prompts.opening(target)}{texts[0].removesuffix(found[0].before)}",
        stop=(f"\n{prompts.fence(target.shown)}",),
        grammar=_grammar(target, texts, found),
        original=target.shown,
        region=header,
        shown=reply.so_far,
    )
    code_ = reply.code_of(answer.text, target.shown)
    if isinstance(code_, Refused):
        return code_
    # White space is free: an endpoint that knows no grammars writes it as it likes.
    between = [r"\s*".join(map(re.escape, re.findall(r"\w+|[^\w\s]", text))) for text in texts]
    hole = r"\s*([^:=]+?)\s*" if target.source.language.id == "python" else r"\s*(.+?)\s*"
    match = re.search(hole.join(between), code_, re.DOTALL)
    return (
        list(match.groups())
        if match is not None
        else Refused("cut_off" if answer.is_cut_off else "signature")
    )


def _of(target: Target, span: Span) -> str:
    return target.task.document.text[span.start : span.end]


def _header(document: Document, function: Definition) -> Span:
    """Return the header with what ends it, without comments that stand between it and the body."""
    start, end = function.header.start, function.header.end
    text = re.sub(r":(\s*#[^\r\n]*\s*)+$", ":", document.text[start:end]).rstrip()
    if document.text[function.body.start : function.body.start + 1] == "{":
        return Span(start, function.body.start + 1)
    return Span(start, start + len(text))


def _texts_between(target: Target, header: Span, found: Sequence[Hole]) -> list[str]:
    """Return the header's own text before, between and behind the holes, as the model sees it."""
    parts: list[str] = []
    at, after = header.start, ""
    for hole in found:
        parts.append(f"{after}{_of(target, Span(at, hole.span.start))}{hole.before}")
        at, after = hole.span.end, hole.after
    parts.append(f"{after}{_of(target, Span(at, header.end))}")
    return [re.sub(rf"(\r\n|\r|\n)({target.indent})?", "\n", part) for part in parts]


def _grammar(target: Target, texts: Sequence[str], found: Sequence[Hole]) -> str:
    """Write the GBNF grammar of the header from its first hole on."""
    rules = [json.dumps(found[0].before)]
    for hole, text in zip(found, texts[1:], strict=True):
        shapes = [_rule(shape) for shape in hole.shapes]
        rules += [f"({' | '.join(shapes)})", json.dumps(text, ensure_ascii=False)]
    assert target.source is not None
    language = "python" if target.source.language.id == "python" else "typescript"
    return f"root ::= {' '.join(rules)}\n{_GRAMMARS[language].strip()}\n"


def _rule(shape: str) -> str:
    inner = "one" if shape.endswith("[]") else "type"  # `a | b[]` would be another type
    return f" {inner} ".join(json.dumps(text) for text in shape.split(ANY))


def _proposed(
    target: Target,
    function: Definition,
    found: Sequence[Hole],
    written: dict[int, str],
    context: RepositoryContext,
) -> Proposal | Refused:
    """Make edits of the types that hold."""
    assert target.source is not None
    document, language = target.task.document, target.source.language
    types = _types(target, function, found, written, context)
    if not types:
        return Refused("names", ", ".join(dict.fromkeys(written.values())))
    header = [
        Edit(found[number].span, f"{found[number].before}{type_.text}{found[number].after}")
        for number, type_ in types.items()
    ]
    edits = [*_imports(document, list(types.values())), *header]
    after = code.parse(apply(document.text, edits), language)
    if after is None or (refused := checks.syntax(target.source, after)):
        return refused if after is not None and refused else Refused("syntax")
    # The last look: without its annotations the function is what it was.
    alone = code.parse(apply(document.text, header), language)
    if alone is None or _bare(target.source.tokens(with_types=False)) != _bare(
        alone.tokens(with_types=False)
    ):
        return Refused("code_changed")
    return Proposal(tuple(edits))


def _bare(found: list[str]) -> list[str]:
    return [token for token in found if token != ","]


def _types(
    target: Target,
    function: Definition,
    found: Sequence[Hole],
    written: dict[int, str],
    context: RepositoryContext,
) -> dict[int, Type]:
    """Return the types that hold in the file, by hole."""
    source = target.source
    assert source is not None
    written = {
        number: text
        for number, text in written.items()
        if not (found[number].has_value and text in _NOTHING)  # it returns something
    }
    types: dict[int, Type | None] = {}
    if source.language.id == "python":
        line = target.task.document.line_of(function.header.start) + 1
        scope = python_types.scope(target.task.document.text, line)
        for number, text in sorted(written.items() if scope is not None else ()):
            assert scope is not None
            each = python_types.of_each(text, found[number].stars)
            types[number] = python_types.settled(
                each, scope, takes_none=found[number].takes_none, importing=context.importing
            )
    else:
        known = typescript_types.known(source)
        types = {
            number: Type(named) if typescript_types.holds(named, source.language, known) else None
            for number, text in sorted(written.items())
            for named in [as_the_file_writes(text, source.text)]
        }
    named = {hole.name: types.get(number) for number, hole in enumerate(found) if hole.name}
    kept = {number: one for number, one in types.items() if one is not None}
    return {
        number: one
        for number, one in kept.items()
        if not (same := found[number].same_as)
        or ((given := named.get(same)) is not None and given.text in (one.text, one.text[8:-1]))
    }


def as_the_file_writes(text: str, file: str) -> str:
    """Give a name of a type the dollar sign that the file has before it: models leave it out."""

    def marked(match: re.Match[str]) -> str:
        is_there = re.search(rf"(?<![\w$]){match[0]}(?!\w)", file) is not None
        is_marked = re.search(rf"(?<![\w$])\${match[0]}(?!\w)", file) is not None
        return f"${match[0]}" if is_marked and not is_there else match[0]

    return re.sub(r"(?<![\w$])[A-Z]\w*", marked, text)


def _imports(document: Document, types: Sequence[Type]) -> list[Edit]:
    """Return the edit that imports what types need; what is the repository's for type checkers alone."""
    names: dict[str, set[str]] = {}
    for module, name in {pair for one in types for pair in one.typing}:
        names.setdefault(module, set()).add(name)
    lines = sorted({line for one in types for line in one.lines})
    if lines:
        names.setdefault("typing", set()).add("TYPE_CHECKING")
    new = [f"from {module} import {', '.join(sorted(names[module]))}" for module in sorted(names)]
    if lines:
        unit = layout.indent_unit(document.text)
        new += ["", "if TYPE_CHECKING:", *(f"{unit}{line}" for line in lines)]
    if not new:
        return []
    at = imports.below(document)
    return [Edit(Span(at, at), "".join(f"{line}{document.line_ending}" for line in new))]
