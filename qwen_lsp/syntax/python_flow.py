"""What a few statements of a Python function take from it and give back to it, by Python's own parser.

`piece` says how the statements on some lines could become a function of their own: what must be passed,
what comes back, whether it awaits. Where the meaning would change, or may, it says why instead. It reads
syntax alone: names, scopes, and which paths assign them.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from qwen_lsp.syntax.pieces import Piece, Tied
from qwen_lsp.syntax.python_names import (
    Flow,
    Function,
    always_ends,
    bound,
    declared,
    inside,
    ordered,
    parameters_of,
    parsed,
)

_LOOPS = (ast.For, ast.AsyncFor, ast.While)
# What looks at the names around it at run time.
_REFLECTION = {"locals", "vars", "exec", "eval", "dir"}


def piece(text: str, first: int, last: int) -> Piece | Tied | None:
    """Look at the statements on lines `first` to `last`; None where Python's parser refuses the text."""
    tree = parsed(text)
    if tree is None:
        return None
    try:
        return _piece(tree, text, first, last)
    except Tied as tied:
        return tied


@dataclass(frozen=True, slots=True)
class _Step:
    """One block on the way to the statements: where the way goes on in it, and what the block belongs to."""

    block: Sequence[ast.stmt]
    index: int
    owner: ast.AST


def _piece(tree: ast.Module, text: str, first: int, last: int) -> Piece:
    around = [*_around(tree, first, last)]
    functions = [node for node in around if isinstance(node, Function)]
    if not functions:
        raise Tied("place")
    function = functions[-1]
    steps, chosen = _way(function, first, last)
    if not _begins_line(text, chosen[0]):  # behind `else:` or another statement
        raise Tied("place")
    _check(function, steps, chosen)
    own = declared(function)
    local = (bound(function.body) | parameters_of(function)) - own
    written = bound(chosen)
    if written & own:
        raise Tied("names", ", ".join(sorted(written & own)))
    flow = Flow()
    ended = flow.run(chosen, set())
    before = _before(function, steps)
    returns = any(isinstance(node, ast.Return) for node in inside(chosen))
    results = () if returns else tuple(ordered(chosen, _live(function, steps, chosen, local) & written))
    needed = (set(flow.exposed) | {name for name in results if name not in ended}) & local
    maybe = _may_be_bound(function, steps, chosen)
    needed &= maybe
    without = sorted(name for name in needed if name not in before)
    without += sorted(name for name in results if name not in ended and name not in needed)
    if without:
        raise Tied("names", ", ".join(dict.fromkeys(without)))
    receiver, above = _place(tree, around, function, chosen, needed)
    parameters = tuple(ordered(chosen, needed - {receiver}))
    types = _annotations(function, text)
    return Piece(
        _first_line(chosen[0]),
        chosen[-1].end_lineno or chosen[-1].lineno,
        parameters,
        tuple(types.get(name, "") for name in parameters),
        results,
        returns,
        _source(text, function.returns) if returns else "" if results else "None" if types else "",
        any(_is_async(node) for node in inside(chosen)),
        receiver,
        above,
        frozenset(_lines_in_strings(chosen)),
        _last_value_line(chosen, results),
    )


# --- where the statements stand --------------------------------------------------------------------


def _first_line(node: ast.stmt) -> int:
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(one.lineno for one in decorators)])


def _begins_line(text: str, node: ast.stmt) -> bool:
    line = re.split(r"\r\n|\r|\n", text)[_first_line(node) - 1]
    if re.match(r"\s*elif\b", line):
        return False
    return len(line.encode()) - len(line.lstrip().encode()) >= node.col_offset


def _around(tree: ast.Module, first: int, last: int) -> Iterator[ast.AST]:
    """Yield the definitions whose bodies hold the lines, the outermost first."""
    node: ast.AST | None = tree
    while node is not None:
        found = None
        for child in ast.walk(node):
            if child is node or not isinstance(child, Function | ast.ClassDef):
                continue
            body = child.body
            if _first_line(body[0]) <= first and last <= (body[-1].end_lineno or 0):
                found = child
                break  # walk goes level by level, so the first is the outermost
        if found is not None:
            yield found
        node = found


