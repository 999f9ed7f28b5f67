"""Write tests of a function from calls of it: the model chooses the inputs, running them gives the results.

A small model's inputs are good and its results often wrong, so it is not asked for those. Only in a folder
that the user trusts, where the system confines what is run, and for code that the disk has as it is: Python
with the project's own interpreter, JavaScript with Node, and of TypeScript what runs by itself without types.
What another time zone, home or order of hashing changes is no result. Of the calls those are kept that run
other parts of the code.
"""

from __future__ import annotations

import ast
import asyncio
import json
import logging
import re
import subprocess
import tempfile
import urllib.parse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path, PurePosixPath
from typing import Any

import msgspec

from qwen_lsp import confined
from qwen_lsp.actions import checks, imports, making, prompts, reply, rewrite, suite, trial, verified_tests
from qwen_lsp.actions.model import ModelSession
from qwen_lsp.actions.suite import Suite
from qwen_lsp.actions.target import Target
from qwen_lsp.actions.task import RepositoryContext
from qwen_lsp.child import on_path
from qwen_lsp.context import named_files
from qwen_lsp.errors import InputError
from qwen_lsp.syntax import alone, code, contract
from qwen_lsp.text import Span

log = logging.getLogger(__name__)

_SCRIPTS = ("javascript", "typescript")
_MAX_TOKENS = 260
_MAX_CALLS, _MAX_CHARS = 16, 160
_MOST, _FEWEST = 5, 2
# So many calls more that run no other code than those before; a longer line is written over several.
_MOST_ALIKE, _MAX_LINE_CHARS = 2, 100
_TIMEOUT_S = 20
# Two worlds that must not make a difference.
_WORLDS = (
    {"TZ": "UTC", "PYTHONHASHSEED": "1"},
    {"TZ": "Asia/Shanghai", "PYTHONHASHSEED": "2", "HOME": "/nonexistent"},
)
_MANY_DIGITS = re.compile(r"\d\.\d{9}")


class Measured(msgspec.Struct, frozen=True):
    """What a call gave: `value` as a literal, or the name of an `error`; neither if there is no literal."""

    call: str = ""
    value: str = ""
    error: str = ""
    is_known: bool = False
    is_async: bool = msgspec.field(name="isAsync", default=False)
    lines: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Tests:
    """The tests, and the imports that they need beyond that of what is tested."""

    body: str
    imported: tuple[str, ...] = ()


async def tests(
    target: Target, place: Suite, name: str, session: ModelSession, context: RepositoryContext
) -> Tests | None:
    """Write tests of the definition; None where it cannot be run, or its calls say too little.

    Raises: EndpointError.
    """
    assert target.definition is not None
    assert target.source is not None
    promise = contract.of(target.source, target.definition)
    if promise is None or not promise.has_result or not _can_run(target):
        return None
    known = [*making.shown(target), *rewrite.signatures_of(target, context)]
    messages = prompts.calls(target, known, making.call_of(target))
    answer = await session.ask(
        messages,
        _MAX_TOKENS,
        begins=prompts.opening(target),
        stop=(f"\n{prompts.fence(target.shown)}",),
        original=target.shown,
        region=Span(target.span.end, target.span.end),
        shown=reply.so_far,
    )
    found = reply.code_of(answer.text, target.shown)
    if not isinstance(found, str):
        return None
    calls = list(dict.fromkeys(_calls(found, target, name)))[:_MAX_CALLS]
    if not calls:
        return None
    measured = await asyncio.to_thread(_measured, target, place, name, calls)
    picked = _picked(measured, set(promise.errors))
    return _written(picked, place, target) if picked else None


def _can_run(target: Target) -> bool:
    """Whether the code may be run here at all: trusted, and on the disk as it is in the editor."""
    task = target.task
    language = task.language.id if task.language else ""
    if not (task.is_trusted and task.root) or language not in ("python", *_SCRIPTS):
        return False
    try:
        on_disk = named_files.read(Path(task.root) / task.path, Path(task.root)).text
    except InputError:
        return False
    return on_disk == task.document.text


# The calls


def _calls(text: str, target: Target, name: str) -> Iterator[str]:
    """Yield the calls of what is tested in an answer: expressions of one line, on literals alone."""
    tested = target.definition.name if target.definition else ""
    is_python = target.task.language is not None and target.task.language.id == "python"
    for line in text.split("\n"):
        call = _python_call(line.strip(), name) if is_python else _script_call(line.strip(), target, name)
        if call and len(call) <= _MAX_CHARS and re.search(rf"(?<![\w$]){re.escape(tested)}(?![\w$])", call):
            yield call


