"""Give badly named local variables better names. The model only proposes names; the renaming is ours.

A name is taken when it is a word of the language's form, free in the file, and better than no name.
"""

from __future__ import annotations

import builtins
import json
import keyword
import re

from qwen_lsp.actions import checks, prompts, reply, rewrite
from qwen_lsp.actions.fits import RENAMED
from qwen_lsp.actions.model import ModelSession
from qwen_lsp.actions.target import Target, choose
from qwen_lsp.actions.task import Proposal, Refused, RepositoryContext, Task, apply
from qwen_lsp.syntax import code
from qwen_lsp.syntax.code import Definition
from qwen_lsp.text import Edit

_SNAKE = {"python", "rust"}
_MAX_NAMES = 12
_MAX_CHARS = 40


async def run(task: Task, session: ModelSession, context: RepositoryContext) -> Proposal | Refused:
    """Rename the locals of the function around the selection.

    Raises: EndpointError.
    """
    if task.language is None or task.language.id not in RENAMED:
        return Refused("nothing_to_do")
    target = choose(task, "function")
    if target is None or target.source is None:
        return Refused("no_definition")
    function = target.source.enclosing(target.place, functions_only=True)
    if function is None:
        return Refused("no_definition")
    found = target.source.locals(function)[:_MAX_NAMES]
    if not found:
        return Refused("nothing_to_do")
    if rewrite.room(target, session) is None:
        return Refused("too_large")
    word = {"type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_]{1,30}$"}
    schema = {"type": "object", "properties": {name: word for name in found}, "additionalProperties": False}
    answer = await session.ask(
        prompts.names(target, rewrite.signatures_of(target, context), found),
        24 * len(found) + 16,
        json_schema=schema,
        original=target.shown,
    )
    names = _names_of(answer.text, found)
    if isinstance(names, Refused):
        return names
    return _renamed(target, function, names)


def _names_of(answer: str, found: list[str]) -> dict[str, str] | Refused:
    if reply.is_refusal(answer):
        return Refused("refusal", answer[:120])
    match = re.search(r"\{.*\}", answer, re.DOTALL)
    try:
        values = json.loads(match[0]) if match else None
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, dict):
        return Refused("no_names")
    return {
        str(old): new for old, new in values.items() if old in found and isinstance(new, str) and new != old
    }


def _renamed(target: Target, function: Definition, names: dict[str, str]) -> Proposal | Refused:
    source = target.source
    assert source is not None
    taken = source.identifiers() | set(keyword.kwlist) | set(dir(builtins))
    edits: list[Edit] = []
    for old, new in names.items():
        name = formed(new, source.language.id)
        if source.is_spelt_out(old, function.body):  # a field would be called otherwise
            continue
        if not name or name in taken or len(name) > _MAX_CHARS or not name.isidentifier():
            continue
        taken.add(name)
        edits += [Edit(span, name) for span in source.occurrences(old, function.body)]
    if not edits:
        return Refused("no_names")
    edits.sort(key=lambda edit: edit.span.start)
    after = code.parse(apply(target.task.document.text, edits), source.language)
    if after is None or (refused := checks.syntax(source, after)):
        return refused if after is not None and refused else Refused("syntax")
    return Proposal(tuple(edits))


def formed(name: str, language: str) -> str:
    """Write a name as the language does: snake_case or camelCase."""
    words: list[str] = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+", name)
    if not words:
        return ""
    if language in _SNAKE:
        return "_".join(word.lower() for word in words)
    return words[0].lower() + "".join(word[:1].upper() + word[1:].lower() for word in words[1:])
