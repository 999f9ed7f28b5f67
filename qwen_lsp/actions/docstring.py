"""Document a definition, in the convention and the language of its file; complete what is documented already.

The model fills in the text of each part; which parts there are follows from the code. Marks, indentation
and place are ours, so the code is what it was by construction, and it is checked all the same.
"""

from __future__ import annotations

import json
import re
import textwrap
from dataclasses import dataclass, replace

from qwen_lsp.actions import (
    checks,
    claims,
    documentation,
    documentation_reply,
    existing_documentation,
    layout,
    prompts,
    rewrite,
    verbs,
)
from qwen_lsp.actions.documentation import Parts, Style
from qwen_lsp.actions.existing_documentation import Existing
from qwen_lsp.actions.model import ModelSession
from qwen_lsp.actions.prose import in_language
from qwen_lsp.actions.target import Target, choose
from qwen_lsp.actions.task import Proposal, Refused, RepositoryContext, Task
from qwen_lsp.messages import Locale
from qwen_lsp.model.generation import Message
from qwen_lsp.syntax import code, contract
from qwen_lsp.syntax.code import Definition, Source
from qwen_lsp.syntax.contract import NOTHING, Contract
from qwen_lsp.text import Edit, Span, has_han

_MAX_TOKENS, _MAX_SENTENCE_TOKENS, _MAX_EXPLAINED_TOKENS = 400, 120, 140
# A string of the answer may be so long; small models do not end one by themselves.
_MAX_PART_CHARS = 200
_MAX_AROUND_CHARS = 200
# A function so short needs no list of parameters, unless the file has them everywhere.
_MAX_LINES_OF_SHORT = 4
# A file's convention is to list parameters where so much of its documentation does: some functions have none.
_USUAL = 1 / 3
_WIDTH = 88
# Languages whose documentation stands in `/** */`; others use the line comment, doubled or not.
_BLOCK = {
    "javascript", "typescript", "typescriptreact", "java", "kotlin", "php", "scala", "c", "cpp", "css",
}  # fmt: skip
_LINE = {"rust": "///", "csharp": "///", "swift": "///", "lua": "---"}
# What follows the verb of a summary, as a grammar and as a pattern of JSON. A small model that has begun in
# English goes on in English, whatever it was asked for.
_REST = {"en": r'" " [^\n]{8,300}', "zh": r"[^\n]{2,150}"}
_REST_IN_JSON = {"en": r' [^"\\\n]{8,200}', "zh": r'[^"\\\n]{2,120}'}
# Languages whose summaries are in the imperative, by custom; elsewhere they are in the third person.
_IMPERATIVE = {"python", "ruby", "lua", "shellscript"}
_CONSTRUCTORS = {"__init__", "constructor", "initialize"}


async def run(task: Task, session: ModelSession, context: RepositoryContext) -> Proposal | Refused:
    """Document the definition around the selection, or add what its documentation lacks.

    Raises: EndpointError.
    """
    target = choose(task, "definition")
    if target is None or target.definition is None or target.source is None:
        return Refused("no_definition")
    if rewrite.room(target, session) is None:
        return Refused("too_large")
    plan = _planned(target, target.definition, target.source)
    if isinstance(plan, Refused):
        return plan
    place = _edit(plan, Parts("…"))  # where it goes does not depend on what it says

    def in_place(written: str) -> str:
        parts = _parts(plan, written, is_cut_off=False)
        return _edit(plan, parts).new_text if isinstance(parts, Parts) else ""

    signatures = rewrite.signatures_of(target, context)
    around = _around(plan)
    is_new = plan.existing is None
    explained = await _explained(plan, session, signatures, around)
    if plan.contract == NOTHING:
        order = prompts.sentence(plan.definition.name, plan.locale)
    else:
        order = prompts.documentation(target, plan.contract, plan.locale, is_new=is_new)
    messages = prompts.next_order(explained, order)
    failed: Refused | None = None
    first = _verbs(plan) if session.client.can.grammar else []
    sentence = f"root ::= ({' | '.join(map(_quoted, first))}) {_REST[plan.locale]}" if first else ""
    schema = _schema(plan, first) if plan.contract != NOTHING else None
    grammar = sentence if schema is None else ""
    for _ in range(2):
        answer = await session.ask(
            messages,
            _MAX_TOKENS if schema is not None else _MAX_SENTENCE_TOKENS,
            json_schema=schema,
            grammar=grammar,
            original=target.shown,
            region=place.span,
            shown=in_place,
        )
        parts = _parts(plan, answer.text, answer.is_cut_off)
        result = parts if isinstance(parts, Refused) else _judged(plan, parts)
        if isinstance(result, Proposal):
            return result
        failed = failed or result
        if result.reason in ("refusal", "documented"):
            break
        wanted = "Chinese" if plan.locale == "zh" else "English"
        if is_new:  # where filling in parts came to nothing, a sentence in plain words is worth having
            schema, grammar = None, sentence
            messages = prompts.next_order(explained, prompts.sentence(plan.definition.name, plan.locale))
        again = f"Say in {wanted} only what the code shows, in plain text."
        if result.reason == "unfounded" and result.detail:
            again = f"Nothing in the code shows this. {again}"
        if result.reason == "says_nothing":
            again = prompts.MORE[plan.locale]
        messages = prompts.again_prose(messages, answer.text, again)
    assert failed is not None
    return failed