def _way(function: Function, first: int, last: int) -> tuple[list[_Step], list[ast.stmt]]:
    """Find the statements on the lines, and the blocks that lead to them."""
    block, owner = list(function.body), function
    steps: list[_Step] = []
    while True:
        touched = [i for i, s in enumerate(block) if _first_line(s) <= last and (s.end_lineno or 0) >= first]
        if not touched:
            raise Tied("place")
        whole = [i for i in touched if first <= _first_line(block[i]) and (block[i].end_lineno or 0) <= last]
        if len(whole) == len(touched):
            steps.append(_Step(block, whole[0], owner))
            return steps, [block[i] for i in whole]
        if len(touched) > 1 or whole:
            raise Tied("place")
        statement = block[touched[0]]
        steps.append(_Step(block, touched[0], owner))
        inner = [
            (part, part_owner)
            for part, part_owner in _blocks(statement)
            if any(_first_line(s) <= last and (s.end_lineno or 0) >= first for s in part)
        ]
        if len(inner) != 1 or first < _first_line(inner[0][0][0]):
            raise Tied("place")
        block, owner = list(inner[0][0]), inner[0][1]  # type: ignore[assignment]


def _blocks(node: ast.AST) -> Iterator[tuple[Sequence[ast.stmt], ast.AST]]:
    """Yield the blocks of a compound statement that belong to the same function."""
    if isinstance(node, Function | ast.ClassDef):
        return
    for name in ("body", "orelse", "finalbody"):
        block = getattr(node, name, None)
        if isinstance(block, list) and block and isinstance(block[0], ast.stmt):
            yield block, node
    for part in (*getattr(node, "handlers", ()), *getattr(node, "cases", ())):
        yield part.body, part


def _check(function: Function, steps: Sequence[_Step], chosen: Sequence[ast.stmt]) -> None:
    """Refuse what would not work in another function."""
    for node in inside(chosen):
        if isinstance(node, ast.Yield | ast.YieldFrom):
            raise Tied("flow")
        if isinstance(node, ast.Global | ast.Nonlocal):
            raise Tied("names", ", ".join(node.names))
        if isinstance(node, ast.Delete) and any(isinstance(one, ast.Name) for one in node.targets):
            raise Tied("names", ", ".join(one.id for one in node.targets if isinstance(one, ast.Name)))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _REFLECTION:
            raise Tied("bound", f"{node.func.id}()")
    for node in (one for statement in chosen for one in ast.walk(statement)):
        if isinstance(node, ast.Nonlocal):
            raise Tied("names", ", ".join(node.names))
    if _leaves_loop(chosen):
        raise Tied("flow")
    if any(isinstance(node, ast.Return) for node in inside(chosen)):
        is_end = len(steps) == 1 and steps[0].block[-1] is chosen[-1]
        if not is_end and not always_ends(chosen):
            raise Tied("flow")
    written = bound(chosen)
    for step in steps:
        if isinstance(step.owner, ast.Try) and any(step.block is not h.body for h in step.owner.handlers):
            after = Flow()
            for handler in step.owner.handlers:
                after.run(handler.body, set())
            after.run(step.owner.finalbody, set())
            if used := written & set(after.exposed):
                raise Tied("names", ", ".join(sorted(used)))


def _leaves_loop(block: Iterable[ast.stmt]) -> bool:
    for node in block:
        if isinstance(node, ast.Break | ast.Continue):
            return True
        if isinstance(node, _LOOPS):
            if _leaves_loop(node.orelse):
                return True
        elif any(_leaves_loop(part) for part, _ in _blocks(node)):
            return True
    return False


def _is_async(node: ast.AST) -> bool:
    return isinstance(node, ast.Await | ast.AsyncFor | ast.AsyncWith) or (
        isinstance(node, ast.comprehension) and bool(node.is_async)
    )


# --- before and after -------------------------------------------------------------------------------


def _before(function: Function, steps: Sequence[_Step]) -> set[str]:
    """Name what has a value on every way to the statements."""
    flow = Flow(assigned=parameters_of(function))
    for step in steps:
        owner = step.owner
        if isinstance(owner, ast.For | ast.AsyncFor) and step.block is not owner.orelse:
            flow.visit(owner.target)
        elif isinstance(owner, ast.With | ast.AsyncWith):
            flow.all_of(owner.items)
        elif isinstance(owner, ast.If | ast.While):
            flow.visit(owner.test)
        elif isinstance(owner, ast.ExceptHandler) and owner.name:
            flow.write(owner.name)
        elif isinstance(owner, ast.match_case):
            flow.visit(owner.pattern)
        elif isinstance(owner, ast.Try) and list(step.block) == list(owner.orelse):
            flow.all_of(owner.body)
        flow.all_of(step.block[: step.index])
    return flow.assigned


