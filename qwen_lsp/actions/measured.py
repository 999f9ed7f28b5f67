"""Run by the project's own Python as a text: what calls give, and which lines each runs.

Reads one JSON object {path, module, name, calls} and writes one list: for each call {"value": LITERAL} or
{"error": NAME, "is_known": BOOL}, or {} where the result cannot be written as a literal; with "call", as it
was evaluated, and "lines". Imports nothing of this package: the interpreter is another one.
"""

from __future__ import annotations

import ast
import builtins
import importlib
import io
import json
import sys
from typing import Any

_MAX_CHARS = 160


def main() -> None:
    """Answer one question."""
    question = json.loads(sys.stdin.read())
    said, sys.stdout = sys.stdout, io.StringIO()  # the code under test may print
    sys.path[:0] = question["path"]
    module = importlib.import_module(question["module"])
    scope = {**vars(builtins), question["name"]: getattr(module, question["name"])}
    found = [_result(call, scope, str(module.__file__)) for call in question["calls"]]
    said.write(json.dumps(found))


def _result(call: str, scope: dict[str, Any], file: str) -> dict[str, Any]:
    lines: set[int] = set()

    def trace(frame: Any, event: str, argument: Any) -> Any:
        if frame.f_code.co_filename != file:
            return None
        if event == "line":
            lines.add(frame.f_lineno)
        return trace

    found: dict[str, Any] = {"call": call}
    sys.settrace(trace)
    try:
        value = eval(call, dict(scope))
        if hasattr(value, "__next__"):
            found["call"] = f"list({call})"
            value = list(value)
    except Exception as error:
        found["error"] = type(error).__name__
        found["is_known"] = hasattr(builtins, type(error).__name__)
    else:
        text = repr(value)
        if len(text) <= _MAX_CHARS and _is_literal(text, value):
            found["value"] = text
    finally:
        sys.settrace(None)
    found["lines"] = sorted(lines)
    return found


def _is_literal(text: str, value: Any) -> bool:
    try:
        read = ast.literal_eval(text)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return False
    return type(read) is type(value) and bool(read == value) and repr(read) == text


if __name__ == "__main__":
    main()