def _python_call(line: str, name: str) -> str:
    try:
        (statement,) = ast.parse(line).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ""
    node: ast.AST = statement
    if isinstance(statement, ast.Expr | ast.Assign):
        node = statement.value
    elif isinstance(statement, ast.Assert):
        node = statement.test.left if isinstance(statement.test, ast.Compare) else statement.test
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print":
        node = node.args[0] if len(node.args) == 1 else node
    used = {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}
    is_plain = used <= {name, *trial.SAFE} and name in used
    return (ast.get_source_segment(line, node) or "") if is_plain and isinstance(node, ast.Call) else ""


def _script_call(line: str, target: Target, name: str) -> str:
    line = re.sub(r"\s*//(?![^'\"`]*['\"`]).*$", "", line).rstrip("; ")
    line = re.sub(r"^(?:const|let|var)\s+[\w$]+\s*=\s*(?=\S)|^await\s+", "", line)
    if wrapped := re.fullmatch(r"console\.log\((.*)\)", line):
        line = wrapped[1]
    language = target.source.language if target.source else None
    parsed = code.parse(f"({line})", language)
    if parsed is None or parsed.error_count() or not re.match(r"(new )?[\w$]+\s*[(.]|\(new ", line):
        return ""
    used = parsed.used() - parsed.bound()
    known = checks.known_names(parsed.language) or frozenset()
    return line if name in used and used - {name} <= known else ""


# What they give


def _measured(target: Target, place: Suite, name: str, calls: Sequence[str]) -> list[Measured]:
    """Run the calls in two worlds; keep what both say the same of."""
    is_python = target.task.language is not None and target.task.language.id == "python"
    run = _python if is_python else _script
    try:
        one, other = (run(target, place, name, calls, world) for world in _WORLDS)
    except (OSError, subprocess.SubprocessError, ValueError, msgspec.MsgspecError) as error:
        log.warning("calls were not run: %s", error)
        return []
    root = target.task.root
    return [
        first
        for first, second in zip(one, other, strict=False)
        if (first.value, first.error) == (second.value, second.error) and root not in first.value
    ]


def _python(
    target: Target, place: Suite, name: str, calls: Sequence[str], world: dict[str, str]
) -> list[Measured]:
    root = Path(target.task.root)
    python = verified_tests.interpreter(root)
    if python is None:
        return []
    question = {
        "path": [str(root), str(root / "src")],
        "module": imports.module_of(root, PurePosixPath(target.task.path)),
        "name": name,
        "calls": list(calls),
    }
    script = files("qwen_lsp.actions").joinpath("measured.py").read_text("utf-8")
    return _said([python, "-B", "-c", script], root, question, world)


def _script(
    target: Target, place: Suite, name: str, calls: Sequence[str], world: dict[str, str]
) -> list[Measured]:
    node = on_path("node", target.task.root)
    if node is None or target.source is None:
        return []
    root = Path(target.task.root)
    with as_file(files("qwen_lsp.actions").joinpath("measured.mjs")) as script:
        command = [node, "--max-old-space-size=256", str(script)]
        quote = suite.quote_of(target.task.document.text)
        names = [place.exported or name, name]
        question: dict[str, Any] = {"names": names, "calls": list(calls), "quote": quote}
        if target.source.language.id == "javascript":
            question["url"] = (root / target.task.path).resolve().as_uri()
            if found := _said(command, root, question, world):
                return found
        known = checks.known_names(target.source.language) or frozenset()
        text = alone.needed(target.source, name, known)
        if text is None:
            return []
        whole = f"{text}\nexport {{ {name} }};\n"
        question |= {"names": [name, name], "url": f"data:text/javascript,{urllib.parse.quote(whole)}"}
        return _said(command, root, question, world)


def _said(
    command: Sequence[str], root: Path, question: dict[str, Any], world: dict[str, str]
) -> list[Measured]:
    with tempfile.TemporaryDirectory(prefix="qwen-lsp-") as folder:
        said = confined.run(
            command,
            root,
            writable=Path(folder),
            stdin=json.dumps(question),
            variables=world,
            timeout_s=_TIMEOUT_S,
        )
    if not said:
        return []
    found = msgspec.json.decode(said, type=list[Measured])
    return [
        msgspec.structs.replace(one, call=one.call or call)
        for call, one in zip(question["calls"], found, strict=True)
    ]


# Which of them, and the tests


