"""Move statements of a function into one of their own. The model only names it.

What must be passed and what comes back is computed from the syntax (`python_flow`, `script_flow`): the
program does what it did. Other languages than Python, JavaScript and TypeScript have it rewritten.
"""

from __future__ import annotations

import builtins
import json
import keyword
import re

from qwen_lsp.actions import checks, layout, prompts, rename, reply, rewrite
from qwen_lsp.actions.model import ModelSession
from qwen_lsp.actions.target import choose, whole_lines
from qwen_lsp.actions.task import Proposal, Refused, RepositoryContext, Task, apply
from qwen_lsp.syntax import code, python_flow, script_flow
from qwen_lsp.syntax.languages import Language
from qwen_lsp.syntax.pieces import Piece, Tied
from qwen_lsp.text import Document, Edit, Span

_MAX_TOKENS = 32
_MAX_CHARS = 40
# Words that no function of a script may be called by, as far as a model would propose them.
_RESERVED = {
    *("await", "break", "case", "catch", "class", "const", "continue", "debugger", "default", "delete", "do"),
    *("else", "enum", "export", "extends", "false", "finally", "for", "function", "if", "import", "in"),
    *("instanceof", "interface", "let", "new", "null", "package", "private", "protected", "public", "return"),
    *("static", "super", "switch", "this", "throw", "true", "try", "typeof", "var", "void", "while", "with"),
    *("yield", "arguments", "eval", "undefined"),
}
_TIES: dict[str, str] = {
    "place": "extract_place",
    "flow": "extract_flow",
    "names": "extract_names",
    "bound": "extract_bound",
}


async def run(task: Task, session: ModelSession, context: RepositoryContext) -> Proposal | Refused:
    """Extract the selected statements.

    Raises: EndpointError.
    """
    language = task.language
    if language is None or language.id not in script_flow.LANGUAGES | {"python"}:
        return await rewrite.run(task, session, context)
    target = choose(task, "selection")
    if target is None:
        return Refused("no_code")
    document = task.document
    lines = whole_lines(document, target.place)
    found = piece(document, language, document.line_of(lines.start) + 1, document.line_of(lines.end) + 1)
    if isinstance(found, Tied):
        return Refused(_TIES[found.tie], found.detail)
    if found is None:  # the file does not parse: nothing can be computed
        return await rewrite.run(task, session, context)
    asked = prompts.function_name(target, found.parameters, found.results)
    answer = await session.ask(asked, _MAX_TOKENS, json_schema=_schema(language), original=target.shown)
    if reply.is_refusal(answer.text):
        return Refused("refusal", answer.text[:120])
    result = moved(document, language, found, _free(name_in(answer.text), language, found, document))
    if isinstance(result, Proposal):
        call = result.edits[-1]
        session.tell(call.span, call.new_text)
    return result


def piece(document: Document, language: Language, first: int, last: int) -> Piece | Tied | None:
    """Look at the statements on some lines, from 1; None where the file does not parse."""
    if language.id == "python":
        return python_flow.piece(document.text, first, last)
    return script_flow.piece(document.text, language, first, last)


def _schema(language: Language) -> dict[str, object]:
    pattern = "^[a-z][a-z0-9]*(_[a-z0-9]+)*$" if language.id == "python" else "^[a-z][a-zA-Z0-9]*$"
    return {
        "type": "object",
        "properties": {"name": {"type": "string", "pattern": pattern}},
        "required": ["name"],
        "additionalProperties": False,
    }


def name_in(answer: str) -> str:
    """Return the name that an answer gives, "" where it gives none."""
    try:
        value = json.loads(answer)["name"]
    except (ValueError, KeyError, TypeError, RecursionError):
        match = re.search(r"\b(?!name\b)[a-z]+((_[a-z0-9]+)+|[A-Z]\w*)\b", answer)
        value = match[0] if match else ""
    return value if isinstance(value, str) else ""


def _free(name: str, language: Language, found: Piece, document: Document) -> str:
    """Return a name that nothing in the file has: the model's, or one after what the function gives."""
    name = re.sub(r"\W", "_", name.strip())[:_MAX_CHARS].strip("_")
    is_python = language.id == "python"
    name = name.lower() if is_python else rename.formed(name, language.id)
    is_taken = keyword.iskeyword(name) or hasattr(builtins, name) if is_python else name in _RESERVED
    if not name.isidentifier() or is_taken:
        name = f"compute_{found.results[0]}" if found.results else "extracted"
        name = name if is_python else rename.formed(name, language.id)
    taken = set(re.findall(r"[\w$]+", document.text))
    number, free = 2, name
    while free in taken:
        free, number = f"{name}_{number}" if is_python else f"{name}{number}", number + 1
    return free


