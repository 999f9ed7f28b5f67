"""Add type annotations to a function: the model writes the header alone, the body is not touched.

Python and TypeScript, where annotations are optional. Names from `typing` that the file lacks are imported.
"""

from __future__ import annotations

import re

from qwen_lsp.actions import checks, imports, prompts, reply, rewrite
from qwen_lsp.actions.model import Voice
from qwen_lsp.actions.target import Target, choose
from qwen_lsp.actions.task import Knowledge, Proposal, Refused, Task, apply
from qwen_lsp.syntax import code
from qwen_lsp.syntax.code import Definition
from qwen_lsp.text import Edit, Span

LANGUAGES = {"python", "typescript", "typescriptreact"}
_MOST_TOKENS = 160
# Old names of built-in types, which newer Python writes in lower case and without an import.
_BUILT_IN = {
    "List": "list",
    "Dict": "dict",
    "Tuple": "tuple",
    "Set": "set",
    "FrozenSet": "frozenset",
    "Type": "type",
}
_TYPING = frozenset(
    (
        *("Any", "Callable", "Iterable", "Iterator", "Sequence", "Mapping", "Optional", "Union", "Generator"),
        *("Literal", "Hashable", "Sized", "Collection", "MutableMapping", "Awaitable", "AsyncIterator"),
        *("AsyncIterable", "TextIO", "BinaryIO", "IO", "Pattern", "Match", "DefaultDict", "Deque"),
    )
)


async def run(task: Task, voice: Voice, knowledge: Knowledge) -> Proposal | Refused:
    """Annotate the function around the selection.

    Raises: EndpointError.
    """
    if task.language is None or task.language.id not in LANGUAGES:
        return Refused("nothing_to_do")
    target = choose(task, "function")
    if target is None or target.source is None:
        return Refused("no_definition")
    function = target.source.enclosing(target.place, functions_only=True)
    if function is None or function.parameters is None or not function.name:
        return Refused("no_definition")
    if rewrite.room(target, voice) is None:
        return Refused("too_large")
    text = task.document.text
    old = text[function.header.start : function.header.end].rstrip()
    one_line = " ".join(old.split())
    begins = _beginning(one_line)
    messages = prompts.header(target, rewrite.signatures_of(target, knowledge), one_line)
    failed: Refused | None = None
    for _ in range(2):
        fence = prompts.fence(target.shown)
        answer = await voice.ask(
            messages,
            _MOST_TOKENS,
            begins=f"{prompts.opening(target)}{begins}",
            stop=(f"\n{fence}", "\n\n", ":\n" if task.language.id == "python" else "{\n"),
            original=target.shown,
            region=Span(function.header.start, function.header.start + len(old)),
            shown=reply.so_far,
        )
        result = _judged(target, function, old, answer.text, knowledge)
        if isinstance(result, Proposal):
            return result
        failed = failed or result
        messages = prompts.again(
            messages, f"{answer.text}\n{fence}", "Keep the names of the parameters and their order."
        )
    assert failed is not None
    return failed


def _beginning(header: str) -> str:
    """Return the header up to its first parameter: what the answer must begin with."""
    head, bracket, _ = header.partition("(")
    return head + bracket


def _judged(
    target: Target, function: Definition, old: str, answer: str, knowledge: Knowledge
) -> Proposal | Refused:
    assert target.source is not None
    language = target.source.language
    found = reply.code_of(answer, target.shown)
    if isinstance(found, Refused):
        return found
    # The answer ends where the header does: at what is left out of it.
    new = _header_of(found if language.id != "python" else f"{found.rstrip().rstrip(':')}:", language.id)
    if new is None:
        return Refused("syntax")
    if language.id == "python":
        for name, own in _BUILT_IN.items():
            new = re.sub(rf"(?<![\w.]){name}(?=\[|\b(?!\w))", own, new) if name not in old else new
    document = target.task.document
    header = Span(function.header.start, function.header.start + len(old))
    edits = [Edit(header, new)]
    if new == " ".join(old.split()):
        return Refused("unchanged")
    missing = _missing_names(target, new) if language.id == "python" else []
    if missing:
        at = imports.below(document)
        line = f"from typing import {', '.join(missing)}{document.line_ending}"
        edits.insert(0, Edit(Span(at, at), line))
    after = code.parse(apply(document.text, sorted(edits, key=lambda edit: edit.span.start)), language)
    if after is None:
        return Refused("syntax")
    if refused := checks.syntax(target.source, after):
        return refused
    before_tokens = [token for token in target.source.tokens(with_types=False) if token != ","]
    added = ["from", "typing", "import", *missing] if missing else []
    after_tokens = [token for token in after.tokens(with_types=False) if token != ","]
    if sorted(before_tokens + added) != sorted(after_tokens):
        return Refused("code_changed")
    if refused := checks.names(target.source, after, knowledge):
        return refused
    return Proposal(tuple(sorted(edits, key=lambda edit: edit.span.start)))


def _header_of(answer: str, language: str) -> str | None:
    """Cut the header out of an answer that goes on: up to the colon or brace behind the last bracket."""
    depth, at = 0, answer.find("(")
    if at < 0:
        return None
    for at in range(answer.find("("), len(answer)):
        char = answer[at]
        depth += (char in "([{") - (char in ")]}")
        if depth == 0 and char in ")]}":
            rest = answer[at + 1 :]
            if language == "python":
                match = re.match(r"\s*(->\s*[^:\n#]+(\[[^\n]*\])?)?\s*:", rest)
            else:
                match = re.match(r"\s*(:\s*[^{};\n]+(<[^\n{]*>)?)?\s*(=>)?", rest)
            if match is None:
                return None
            # Decorators come along at times; they are not part of the header.
            lines = [line for line in answer[: at + 1].split("\n") if not line.lstrip().startswith("@")]
            return _spaced(" ".join([*lines, match[0]]))
    return None


def _spaced(header: str) -> str:
    """Write a header on one line, with white space where people put it."""
    line = " ".join(header.split())
    line = re.sub(r"([(\[]) ", r"\1", re.sub(r" ([)\],:])", r"\1", line))
    return re.sub(r"\s*->\s*", " -> ", line)


def _missing_names(target: Target, header: str) -> list[str]:
    assert target.source is not None
    have = target.source.identifiers()
    return sorted(
        name for name in set(re.findall(r"(?<![\w.])[A-Z]\w+", header)) & _TYPING if name not in have
    )