def _picked(measured: Sequence[Measured], errors: set[str]) -> list[Measured]:
    """Choose calls that run different parts of the code and give different results."""
    left = [
        one
        for one in measured
        if (one.value and not _MANY_DIGITS.search(one.value))
        or (one.is_known and not one.is_async and one.error in errors)
    ]
    picked: list[Measured] = []
    reached: set[int] = set()
    given: set[str] = set()

    def worth(one: Measured) -> tuple[int, bool]:
        return len(set(one.lines) - reached), (one.value or one.error) not in given

    n_alike = 0
    while left and len(picked) < _MOST and worth(best := max(left, key=worth)) > (0, False):
        n_alike += worth(best)[0] == 0
        if n_alike > _MOST_ALIKE:
            break
        left.remove(best)
        picked.append(best)
        reached |= set(best.lines)
        given.add(best.value or best.error)
    picked.sort(key=list(measured).index)
    return picked if len(given) >= _FEWEST and any(one.value for one in picked) else []


def _written(picked: Sequence[Measured], place: Suite, target: Target) -> Tests:
    assert target.definition is not None
    values, raising = ([one for one in picked if bool(one.value) is has] for has in (True, False))
    tested = target.definition.name
    if target.task.language is not None and target.task.language.id == "python":
        return _python_tests(values, raising, place, tested.strip("_"))
    return Tests(_script_tests(values, raising, place, tested, target.task.document.text))


def _python_tests(
    values: Sequence[Measured], raising: Sequence[Measured], place: Suite, tested: str
) -> Tests:
    if place.framework == "unittest":
        lines = [f"        self.assertEqual({one.call}, {one.value})" for one in values]
        for one in raising:
            lines += [f"        with self.assertRaises({one.error}):", f"            {one.call}"]
        title = "".join(part.title() for part in tested.split("_"))
        head = [f"class Test{title}(unittest.TestCase):", f"    def test_{tested}(self):"]
        return Tests("\n".join((*head, *lines)))
    asserted = [line for one in values for line in _asserted(one)]
    parts = ["\n".join((f"def test_{tested}():", *asserted))]
    for error in dict.fromkeys(one.error for one in raising):
        calls = [one.call for one in raising if one.error == error]
        lines = [line for call in calls for line in (f"    with pytest.raises({error}):", f"        {call}")]
        parts.append("\n".join((f"def test_{tested}_raises_{_snake(error)}():", *lines)))
    return Tests("\n\n\n".join(parts), ("import pytest",) if raising else ())


def _asserted(one: Measured) -> list[str]:
    line = f"    assert {one.call} {_compared(one)}"
    if len(line) <= _MAX_LINE_CHARS:
        return [line]
    value = ast.parse(one.value, mode="eval").body
    if isinstance(value, ast.Dict):
        parts = [
            f"{ast.unparse(key)}: {ast.unparse(item)}"
            for key, item in zip(value.keys, value.values, strict=True)
            if key
        ]
        marks = "{}"
    elif isinstance(value, ast.List):
        parts, marks = [ast.unparse(item) for item in value.elts], "[]"
    else:
        return [line]
    return [
        f"    assert {one.call} == {marks[0]}",
        *(f"        {part}," for part in parts),
        f"    {marks[1]}",
    ]


def _compared(one: Measured) -> str:
    if one.value in ("None", "True", "False"):
        return f"is {one.value}"
    is_plain = one.value[:1] == "'" and not re.search(r"[\"\\]", one.value)
    return f'== "{one.value[1:-1]}"' if is_plain and '"' in one.call else f"== {one.value}"


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


def _script_tests(
    values: Sequence[Measured], raising: Sequence[Measured], place: Suite, tested: str, text: str
) -> str:
    is_expecting = place.framework in ("vitest", "jest")
    quote, end = suite.quote_of(text), suite.statement_end_of(text)
    lines = []
    for one in values:
        call = f"await {one.call}" if one.is_async else one.call
        is_object = one.value[:1] in "[{"
        if is_expecting:
            lines.append(f"expect({call}).{'toEqual' if is_object else 'toBe'}({one.value})")
        else:
            lines.append(f"assert.{'deepStrictEqual' if is_object else 'strictEqual'}({call}, {one.value})")
    for one in raising:
        lines.append(
            f"expect(() => {one.call}).toThrow()"
            if is_expecting
            else f"assert.throws(() => {one.call}, {{ name: {quote}{one.error}{quote} }})"
        )
    word = "test" if place.framework in ("node:test", "jest") else "it"
    is_async = any(one.is_async for one in values)
    opening = f"{word}({quote}{tested}{quote}, {'async ' if is_async else ''}() => {{"
    return "\n".join((opening, *(f"  {line}{end}" for line in lines), f"}}){end}"))