async def _explained(
    plan: _Plan, session: ModelSession, signatures: list[str], around: list[str]
) -> list[Message]:
    """Have the model say what code does, before it is said in a sentence: it is right more often then."""
    messages = prompts.plainly(plan.target, signatures, around, plan.locale)
    said = await session.ask(messages, _MAX_EXPLAINED_TOKENS)
    return [*messages, Message("assistant", said.text)]


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is to be written. `contract` is what the documentation must still speak of."""

    target: Target
    definition: Definition
    source: Source
    existing: Existing | None
    contract: Contract
    style: Style
    locale: Locale
    max_lines: int


def _planned(target: Target, definition: Definition, source: Source) -> _Plan | Refused:
    existing = existing_documentation.find(target.task.document, source, definition)
    others = existing_documentation.others(source, existing)
    style = documentation.style_of(source.language.id, others)
    wanted = contract.of(source, definition) or NOTHING
    text = source.text[definition.span.start : definition.span.end]
    n_lines = len([line for line in text.split("\n") if line.strip()])
    if contract.is_property(source, definition):  # its summary says what the value is
        wanted = replace(wanted, has_result=False)
    if style == "plain":
        wanted = NOTHING
    n_with_parameters = sum(bool(documentation.read(one).parameters) for one in others)
    has_sections = n_with_parameters > 0
    max_lines = max(n_lines, 3)
    if existing is not None:
        if _is_plain_block(target, existing):
            return Refused("documented")
        wanted = documentation.missing(wanted, documentation.read(existing.text), existing.text)
        is_short = not has_sections and n_lines <= _MAX_LINES_OF_SHORT
        if wanted == NOTHING or is_short:
            return Refused("documented")
    else:
        is_private = source.language.id == "python" and re.match(r"_(?!_)", definition.name) is not None
        if is_private or (len(others) > 1 and n_with_parameters < _USUAL * len(others)):
            wanted = NOTHING
        # What opens and closes it takes lines, too.
        n_marks = 2 if source.language.id in _BLOCK else 1 if source.language.id == "python" else 0
        wanted = documentation.shortened(wanted, style, source.language.id, max_lines - n_marks)
    return _Plan(
        target, definition, source, existing, wanted, style, _locale(target, existing, others), max_lines
    )


def _is_plain_block(target: Target, existing: Existing) -> bool:
    """Whether a comment has no tags that tools read: `/* ... */`, and `//` where there is `/** ... */`."""
    text = target.task.document.text[existing.span.start : existing.span.end].lstrip()
    language = target.source.language.id if target.source is not None else ""
    is_line = text.startswith("//") and not text.startswith("///") and language in _BLOCK
    return is_line or (text.startswith("/*") and not text.startswith("/**"))


def _locale(target: Target, existing: Existing | None, others: list[str]) -> Locale:
    """Return the language of the file's documentation; the user's where there is none to go by."""
    texts = [existing.text] if existing is not None else others if len(others) > 1 else []
    if not texts:
        return target.task.locale
    return "zh" if 2 * sum(has_han(text) for text in texts) > len(texts) else "en"


def _verbs(plan: _Plan) -> list[str]:
    """List what the summary may begin with."""
    if not plan.definition.is_function:
        return []
    promise = contract.of(plan.source, plan.definition)
    return verbs.beginnings(
        plan.locale,
        existing_documentation.others(plan.source, plan.existing),
        _made(plan),
        is_third=plan.source.language.id not in _IMPERATIVE,
        name=plan.definition.name,
        has_result=promise is None or promise.has_result,
        gives_function=contract.gives_function(plan.source, plan.definition),
    )


def _made(plan: _Plan) -> str:
    """Return the class that a constructor makes one of, "" for what is no constructor."""
    name, language = plan.definition.name, plan.source.language.id
    classes = {one.name for one in plan.source.definitions() if not one.is_function}
    around = [
        one
        for one in plan.source.definitions()
        if one.span.start < plan.definition.span.start and plan.definition.span.end <= one.span.end
    ]
    text = plan.source.text[plan.definition.span.start : plan.definition.span.end]
    is_made_by_name = (
        language in ("javascript", "typescript") and re.search(r"^\s*this\.\w+ =", text, re.M) is not None
    )
    is_constructor = plan.definition.is_function and (
        name in _CONSTRUCTORS
        or (name in classes and language != "go")
        or (name[:1].isupper() and is_made_by_name)
    )
    if not is_constructor:
        return ""
    return around[-1].name if around and not around[-1].is_function else name


def _around(plan: _Plan) -> list[str]:
    """Tell what a definition stands in: the header of each, with the beginning of its documentation."""
    found: list[str] = []
    for one in plan.source.definitions():
        if one.span.start < plan.definition.span.start and plan.definition.span.end <= one.span.end:
            header = " ".join(plan.source.text[one.header.start : one.header.end].split())
            there = existing_documentation.find(plan.target.task.document, plan.source, one)
            said = " ".join(there.text.split())[:_MAX_AROUND_CHARS] if there is not None else ""
            found += [header[:_MAX_AROUND_CHARS], *([f"  ({said})"] if said else [])]
    return found


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _schema(plan: _Plan, first: list[str]) -> dict[str, object]:
    """Return the shape of the answer: only what the function has can be spoken of.

    The summary begins with one of `first`, if there are any.
    """
    text = {"type": "string", "maxLength": _MAX_PART_CHARS}
    summary = text
    if first:
        summary = {"type": "string", "pattern": f"^({'|'.join(first)}){_REST_IN_JSON[plan.locale]}$"}
    properties: dict[str, object] = {} if plan.existing is not None else {"summary": summary}
    for key, names in (("parameters", plan.contract.parameters), ("raises", plan.contract.errors)):
        if names:
            inner = {name: text for name in names}
            properties[key] = {"type": "object", "properties": inner, "required": list(names)}
        if key == "parameters" and plan.contract.has_result:
            properties["returns"] = text
    return {"type": "object", "properties": properties, "required": list(properties)}


def _judged(plan: _Plan, parts: Parts) -> Proposal | Refused:
    document = plan.target.task.document
    if claims.invented(parts.parameters.values(), document.text):
        parts = replace(parts, parameters={})  # the other parameters alone would look like all of them
        if parts == Parts():
            return Refused("unfounded")
    edit = _edit(plan, parts)
    after = document.text[: edit.span.start] + edit.new_text + document.text[edit.span.end :]
    parsed = code.parse(after, plan.source.language)
    if parsed is None or (refused := checks.syntax(plan.source, parsed)):
        return refused if parsed is not None and refused else Refused("syntax")
    if parsed.tokens() != plan.source.tokens():
        return Refused("code_changed")
    return Proposal((edit,))


def _parts(plan: _Plan, answer: str, is_cut_off: bool) -> Parts | Refused:
    """Return what of an answer, also of one that is still being written, is documentation of the code."""
    text = documentation_reply.text_of(answer, is_cut_off=is_cut_off)
    if isinstance(text, Refused):
        return text
    return _checked(plan, documentation.fitting(documentation.read(text), plan.contract))


def _checked(plan: _Plan, parts: Parts) -> Parts | Refused:
    """Leave out what the code does not bear out; say why where nothing is left."""
    span, name = plan.definition.span, plan.definition.name
    shown = "\n".join((plan.source.text[span.start : span.end], *_around(plan)))

    def unfounded(text: str) -> bool:
        return claims.unfounded(text, shown, name)

    summary = claims.founded(documentation.first_sentence(parts.summary), shown, name)
    if parts.summary and not summary:
        return Refused("unfounded", parts.summary[:80])
    gives_function = contract.gives_function(plan.source, plan.definition)
    if summary and gives_function and not claims.speaks_of_function(summary):  # what the other one does
        return Refused("unfounded", summary[:80])
    made, n_lines = _made(plan), shown.strip().count("\n") + 1
    is_more = plan.definition.is_function and (made or n_lines > _MAX_LINES_OF_SHORT)
    if summary and is_more and claims.says_nothing(summary, name, made):
        return Refused("says_nothing", summary[:80])
    said = plan.existing.text if plan.existing is not None else summary
    is_repeated = claims.repeats(parts.result, said)
    is_hollow = any(map(claims.is_hollow, parts.parameters.values()))
    kept = Parts(
        "" if plan.existing is not None else summary,
        # The other parameters alone would look like all of them.
        {} if is_hollow else {key: text for key, text in parts.parameters.items() if not unfounded(text)},
        "" if unfounded(parts.result) or is_repeated else parts.result,
        parts.errors,
    )
    if kept == Parts():
        return Refused("documented" if is_repeated and not parts.parameters else "empty")
    prose = "\n".join((kept.summary, *kept.parameters.values(), kept.result, *kept.errors.values()))
    if not in_language(prose, plan.locale):
        return Refused("language")
    if plan.source.language.id == "go" and kept.summary:
        kept = documentation.named_first(kept, name)
    if kept.summary.count("\n") >= plan.max_lines:
        kept = replace(kept, summary=kept.summary.split("\n")[0])
    return kept if plan.existing is not None else _short_enough(plan, kept)


def _short_enough(plan: _Plan, parts: Parts) -> Parts:
    """Leave out errors, then the result, then the parameters, until no more lines are left than code has."""
    fewer = [replace(parts, errors={}), replace(parts, errors={}, result=""), Parts(parts.summary)]
    for less in (parts, *(one for one in fewer if one.summary)):
        if _edit(plan, less).new_text.count("\n") <= plan.max_lines:
            return less
    return Parts(parts.summary) if parts.summary else parts


def _edit(plan: _Plan, parts: Parts) -> Edit:
    """Put the parts where documentation belongs, or among what is there."""
    document, language = plan.target.task.document, plan.source.language
    unit = layout.indent_unit(document.text)
    if plan.existing is not None:
        return existing_documentation.completed(plan.target, plan.existing, parts, plan.style, unit)
    lines = documentation.lines(parts, plan.style, language.id)
    if language.id == "python":
        return _python_edit(plan, "\n".join(lines))
    line = document.line_of(plan.definition.span.start)
    indent = _indent_of(document.line(line))
    start = document.starts[line]
    marked = _marked(language.id, language.comment, _wrapped("\n".join(lines), len(indent) + 3))
    return Edit(
        Span(start, start), "".join(f"{indent}{mark}".rstrip() + document.line_ending for mark in marked)
    )


def _marked(language: str, comment: str | tuple[str, str], lines: list[str]) -> list[str]:
    if language in _BLOCK:
        safe = [line.replace("*/", "* /") for line in lines]
        return ["/**", *(f" * {line}" for line in safe), " */"]
    mark = _LINE.get(language) or (comment if isinstance(comment, str) else "")
    if mark:
        return [f"{mark} {line}" for line in lines]
    assert not isinstance(comment, str)
    return [f"{comment[0]} {line.replace(comment[1], '')} {comment[1]}" for line in lines]


def _python_edit(plan: _Plan, text: str) -> Edit:
    document, definition = plan.target.task.document, plan.definition
    ending = document.line_ending
    body = definition.body
    header_line = document.line_of(definition.header.start)
    own = _indent_of(document.line(header_line))
    unit = layout.indent_unit(document.text)
    is_inline = document.line_of(body.start) == document.line_of(_last_code(document.text, definition))
    indent = own + unit if is_inline else _indent_of(document.line(document.line_of(body.start)))
    # A backslash would need a raw string, three quotes would end it.
    safe = text.replace("\\", "\\\\").replace('"""', "'''")
    lines = layout.with_unit("\n".join(_wrapped(safe, len(indent))), unit).split("\n")
    if len(lines) == 1 and not lines[0].endswith('"'):
        literal = f'"""{lines[0]}"""'
    else:
        rest = [f"{indent}{line}" if line else "" for line in (*lines[1:], "")]
        rest[-1] = f'{indent}"""'
        literal = ending.join((f'"""{lines[0]}', *rest))
    if is_inline:
        before = (
            body.start - len(document.text[: body.start]) + len(document.text[: body.start].rstrip(" \t"))
        )
        return Edit(Span(before, body.start), f"{ending}{indent}{literal}{ending}{indent}")
    # In front of comments that open the body, too: a docstring stands first.
    line = document.line_of(_last_code(document.text, definition)) + 1
    return Edit(Span(document.starts[line], document.starts[line]), f"{indent}{literal}{ending}")


def _last_code(text: str, definition: Definition) -> int:
    """Return where the header's colon stands."""
    header = text[definition.header.start : definition.header.end]
    without = re.sub(r"#[^\n\r]*", lambda match: " " * len(match[0]), header)
    return definition.header.start + max(without.rfind(":"), 0)


def _indent_of(line: str) -> str:
    return line[: len(line) - len(line.lstrip(" \t"))]


def _wrapped(text: str, used: int) -> list[str]:
    lines: list[str] = []
    for line in re.split(r"\n|(?<=[。；])(?=\S{30})", text):  # Chinese has no spaces to break at
        indent = _indent_of(line)
        if len(line) + used <= _WIDTH or not line.isascii():
            lines.append(line.rstrip())
        else:
            deeper = indent + ("    " if re.match(r"\s*[\w*]+.{0,30}?[:-] ", line) and indent else "")
            lines += textwrap.wrap(
                line.strip(),
                max(_WIDTH - used, 40),
                initial_indent=indent,
                subsequent_indent=deeper,
                break_long_words=False,
                break_on_hyphens=False,
            )
    return lines
