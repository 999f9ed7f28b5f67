"""Bugs of meaning for `bench review`: one expression of real code made wrong, as people do by mistake.

An operator, a bound, an argument, a name, a negation. The code still parses and looks well; no rule
describes it. The clean twin is the way back: the wrong line is what was there, the right one is the change.
Give packages that the model cannot have seen, else this measures its memory.
"""

from __future__ import annotations

import ast
import random
from collections.abc import Iterator, Sequence

from qwen_lsp.bench.review.seeds import Seed

# Longer functions than a review shows whole say nothing about a review; shorter ones say nothing at all.
_MIN_LINES, _MAX_LINES = 6, 80
_MAX_LINE_CHARS = 120

_COMPARED: dict[type[ast.cmpop], tuple[str, ...]] = {
    ast.Lt: ("<", "<="),
    ast.LtE: ("<=", "<"),
    ast.Gt: (">", ">="),
    ast.GtE: (">=", ">"),
    ast.Eq: ("==", "!="),
    ast.NotEq: ("!=", "=="),
    ast.Is: ("is", "is not"),
    ast.IsNot: ("is not", "is"),
    ast.In: ("in", "not in"),
    ast.NotIn: ("not in", "in"),
}
_REPLACED = {"min": "max", "max": "min", "any": "all", "all": "any", "append": "extend", "extend": "append"}
_REPLACED |= {"startswith": "endswith", "endswith": "startswith", "lstrip": "rstrip", "rstrip": "lstrip"}

# A kind, and the first and last column of a line with what is to stand there.
_Change = tuple[str, int, int, str]


def mutated(files: Sequence[tuple[str, str]], n: int, seed: int) -> Iterator[tuple[Seed, Seed]]:
    """Yield bugs with their clean twins, spread over the kinds, at most one in a function."""
    chance = random.Random(seed)
    places: dict[str, list[tuple[str, str, int, _Change]]] = {}
    for path, text in files:
        for function in _functions(ast.parse(text)):
            for number, change in _changes(function, text.split("\n")):
                places.setdefault(change[0], []).append((path, text, number, change))
    for kind in places:
        chance.shuffle(places[kind])
    taken: set[tuple[str, int]] = set()
    made = 0
    while made < n and any(places.values()):
        for kind in sorted(places):
            while places[kind]:
                path, text, number, change = places[kind].pop()
                function_line = _function_of(text, number)
                if (path, function_line) in taken or (after := _applied(text, number, change)) is None:
                    continue
                taken.add((path, function_line))
                yield Seed(kind, path, text, after, (number,)), Seed("clean", path, after, text, ())
                made += 1
                break
            if made == n:
                return


def _functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if _MIN_LINES <= length <= _MAX_LINES:
                yield node


def _function_of(text: str, number: int) -> int:
    """Return the first line of the innermost function around a line."""
    around = [
        node.lineno
        for node in _functions(ast.parse(text))
        if node.lineno <= number <= (node.end_lineno or node.lineno)
    ]
    return max(around, default=0)


def _applied(text: str, number: int, change: _Change) -> str | None:
    lines = text.split("\n")
    _, start, end, new = change
    line = lines[number - 1]
    lines[number - 1] = line[:start] + new + line[end:]
    after = "\n".join(lines)
    try:
        is_other = ast.dump(ast.parse(after)) != ast.dump(ast.parse(text))
    except SyntaxError:
        return None
    return after if is_other else None


def _changes(
    function: ast.FunctionDef | ast.AsyncFunctionDef, lines: list[str]
) -> Iterator[tuple[int, _Change]]:
    inside = [node for statement in function.body for node in ast.walk(statement)]
    bound = {node.id for node in inside if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    names = sorted(bound | {argument.arg for argument in function.args.args} - {"self", "cls"})
    fields = sorted(
        {node.attr for node in inside if isinstance(node, ast.Attribute) and _is_self(node.value)}
    )
    for node in inside:
        line = getattr(node, "lineno", 0)
        if not line or line != getattr(node, "end_lineno", 0):
            continue
        shown = lines[line - 1]
        # Columns of the tree are bytes; a line of ASCII has no difference.
        if shown.isascii() and len(shown) <= _MAX_LINE_CHARS:
            for change in _of_node(node, shown, names, fields):
                yield line, change


def _is_self(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == "self"


def _of_node(node: ast.AST, line: str, names: list[str], fields: list[str]) -> Iterator[_Change]:
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        old, new = _COMPARED[type(node.ops[0])]
        yield from _between("comparison", node.left, node.comparators[0], line, old, new)
    elif isinstance(node, ast.BoolOp) and len(node.values) == 2:
        old, new = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
        yield from _between("and-or", node.values[0], node.values[1], line, old, new)
    elif isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub)):
        if isinstance(node.right, ast.Constant) and node.right.value == 1:
            yield "lost-one", _end(node.left), _end(node), ""
        elif isinstance(node.right, ast.Name):
            old, new = ("+", "-") if isinstance(node.op, ast.Add) else ("-", "+")
            yield from _between("arithmetic", node.left, node.right, line, old, new)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield "lost-not", node.col_offset, node.operand.col_offset, ""
    elif isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice):
        for bound in (node.slice.lower, node.slice.upper):
            if isinstance(bound, ast.Name):
                yield "bound", _end(bound), _end(bound), " + 1"
    elif isinstance(node, ast.Call):
        yield from _of_call(node, line)
    elif isinstance(node, ast.Constant) and type(node.value) is int and node.value in (0, 1, 2):
        yield "number", node.col_offset, _end(node), str(node.value + 1 if node.value < 2 else 1)
    elif isinstance(node, ast.Constant) and type(node.value) is bool:
        yield "truth", node.col_offset, _end(node), str(not node.value)
    elif (
        isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in names and len(names) > 1
    ):
        others = [name for name in names if name != node.id]
        # The same choice at each run, and not always the first in the alphabet.
        yield "name", node.col_offset, _end(node), others[(node.col_offset + node.lineno) % len(others)]
    elif isinstance(node, ast.Attribute) and _is_self(node.value) and len(fields) > 1:
        others = [name for name in fields if name != node.attr]
        chosen = others[(node.col_offset + node.lineno) % len(others)]
        yield "attribute", _end(node) - len(node.attr), _end(node), chosen


def _of_call(node: ast.Call, line: str) -> Iterator[_Change]:
    function = node.func
    name = function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")
    if name in _REPLACED:
        yield "function", _end(function) - len(name), _end(function), _REPLACED[name]
    if len(node.args) >= 2 and all(isinstance(one, (ast.Name, ast.Attribute)) for one in node.args[:2]):
        first, second = node.args[:2]
        start, end = first.col_offset, _end(second)
        swapped = (
            line[second.col_offset : end] + line[_end(first) : second.col_offset] + line[start : _end(first)]
        )
        yield "swapped", start, end, swapped
    if name == "range" and node.args:
        bound = node.args[-1] if len(node.args) < 3 else node.args[1]
        yield "bound", _end(bound), _end(bound), " - 1"


def _between(kind: str, left: ast.expr, right: ast.expr, line: str, old: str, new: str) -> Iterator[_Change]:
    start, end = _end(left), right.col_offset
    between = line[start:end]
    if between.count(old) == 1:
        yield kind, start, end, between.replace(old, new)


def _end(node: ast.expr) -> int:
    assert node.end_col_offset is not None
    return node.end_col_offset