def _may_be_bound(function: Function, steps: Sequence[_Step], chosen: Sequence[ast.stmt]) -> set[str]:
    """Name what may have a value when the statements begin."""
    found = parameters_of(function)
    for step in steps:
        if isinstance(step.owner, _LOOPS):
            found |= bound([step.owner])
        elif isinstance(step.owner, ast.ExceptHandler) and step.owner.name:
            found.add(step.owner.name)
        elif not isinstance(step.owner, Function):
            found |= bound([step.owner]) - bound(chosen)
        found |= bound(step.block[: step.index])
    return found


def _live(
    function: Function, steps: Sequence[_Step], chosen: Sequence[ast.stmt], local: set[str]
) -> set[str]:
    """Name what is read after the statements before it is assigned again."""
    flow = Flow()
    assigned: set[str] = set()
    count = len(chosen)
    for step in reversed(steps):
        rest = step.block[step.index + count :]
        after = flow.run(rest, assigned)
        if not _leaves_loop(rest):
            assigned = after
        count = 1
        if isinstance(step.owner, _LOOPS):
            again = Flow()
            if isinstance(step.owner, ast.While):
                again.visit(step.owner.test)
                again.maybe(step.owner.body)
            else:
                again.run([ast.Expr(step.owner.target), *step.owner.body], set())
            again.run(step.owner.orelse, set())
            flow.exposed |= again.exposed
        if isinstance(step.owner, ast.Try):
            flow.run(step.owner.finalbody, assigned)
            if list(step.block) == list(step.owner.body):
                assigned = flow.run(step.owner.orelse, assigned)
    # A function inside sees the variables whenever it is called.
    moved = set(map(id, inside(chosen)))
    for node in inside(function.body):
        if isinstance(node, Function | ast.Lambda | ast.ClassDef) and id(node) not in moved:
            inner = Flow()
            inner.visit(node)
            flow.exposed |= inner.exposed
    return set(flow.exposed) & local


# --- the new function -------------------------------------------------------------------------------


def _place(
    tree: ast.Module,
    around: Sequence[ast.AST],
    function: Function,
    chosen: Sequence[ast.stmt],
    needed: set[str],
) -> tuple[str, int]:
    """Return the receiver, if it must be a method, and the line that the new function goes in front of."""
    at = list(around).index(function)
    holder = around[at - 1] if at else tree
    if not isinstance(holder, ast.ClassDef):
        return "", _first_line(function)
    first = next((one.arg for one in [*function.args.posonlyargs, *function.args.args]), "")
    is_bound = first in ("self", "cls") and not any(
        isinstance(one, ast.Name) and one.id == "staticmethod" for one in function.decorator_list
    )
    walked = [node for statement in chosen for node in ast.walk(statement)]
    calls_super = any(isinstance(node, ast.Name) and node.id in ("super", "__class__") for node in walked)
    words = [
        getattr(node, "attr", None) or getattr(node, "id", None) or getattr(node, "name", None)
        for node in walked
    ]
    is_private = any(
        isinstance(word, str) and word.startswith("__") and not word.endswith("__") for word in words
    )
    if is_bound and (first in needed or calls_super or is_private):
        return first, _first_line(function)
    if calls_super or is_private:
        raise Tied("bound", "super()" if calls_super else "__")
    outermost = next(node for node in around if isinstance(node, Function | ast.ClassDef))
    if isinstance(outermost, Function):  # a class inside of a function: its names are only seen in there
        raise Tied("place")
    return "", _first_line(outermost)


def _annotations(function: Function, text: str) -> dict[str, str]:
    every = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    return {one.arg: _source(text, one.annotation) for one in every if one.annotation is not None}


def _source(text: str, node: ast.expr | None) -> str:
    return (ast.get_source_segment(text, node) or "") if node is not None else ""


def _lines_in_strings(chosen: Sequence[ast.stmt]) -> Iterator[int]:
    for statement in chosen:
        for node in ast.walk(statement):
            is_text = isinstance(node, ast.Constant) and isinstance(node.value, str | bytes)
            if (is_text or isinstance(node, ast.JoinedStr)) and node.end_lineno:  # type: ignore[attr-defined]
                yield from range(node.lineno + 1, node.end_lineno + 1)  # type: ignore[attr-defined]


def _last_value_line(chosen: Sequence[ast.stmt], results: Sequence[str]) -> int:
    node = chosen[-1]
    if len(results) == 1 and isinstance(node, ast.Assign) and len(node.targets) == 1:
        target = node.targets[0]
        if isinstance(target, ast.Name) and target.id == results[0]:
            return node.lineno
    return 0
