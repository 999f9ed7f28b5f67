"""`bench actions`, repairing: the programs of a QuixBugs checkout, judged by their own tests.

A program and its test file are put together into one text that runs in a child process
(bench/execute.py); a small stand-in for pytest is part of it, so nothing need be installed. The first
failing test's message is what the model gets in the second round.
Data: https://github.com/jkoppel/QuixBugs (MIT); the user gives a checkout.
"""

from __future__ import annotations

import ast
import json
from dataclasses import dataclass
from pathlib import Path

from qwen_lsp.bench.infill import execute
from qwen_lsp.errors import InputError

_TIME_LIMIT_S = 15.0

# What the test files need around them. `FAILED` says what a test expected and what it got.
_HARNESS = """
import json, sys, types
def _module(name, source=""):
    module = types.ModuleType(name)
    sys.modules[name] = module
    exec(compile(source, name, "exec"), module.__dict__)
    return module
class _Skip(BaseException): pass
def _skip(*_, **__): raise _Skip
class _Mark:
    def parametrize(self, names, values, **_):
        def keep(test):
            test.cases = list(values)
            return test
        return keep
    def skip(self, *_, **__): return lambda test: test
    skipif = slow = timeout = skip
class _Approx:
    def __init__(self, value, rel=1e-6, abs=1e-12): self.value, self.rel, self.abs = value, rel, abs
    def __eq__(self, other):
        return abs(other - self.value) <= max(self.abs, self.rel * abs(self.value))
    def __repr__(self): return repr(self.value)
pytest = _module("pytest")
pytest.use_correct, pytest.run_slow, pytest.mark, pytest.approx = False, False, _Mark(), _Approx
pytest.skip = _skip
pytest.param = lambda *values, **_: values
def _rows(name): return [json.loads(line) for line in DATA.split("\\n") if line]
_module("load_testdata").load_json_testcases = _rows
if NODE: _module("node", NODE)
_package = _module("python_programs")
_package.__path__ = []
_module("python_programs.node", NODE) if NODE else None
_program = _module("python_programs." + NAME, PROGRAM)
_tests = _module("tests", TESTS)
def _call(arguments): return NAME + "(" + ", ".join(map(repr, arguments)) + ")"
for _key, _test in list(_tests.__dict__.items()):
    if not _key.startswith("test") or not callable(_test): continue
    for _case in getattr(_test, "cases", [()]):
        try:
            _test(*_case)
        except _Skip:
            continue
        except BaseException as error:
            if len(_case) == 2 and isinstance(_case[0], (list, tuple)):
                given, expected = json.loads(json.dumps(_case[0])), _case[1]
                try:
                    got = getattr(_program, NAME)(*given)
                    got = list(got) if hasattr(got, "__next__") else got
                    problem = f"{_call(_case[0])} must be {expected!r}, but is {got!r}"
                    raise AssertionError(problem[:600]) from None
                except AssertionError: raise
                except BaseException as inner:
                    problem = f"{_call(_case[0])} must be {expected!r}, but raises {type(inner).__name__}"
                    raise AssertionError(problem[:600]) from None
            raise AssertionError(f"{_key} fails: {type(error).__name__}: {error}"[:600]) from None
"""


@dataclass(frozen=True, slots=True)
class Program:
    """One program with one bug, and the text that tests it."""

    name: str
    path: Path
    source: str
    tests: str
    data: str
    node: str

    def whole(self, source: str) -> str:
        """Put a version of the program together with its tests."""
        values = {
            "NAME": self.name,
            "DATA": self.data,
            "NODE": self.node,
            "TESTS": self.tests,
            "PROGRAM": source,
        }
        return "\n".join(f"{key} = {value!r}" for key, value in values.items()) + _HARNESS


def programs(checkout: Path) -> list[Program]:
    """Read a QuixBugs checkout.

    Raises: InputError when it is none.
    """
    folder = checkout / "python_programs"
    tests = checkout / "python_testcases"
    if not folder.is_dir() or not tests.is_dir():
        raise InputError(
            f"{checkout} is no checkout of QuixBugs: it has no python_programs and python_testcases"
        )
    node = (tests / "node.py").read_text("utf-8") if (tests / "node.py").is_file() else ""
    found: list[Program] = []
    for path in sorted(folder.glob("*.py")):
        test = tests / f"test_{path.stem}.py"
        if not test.is_file():
            continue
        data = checkout / "json_testcases" / f"{path.stem}.json"
        found.append(
            Program(
                path.stem,
                path,
                _without_comment(path.read_text("utf-8")),
                test.read_text("utf-8"),
                "\n".join(json.dumps(row) for row in _rows(data)) if data.is_file() else "",
                node,
            )
        )
    return found


def _rows(path: Path) -> list[object]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]


def _without_comment(source: str) -> str:
    """Leave out the text below the program, which tells in prose what it should do."""
    head, mark, _ = source.partition('\n"""')
    return f"{head.rstrip()}\n" if mark and "def " in head else source


def right(program: Program, checkout: Path) -> str | None:
    """Return the program without its bug, None where the checkout lacks it."""
    path = checkout / "correct_python_programs" / program.path.name
    return _without_comment(path.read_text("utf-8")) if path.is_file() else None


def pieces(source: str) -> list[tuple[int, int]]:
    """List all runs of statements in the functions of a source: their first and last lines, from 1."""
    found: set[tuple[int, int]] = set()
    for node in ast.walk(ast.parse(source)):
        for field in ("body", "orelse", "finalbody"):
            block = getattr(node, field, None)
            if isinstance(node, ast.Module | ast.ClassDef) or not isinstance(block, list):
                continue
            for first in range(len(block)):
                found |= {(block[first].lineno, last.end_lineno or last.lineno) for last in block[first:]}
    return sorted(found)


async def judged(program: Program, source: str) -> execute.Outcome:
    """Run the tests on a version of the program."""
    outcome = await execute.passes(program.whole(source), _TIME_LIMIT_S)
    if not outcome.passed and "time limit" in outcome.reason:
        return execute.Outcome(False, f"{program.name} does not end")
    return outcome
