"""Whether tests that a model wrote hold on the code as it is: they are run, those that fail are left out.

A test that expects another value than the code gives gets the value that it gives: what a small model works
out is often wrong where its inputs are right.

Only Python, in a folder that the user trusts, with the project's own interpreter and pytest, and only where
the system confines them: they can write to a private folder alone and connect nowhere. Elsewhere nothing is
run.
"""

from __future__ import annotations

import ast
import asyncio
import logging
import os
import re
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path, PurePosixPath

from qwen_lsp import confined
from qwen_lsp.actions import layout
from qwen_lsp.actions.task import Proposal, Refused, Task, apply
from qwen_lsp.child import on_path
from qwen_lsp.syntax import code
from qwen_lsp.text import Edit, Span

log = logging.getLogger(__name__)

_TIMEOUT_S = 30
# How often tests are run, to correct one value of each after the other; a longer value is no test to read.
_MAX_RUNS, _MAX_VALUE_CHARS = 4, 100
_RESULT = re.compile(r"^(PASSED|FAILED|ERROR) \S*?::([\w:]+)(?:\[\S*\])?(?: - (.*))?$", re.MULTILINE)
_ENVIRONMENTS = (".venv", "venv", ".env")


async def holding(task: Task, proposal: Proposal) -> Proposal | Refused:
    """Return the proposal with the tests that hold; it stays as it is where they cannot be run.

    Refused as `tests_fail`, with what pytest says of the first, where none of them holds.
    """
    file = proposal.other
    if file is None or task.language is None or task.language.id != "python":
        return proposal
    if not (task.is_trusted and task.root):
        return proposal
    before = file.document.text if file.document is not None else ""
    text = apply(before, file.edits)
    results: dict[str, tuple[bool, str]] = {}
    for _ in range(_MAX_RUNS):
        results = await asyncio.to_thread(_run, Path(task.root), PurePosixPath(file.path).name, text)
        new = {name for name in _tests(text) if name not in _tests(before)}
        failed = {name: why for name, (is_good, why) in results.items() if name in new and not is_good}
        corrected = text
        for name, why in failed.items():
            corrected = _with_value(corrected, name, why)
        if corrected == text:
            break
        text = corrected
    passed = {name for name, (is_good, _) in results.items() if name in new and is_good}
    if not failed and text == apply(before, file.edits):
        return proposal
    if not passed:
        return Refused("tests_fail", next(iter(failed.values())))
    kept = _without(text, set(failed), task)
    if kept is None:
        return proposal
    if "import pytest\n" not in before and not re.search(r"\bpytest\.", kept):
        kept = kept.replace("import pytest\n", "", 1)
    edit = layout.shrunk(before, Edit(Span(0, len(before)), kept))
    return replace(proposal, other=replace(file, edits=(edit,)))


def _with_value(text: str, name: str, why: str) -> str:
    """Let a test expect the value that it got, where its failure says which and one line is meant."""
    said = re.fullmatch(r"(?:AssertionError: )?assert (.+) == (.+)", why)
    if said is None:
        return text
    try:
        got, wanted = ast.literal_eval(said[1]), ast.literal_eval(said[2])
        module = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return text
    if got is Ellipsis or len(said[1]) > _MAX_VALUE_CHARS or repr(got) == repr(wanted):
        return text
    tests = [node for node in ast.walk(module) if isinstance(node, ast.FunctionDef) and node.name == name]
    nodes = [node for test in tests for node in ast.walk(test)]
    compared = [
        node.comparators[0]
        for node in nodes
        if isinstance(node, ast.Compare) and len(node.ops) == 1 and isinstance(node.ops[0], ast.Eq)
    ]
    named = {node.id for node in compared if isinstance(node, ast.Name)}
    given = [  # `expected = 1`
        node.value
        for node in nodes
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and node.targets[0].id in named
    ]
    found = [node for node in (*compared, *given) if _is_value(node, wanted)]
    if len(found) != 1 or found[0].end_col_offset is None or found[0].lineno != found[0].end_lineno:
        return text
    lines = text.split("\n")
    line = lines[found[0].lineno - 1].encode()
    lines[found[0].lineno - 1] = (
        line[: found[0].col_offset] + said[1].encode() + line[found[0].end_col_offset :]
    ).decode()
    # What the comments of such a test say of its values may be as wrong.
    first, last = tests[0].lineno - 1, tests[0].end_lineno or tests[0].lineno
    kept = [line for line in lines[first:last] if not line.lstrip().startswith("#")]
    return "\n".join([*lines[:first], *(re.sub(r"\s+#[^'\"]*$", "", line) for line in kept), *lines[last:]])


def _is_value(node: ast.expr, value: object) -> bool:
    try:
        return repr(ast.literal_eval(node)) == repr(value)
    except (ValueError, RecursionError, MemoryError):
        return False


def _tests(text: str) -> list[str]:
    return re.findall(r"^\s*(?:async )?def (test_\w+)", text, re.MULTILINE)


def _without(text: str, names: set[str], task: Task) -> str | None:
    """Leave the tests of some names out of a text."""
    source = code.parse(text, task.language)
    if source is None:
        return None
    for definition in reversed(source.definitions()):
        if definition.is_function and definition.name in names:
            start = text.rfind("\n", 0, definition.span.start) + 1
            text = text[:start].rstrip(" \n") + "\n\n\n" + text[definition.span.end :].lstrip("\n")
    return text.rstrip("\n") + "\n"


def _run(root: Path, name: str, text: str) -> dict[str, tuple[bool, str]]:
    """Run a file of tests; return of each whether it passed and what was said; nothing if it is not run."""
    python = interpreter(root)
    if python is None:
        return {}
    try:
        with tempfile.TemporaryDirectory(prefix="qwen-lsp-") as folder:
            file = Path(folder, name)
            file.write_text(text, "utf-8", newline="")
            said = _said(python, root, file)
    except (OSError, subprocess.SubprocessError, UnicodeEncodeError) as error:
        log.warning("tests were not run: %s", error)
        return {}
    found: dict[str, tuple[bool, str]] = {}
    for result, test, why in _RESULT.findall(said):
        short = test.rpartition("::")[2]
        is_good = result == "PASSED" and found.get(short, (True, ""))[0]
        found[short] = (is_good, found.get(short, (True, ""))[1] or why)
    return found


def _said(python: str, root: Path, file: Path) -> str:
    variables = {
        "PYTHONDONTWRITEBYTECODE": "1",
        "COLUMNS": "1000",  # so that a failure is told in whole
        "PYTHONPATH": os.pathsep.join(str(root / part) for part in ("", "src")),
    }
    options = ("-q", "-rA", "--tb=no", "--no-header", "--import-mode=importlib", "-o", "addopts=")
    said_in_whole = ("-o", "verbosity_assertions=2")
    # Plugins that would write beside the code, start processes or connect to one another.
    plugins = (part for name in ("cacheprovider", "rerunfailures", "xdist") for part in ("-p", f"no:{name}"))
    command = [python, "-m", "pytest", *options, *said_in_whole, *plugins, f"--rootdir={root}", str(file)]
    return confined.run(command, root, writable=file.parent, variables=variables, timeout_s=_TIMEOUT_S) or ""


def interpreter(root: Path) -> str | None:
    """Return the project's own Python, else the one on PATH."""
    for name in _ENVIRONMENTS:
        program = root / name / "bin" / "python"
        if os.access(program, os.X_OK):
            return str(program)
    return on_path("python3", "") or on_path("python", "")