def moved(document: Document, language: Language, found: Piece, name: str) -> Proposal | Refused:
    """Return the edits: the new function in front of the old one, and the call in the place of the lines."""
    is_python = language.id == "python"
    at = _above_comments(document, found.above - 1) if is_python else found.above - 1
    indent = _indent_of(document.line(found.above - 1))
    unit = layout.indent_unit(document.text)
    ending = document.line_ending
    gap = ["", ""] if is_python and not indent else [""]
    body = _body(document, found, indent + unit)
    if is_python:
        new = [*_header(found, name, indent), *body, *_returned(found, indent + unit), *gap]
        call = _call(found, name)
    else:
        new = [*_script(document, found, name, indent, body, unit), *gap]
        call = _script_call(document, found, name, _indent_of(document.line(found.first - 1)), ending)
    first, last = document.starts[found.first - 1], document.line_end(found.last - 1)
    edits = (
        Edit(Span(document.starts[at], document.starts[at]), "".join(f"{line}{ending}" for line in new)),
        Edit(Span(first, last), f"{_indent_of(document.line(found.first - 1))}{call}"),
    )
    after = apply(document.text, edits)
    if is_python:
        error = checks.python_error(after)
        return Refused("syntax", error) if error is not None else Proposal(edits)
    parsed = code.parse(after, language)
    return Refused("syntax") if parsed is None or parsed.error_count() else Proposal(edits)


def _parameters(found: Piece) -> list[str]:
    return [
        f"{parameter}: {annotation}" if annotation else parameter
        for parameter, annotation in zip(found.parameters, found.annotations, strict=True)
    ]


def _header(found: Piece, name: str, indent: str) -> list[str]:
    parameters = _parameters(found)
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
        head = rf"^\s*((const|let|var)\s+)?{re.escape(found.results[0])}\s*=\s*"
        lines[at] = re.sub(head, f"{indent}return ", lines[at])
    return lines


def _returned(found: Piece, indent: str) -> list[str]:
    if found.last_value_line or not found.results:
        return []
    return [f"{indent}return {', '.join(found.results)}"]


def _call(found: Piece, name: str) -> str:
    call = f"{found.receiver}.{name}" if found.receiver else name
    call = f"{call}({', '.join(found.parameters)})"
    if found.is_async:
        call = f"await {call}"
    if found.returns:
        return f"return {call}"
    return f"{', '.join(found.results)} = {call}" if found.results else call


def _script(
    document: Document, found: Piece, name: str, indent: str, body: list[str], unit: str
) -> list[str]:
    """Write the new function of a script."""
    parameters = _parameters(found)
    head = f"{indent}{'async ' if found.is_async else ''}function {name}({', '.join(parameters)}) {{"
    returned = []
    if found.results and not found.last_value_line:
        returned = [f"{indent}{unit}return {_together(found.results)}{_end(document)}"]
    return [head, *body, *returned, f"{indent}}}"]


def _script_call(document: Document, found: Piece, name: str, indent: str, ending: str) -> str:
    """Write the call, and in front of it what it takes to have its results."""
    call = f"{'await ' if found.is_async else ''}{name}({', '.join(found.parameters)})"
    if found.returns:
        return f"return {call};"
    if not found.results:
        return f"{call};"
    together = _together(found.results)
    if len(found.declared) == len(found.results):
        return f"{found.declares} {together} = {call};"
    if len(found.results) == 1:
        return f"{together} = {call};"
    # Some are there already: the others are declared in front.
    new = f"{'var' if found.declares == 'var' else 'let'} {', '.join(found.declared)};{ending}{indent}"
    return f"{new if found.declared else ';' if found.is_guarded else ''}({together} = {call});"


def _together(results: tuple[str, ...]) -> str:
    return results[0] if len(results) == 1 else f"{{ {', '.join(results)} }}"


def _end(document: Document) -> str:
    """Return what ends a statement in a file's own style; a call always has it, whatever comes behind."""
    return ";" if re.search(r";[ \t]*[\r\n]", document.text) else ""


def _above_comments(document: Document, line: int) -> int:
    """Return the first of the comment lines that stand right above a line, or the line itself."""
    indent = _indent_of(document.line(line))
    while line > 0 and document.line(line - 1).startswith(f"{indent}#"):
        line -= 1
    return line


def _indent_of(line: str) -> str:
    return line[: len(line) - len(line.lstrip(" \t"))]
