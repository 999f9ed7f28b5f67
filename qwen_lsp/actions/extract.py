"""Move statements of a Python function into one of their own. The model only names it.

What must be passed and what comes back is reckoned from the syntax (syntax/python_flow.py), so the program
does what it did. Other languages have the model rewrite the function.
"""

from __future__ import annotations

import builtins
import json
import keyword
import re

from qwen_lsp.actions import checks, layout, prompts, reply, rewrite
from qwen_lsp.actions.model import Voice
from qwen_lsp.actions.target import choose, whole_lines
from qwen_lsp.actions.task import Knowledge, Proposal, Refused, Task, apply
from qwen_lsp.syntax.python_flow import Piece, Tied, piece
from qwen_lsp.text import Document, Edit, Span

_MOST_TOKENS = 32
_MOST_CHARS = 40
_SCHEMA: dict[str, object] = {
    "type": "object",
    "properties": {"name": {"type": "string", "pattern": "^[a-z][a-z0-9]*(_[a-z0-9]+)*$"}},
    "required": ["name"],
    "additionalProperties": False,
}
_TIES: dict[str, str] = {
    "place": "extract_place",
    "flow": "extract_flow",
    "names": "extract_names",
    "bound": "extract_bound",
}


async def run(task: Task, voice: Voice, knowledge: Knowledge) -> Proposal | Refused:
    """Extract the selected statements.

    Raises: EndpointError.
    """
    if task.language is None or task.language.id != "python":
        return await rewrite.run(task, voice, knowledge)
    target = choose(task, "selection")
    if target is None:
        return Refused("no_code")
    document = task.document
    lines = whole_lines(document, target.place)
    found = piece(document.text, document.line_of(lines.start) + 1, document.line_of(lines.end) + 1)
    if isinstance(found, Tied):
        return Refused(_TIES[found.tie], found.detail)
    if found is None:  # the file does not parse: nothing can be reckoned
        return await rewrite.run(task, voice, knowledge)
    asked = prompts.function_name(target, found.parameters, found.results)
    answer = await voice.ask(asked, _MOST_TOKENS, json_schema=_SCHEMA, original=target.shown)
    if reply.is_refusal(answer.text):
        return Refused("refusal", answer.text[:120])
    result = moved(document, found, _free(name_in(answer.text), found, document))
    if isinstance(result, Proposal):
        call = result.edits[-1]
        voice.tell(call.span, call.new_text)
    return result


def name_in(answer: str) -> str:
    """Return the name that an answer gives, "" where it gives none."""
    try:
        value = json.loads(answer)["name"]
    except (ValueError, KeyError, TypeError):
        match = re.search(r"\b(?!name\b)[a-z]+(_[a-z0-9]+)+\b", answer)
        value = match[0] if match else ""
    return value if isinstance(value, str) else ""


def _free(name: str, found: Piece, document: Document) -> str:
    """Return a name that nothing in the file has: the model's, or one after what the function gives."""
    name = re.sub(r"\W", "_", name.strip())[:_MOST_CHARS].strip("_").lower()
    if not name.isidentifier() or keyword.iskeyword(name) or hasattr(builtins, name):
        name = f"compute_{found.results[0]}" if found.results else "extracted"
    taken = set(re.findall(r"\w+", document.text))
    number, free = 2, name
    while free in taken:
        free, number = f"{name}_{number}", number + 1
    return free


def moved(document: Document, found: Piece, name: str) -> Proposal | Refused:
    """Return the edits: the new function in front of the old one, and the call in the place of the lines."""
    at = _above_comments(document, found.above - 1)
    indent = _indent_of(document.line(found.above - 1))
    unit = layout.indent_unit(document.text)
    ending = document.line_ending
    head = _header(found, name, indent)
    gap = [""] if indent else ["", ""]
    new = [*head, *_body(document, found, indent + unit), *gap]
    first, last = document.starts[found.first - 1], document.line_end(found.last - 1)
    call = f"{_indent_of(document.line(found.first - 1))}{_call(found, name)}"
    edits = (
        Edit(Span(document.starts[at], document.starts[at]), "".join(f"{line}{ending}" for line in new)),
        Edit(Span(first, last), call),
    )
    error = checks.python_error(apply(document.text, edits))
    return Refused("syntax", error) if error is not None else Proposal(edits)


def _header(found: Piece, name: str, indent: str) -> list[str]:
    parameters = [
        f"{parameter}: {annotation}" if annotation else parameter
        for parameter, annotation in zip(found.parameters, found.annotations, strict=True)
    ]
    if found.receiver:
        parameters.insert(0, found.receiver)
    returns = f" -> {found.return_annotation}" if found.return_annotation else ""
    define = "async def" if found.is_async else "def"
    lines = [f"{indent}{define} {name}({', '.join(parameters)}){returns}:"]
    return [f"{indent}@classmethod", *lines] if found.receiver == "cls" else lines


def _body(document: Document, found: Piece, indent: str) -> list[str]:
    own = _indent_of(document.line(found.first - 1))
    lines: list[str] = []
    for number in range(found.first, found.last + 1):
        line = document.line(number - 1)
        if number not in found.kept:
            line = f"{indent}{line.removeprefix(own)}" if line.strip() else ""
        lines.append(line)
    if found.last_value_line:  # `x = f(y)` and `return x` are one line
        at = found.last_value_line - found.first
        lines[at] = re.sub(rf"^\s*{re.escape(found.results[0])}\s*=\s*", f"{indent}return ", lines[at])
    elif found.results:
        lines.append(f"{indent}return {', '.join(found.results)}")
    return lines


def _call(found: Piece, name: str) -> str:
    call = f"{found.receiver}.{name}" if found.receiver else name
    call = f"{call}({', '.join(found.parameters)})"
    if found.is_async:
        call = f"await {call}"
    if found.returns:
        return f"return {call}"
    return f"{', '.join(found.results)} = {call}" if found.results else call


def _above_comments(document: Document, line: int) -> int:
    """Return the first of the comment lines that stand right above a line, or the line itself."""
    indent = _indent_of(document.line(line))
    while line > 0 and document.line(line - 1).startswith(f"{indent}#"):
        line -= 1
    return line


def _indent_of(line: str) -> str:
    return line[: len(line) - len(line.lstrip(" \t"))]
