"""Run as `python -m qwen_lsp.actions.trial`: two versions of a pure Python function on the same inputs.

Reads one JSON line {before, after, name} and writes one: {"runs": N, "difference": TEXT}. Only functions that
`is_pure` admits are run: no import, no attribute with an underscore, no name beyond a short list of builtins.
Limits on processor time and memory are set first.
"""

from __future__ import annotations
import __future__

import ast
import builtins
import copy
import inspect
import itertools
import json
import random
import signal
import sys
from collections.abc import Callable, Iterator
from typing import Any

# Builtins that neither read nor write anything outside their arguments.
_SAFE_NAMES = """
    abs all any bool bytes chr dict divmod enumerate filter float frozenset hash hex int isinstance len list
    map max min oct ord pow range repr reversed round set slice sorted str sum tuple zip True False None
    ArithmeticError AttributeError Exception IndexError KeyError LookupError NotImplementedError OverflowError
    StopIteration TypeError ValueError ZeroDivisionError RuntimeError AssertionError
"""
SAFE = frozenset(_SAFE_NAMES.split())
_FORBIDDEN = (
    ast.Import,
    ast.ImportFrom,
    ast.Global,
    ast.Nonlocal,
    ast.Await,
    ast.AsyncFor,
    ast.AsyncWith,
    ast.With,
)
# `format` reads attributes named in a text.
_FORBIDDEN_METHODS = {"format", "format_map", "gi_frame", "cr_frame", "f_globals", "tb_frame"}
_MAX_INPUTS, _MAX_CPU_S, _MAX_BYTES = 80, 2, 1 << 30

_VALUES: dict[str, list[Any]] = {
    "int": [0, 1, -1, 2, 7, 100],
    "float": [0.0, 0.5, -1.5, 3.0],
    "str": ["", "a", "abc", "A-b", "1-3", " x ", "a,b", "中文"],
    "bool": [True, False],
    "list": [[], [1], [3, 1, 2], [1, 1, 2], ["a", "b"], [0, None, 1, ""]],
    "dict": [{}, {"a": 1}, {"a": None, "b": 2}, {1: [1]}],
}
_ANY = [
    None,
    0,
    1,
    -3,
    2.5,
    "",
    "abc",
    "1-3",
    [],
    [3, 1, 2],
    [0, None, 1, ""],
    ["b", "a"],
    {},
    {"a": 1},
    True,
]


def is_pure(source: str) -> bool:
    """Say whether a text is one plain function that can do nothing but compute."""
    try:
        module = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return False
    if len(module.body) != 1 or not isinstance(function := module.body[0], ast.FunctionDef):
        return False
    bound = {function.name}
    for node in ast.walk(function):
        if isinstance(node, ast.arg):
            bound.add(node.arg)
        elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            bound.add(node.id)
        elif isinstance(node, ast.ExceptHandler | ast.FunctionDef):
            bound.add(node.name or "")
    for node in ast.walk(function):
        if isinstance(node, _FORBIDDEN) or (isinstance(node, ast.FunctionDef) and node.decorator_list):
            return False
        if isinstance(node, ast.Attribute) and (node.attr.startswith("_") or node.attr in _FORBIDDEN_METHODS):
            return False
        name = node.id if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) else ""
        if name and (name not in bound | SAFE or name.startswith("__")):
            return False
    return True


def inputs(function: Callable[..., Any], source: str) -> Iterator[tuple[Any, ...]]:
    """Yield arguments: by annotation where there is one, else of every kind; also constants of the code."""
    parameters = [
        one for one in inspect.signature(function).parameters.values() if one.kind is not one.VAR_KEYWORD
    ]
    constants = [
        node.value
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Constant) and isinstance(node.value, int | float | str)
    ]
    pools = []
    for parameter in parameters:
        note = str(parameter.annotation).lower() if parameter.annotation is not parameter.empty else ""
        kinds = [values for kind, values in _VALUES.items() if kind in note]
        pools.append([*(value for values in kinds or [_ANY] for value in values), *constants[:6]])
    total = 1
    for pool in pools:
        total *= len(pool)
    if total <= _MAX_INPUTS:
        yield from itertools.product(*pools)
        return
    chosen = random.Random(7)
    for _ in range(_MAX_INPUTS):
        yield tuple(chosen.choice(pool) for pool in pools)


def compare(before: str, after: str, name: str) -> tuple[int, str]:
    """Run both; return how many inputs the first one took, and the first difference in words."""
    functions = []
    for source in (before, after):
        allowed = {key: getattr(builtins, key) for key in SAFE if hasattr(builtins, key)}
        scope: dict[str, Any] = {"__builtins__": allowed}
        # Names in annotations need not exist here.
        exec(compile(source, "<function>", "exec", __future__.annotations.compiler_flag), scope)
        functions.append(scope[name])
    n_runs = 0
    for arguments in inputs(functions[0], before):
        results = [_outcome(function, arguments) for function in functions]
        n_runs += results[0][0] == "value"
        if results[0] != results[1]:
            shown = ", ".join(repr(argument) for argument in arguments)
            return n_runs, f"{name}({shown}): {results[0][1]} → {results[1][1]}"[:200]
    return n_runs, ""


def _outcome(function: Callable[..., Any], arguments: tuple[Any, ...]) -> tuple[str, str]:
    own = copy.deepcopy(arguments)
    try:
        result = function(*own)
        if inspect.isgenerator(result) or isinstance(result, map | filter | zip):
            result = list(itertools.islice(result, 50))
        return "value", f"{result!r}, {own!r}"[:2000] if own != arguments else f"{result!r}"[:2000]
    except RecursionError:
        return "error", "RecursionError"
    except Exception as error:
        return "error", type(error).__name__


def main() -> None:
    """Answer one question."""
    _limit()
    question = json.loads(sys.stdin.readline())
    n_runs, difference = compare(question["before"], question["after"], question["name"])
    sys.stdout.write(json.dumps({"runs": n_runs, "difference": difference}) + "\n")


def _limit() -> None:
    if sys.platform == "win32":  # there the one who asked ends the process
        return
    import resource

    resource.setrlimit(resource.RLIMIT_CPU, (_MAX_CPU_S, _MAX_CPU_S + 1))
    resource.setrlimit(resource.RLIMIT_AS, (_MAX_BYTES, _MAX_BYTES))
    resource.setrlimit(resource.RLIMIT_NOFILE, (16, 16))
    signal.signal(signal.SIGXCPU, signal.SIG_DFL)


if __name__ == "__main__":
    main()
