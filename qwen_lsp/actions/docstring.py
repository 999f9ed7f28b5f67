"""Document a definition, in the convention and the language of its file; complete what is documented already.

The model fills in the text of each part; which parts there are follows from the code. Marks, indentation
and place are ours, so the code is what it was by construction, and it is checked all the same.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from qwen_lsp.actions import (
    checks,
    claims,
    conditions,
    constructors,
    documentation,
    documentation_place,
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
from qwen_lsp.syntax import code, contract, guarded
from qwen_lsp.syntax.code import Definition, Source
from qwen_lsp.syntax.contract import NOTHING, Contract
from qwen_lsp.text import Edit, has_han

_MAX_TOKENS, _MAX_SENTENCE_TOKENS, _MAX_EXPLAINED_TOKENS = 400, 120, 140
_MAX_AROUND_CHARS = 200
_MAX_CALLED = 4
_MAX_TRIES = 3
# A function so short needs no list of parameters, unless the file has them everywhere.
_MAX_LINES_OF_SHORT = 4
# A file's convention is to list parameters where so much of its documentation does: some functions have none.
_USUAL = 1 / 3
# What follows the verb of a summary, as a grammar and as a pattern of JSON. A small model that has begun in
# English goes on in English, whatever it was asked for.
_REST = {"en": r'" " [^\n]{8,300}', "zh": r"[^\n]{2,150}"}
_REST_IN_JSON = {"en": r' [^"\\\n]{8,200}', "zh": r'[^"\\\n]{2,120}'}
# Languages whose summaries are in the imperative, by custom; elsewhere they are in the third person.
_IMPERATIVE = {"python", "ruby", "lua", "shellscript"}


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

    if plan.said and plan.contract == NOTHING:  # all of it is certain
        return _written(plan, Parts())
    signatures = rewrite.signatures_of(target, context)
    around = _around(plan)
    is_new = plan.existing is None and not plan.said
    explained = await _explained(plan, session, signatures, around)
    if plan.contract == NOTHING:
        order = prompts.sentence(plan.definition.name, plan.locale)
    else:
        order = prompts.documentation(target, plan.contract, plan.locale, is_new=is_new)
    messages = prompts.next_order(explained, order)
    failed: Refused | None = None
    longer: Proposal | None = None
    first = _verbs(plan) if session.client.can.grammar else []
    sentence = f"root ::= ({' | '.join(map(_quoted, first))}) {_REST[plan.locale]}" if first else ""
    schema = _schema(plan, first) if plan.contract != NOTHING else None
    grammar = sentence if schema is None else ""
    for n_before in range(_MAX_TRIES):
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
        if plan.said and isinstance(parts, Refused):
            return _written(plan, Parts())
        result = parts if isinstance(parts, Refused) else _judged(plan, parts)
        if isinstance(result, Proposal) and (longer is not None or not _is_long(plan, result)):
            return result
        if isinstance(result, Proposal):
            longer, result = result, Refused("grown")
        failed = failed or result
        is_worth_more = result.reason in ("says_nothing", "unfounded") and plan.use is None
        if result.reason in ("refusal", "documented") or (n_before > 0 and not is_worth_more):
            break
        wanted = "Chinese" if plan.locale == "zh" else "English"
        if is_new:  # where filling in parts came to nothing, a sentence in plain words is worth having
            schema, grammar = None, sentence
            messages = prompts.next_order(explained, prompts.sentence(plan.definition.name, plan.locale))
        again = f"Say in {wanted} only what the code shows, in plain text."
        if result.reason == "unfounded" and result.detail:
            again = f"Nothing in the code shows this. {again}"
        if result.reason == "says_nothing":
            again = prompts.more(_called(plan), plan.locale)
        if result.reason == "grown":
            again = prompts.SHORTER[plan.locale]
        messages = prompts.again_prose(messages, answer.text, again)
    assert failed is not None
    least = _least(plan) if longer is None else ""
    return longer or (_written(replace(plan, said=least, contract=NOTHING), Parts()) if least else failed)


def _called(plan: _Plan) -> list[str]:
    """List the first things that a function calls, as they stand there: what it does consists of them."""
    span = plan.definition.body
    found = re.findall(r"(?<![\w.$])([A-Za-z_$][\w$.]*)\(", plan.source.text[span.start : span.end])
    known = {
        plan.definition.name,
        "if",
        "for",
        "while",
        "switch",
        "return",
        "catch",
        "function",
        "func",
        "super",
    }
    return [name for name in dict.fromkeys(found) if name not in known][:_MAX_CALLED]


def _least(plan: _Plan) -> str:
    """Return what may be said of a constructor, whatever the model said: what it is made from."""
    promise = contract.of(plan.source, plan.definition)
    if plan.use is None or promise is None or not promise.parameters:
        return ""
    made = constructors.made_by(plan.source, plan.definition)
    return constructors.from_parameters(promise.parameters, made, _verbs(plan)[0], plan.locale)


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
    use: constructors.Use | None = None  # of a constructor's parameters
    said: str = ""  # the summary, where it is certain


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
        n_marks = (
            2
            if source.language.id in documentation_place.BLOCK
            else 1
            if source.language.id == "python"
            else 0
        )
        wanted = documentation.shortened(wanted, style, source.language.id, max_lines - n_marks)
    locale = _locale(target, existing, others)
    plan = _Plan(target, definition, source, existing, wanted, style, locale, max_lines)
    promise = contract.of(source, definition)
    if existing is not None or promise is None or not constructors.made_by(source, definition):
        return plan
    use = constructors.use_of(source, definition, promise.parameters)
    return replace(plan, use=use, said=constructors.summary(use, _verbs(plan)[0], locale))


def _is_plain_block(target: Target, existing: Existing) -> bool:
    """Whether a comment has no tags that tools read: `/* ... */`, and `//` where there is `/** ... */`."""
    text = target.task.document.text[existing.span.start : existing.span.end].lstrip()
    language = target.source.language.id if target.source is not None else ""
    is_line = text.startswith("//") and not text.startswith("///") and language in documentation_place.BLOCK
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
        constructors.made_by(plan.source, plan.definition),
        is_third=plan.source.language.id not in _IMPERATIVE,
        name=plan.definition.name,
        has_result=promise is None or promise.has_result,
        gives_function=contract.gives_function(plan.source, plan.definition),
    )


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
    text = {"type": "string", "maxLength": documentation.LONGEST}
    summary = text
    if first:
        summary = {"type": "string", "pattern": f"^({'|'.join(first)}){_REST_IN_JSON[plan.locale]}$"}
    properties: dict[str, object] = {} if plan.existing is not None or plan.said else {"summary": summary}
    for key, names in (("parameters", plan.contract.parameters), ("raises", plan.contract.errors)):
        if names:
            inner = {name: text for name in names}
            properties[key] = {"type": "object", "properties": inner, "required": list(names)}
        if key == "parameters" and plan.contract.has_result:
            properties["returns"] = text
    return {"type": "object", "properties": properties, "required": list(properties)}


def _written(plan: _Plan, parts: Parts) -> Proposal | Refused:
    checked = _checked(plan, parts)
    return checked if isinstance(checked, Refused) else _judged(plan, checked)


def _judged(plan: _Plan, parts: Parts) -> Proposal | Refused:
    document = plan.target.task.document
    if plan.use is None and claims.invented(parts.parameters.values(), document.text):
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

    summary = plan.said or _summary(plan, parts.summary, shown)
    if isinstance(summary, Refused):
        return summary
    said = plan.existing.text if plan.existing is not None else summary
    is_repeated = claims.repeats(parts.result, said)
    texts = parts.parameters
    is_hollow = any(map(claims.is_hollow, texts.values())) or all(
        claims.explains_itself(key, text) for key, text in texts.items()
    )
    # The other parameters alone would look like all of them.
    parameters = {} if is_hollow else {key: text for key, text in texts.items() if not unfounded(text)}
    kept = Parts(
        "" if plan.existing is not None else summary,
        parameters if plan.use is None else _of_constructor(plan, plan.use, parameters),
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


def _summary(plan: _Plan, text: str, shown: str) -> str | Refused:
    """Return what a summary says that the code bears out, with the condition that it left out."""
    name, language = plan.definition.name, plan.source.language.id
    summary = claims.founded(claims.softened(documentation.first_sentence(text), shown), shown, name)
    if text and not summary:
        return Refused("unfounded", text[:80])
    gives_function = contract.gives_function(plan.source, plan.definition)
    if summary and gives_function and not claims.speaks_of_function(summary):  # what the other one does
        return Refused("unfounded", summary[:80])
    span, document = plan.definition.span, plan.source.text
    owners = [one.name for one in plan.source.definitions() if one.span.start < span.start < one.span.end]
    own = " ".join((document[span.start : span.end], *owners))
    if plan.existing is None and claims.elsewhere(summary, own, document):
        return Refused("unfounded", summary[:80])
    made, n_lines = constructors.made_by(plan.source, plan.definition), shown.strip().count("\n") + 1
    is_more = plan.definition.is_function and (made or n_lines > _MAX_LINES_OF_SHORT)
    if summary and is_more and claims.says_nothing(summary, name, made):
        return Refused("says_nothing", summary[:80])
    guard, is_third = guarded.of(plan.source, plan.definition), language not in _IMPERATIVE
    return conditions.with_condition(summary, guard, plan.locale, language, is_third=is_third)


def _of_constructor(plan: _Plan, use: constructors.Use, texts: Mapping[str, str]) -> dict[str, str]:
    """Return what is said of each parameter: by the class of its field, by the model, or what it becomes."""
    found: dict[str, str] = {}
    file, locale = plan.source.text, plan.locale
    for name in plan.contract.parameters:
        comment = constructors.field_comment(plan.source, plan.definition, use.kept.get(name, ""))
        said = texts.get(name, "")
        is_good = said and not (claims.is_hollow(said) or claims.explains_itself(name, said))
        is_fit = is_good and in_language(said, locale) and not claims.invented([said], file)
        found[name] = (
            comment
            if comment and in_language(comment, locale)
            else said
            if is_fit
            else constructors.of_parameter(use, name, locale)
        )
    return found if all(found.values()) else {}


def _is_long(plan: _Plan, proposal: Proposal) -> bool:
    """Whether new documentation has more lines than what it documents, by its one sentence alone."""
    n_lines = proposal.edits[0].new_text.count("\n")
    return plan.existing is None and not plan.said and n_lines > max(plan.max_lines, _MAX_LINES_OF_SHORT)


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
        return documentation_place.in_body(document, plan.definition, "\n".join(lines))
    may_be_inline = plan.max_lines <= _MAX_LINES_OF_SHORT or documentation_place.is_inline(document.text)
    return documentation_place.above(
        document, plan.definition, plan.source.language, lines, may_be_inline=may_be_inline
    )
