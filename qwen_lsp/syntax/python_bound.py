"""Which names of a Python function may have no value where they are read, and which had one before a change.

Only the ways that are plain are followed: a branch that assigns nothing, a handler that goes on, a `del`. A
loop runs at least once, a `match` takes one of its cases, and what is read under a condition that an
assignment stands under, too, is left alone. So what is reported can happen; not all that can is reported.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from qwen_lsp.syntax.python_names import (
    Function,
    Parse,
    bound,
    declared,
    inside,
    parameters_of,
    parsed,
)

_ENDS = re.compile(
    r"^(?:sys\.|os\._?)?exit$|^quit$|^abort$|(?:^|\.)(?:fail|skip|skip_?[Tt]est|error|abort|assert_never|exit|die|usage|reraise|"
    r"raise_\w+|_?raise\w*|bail\w*|fatal)$"
)


@dataclass(frozen=True, slots=True)
class Unbound:
    """A name that may have no value on a line (from 1) of a function."""

    function: str
    name: str
    line: int


def newly_unbound(before: str, after: str, parse: Parse = parsed) -> list[Unbound]:
    """Return the names that may have no value now where they are read, and always had one before."""
    old, new = parse(before), parse(after)
    if old is None or new is None:
        return []
    olds, old_lines, new_lines = _functions(old), before.split("\n"), after.split("\n")
    found = []
    for name, function in _functions(new).items():
        was = olds.get(name)
        if was is None or _lines(was, old_lines) == _lines(function, new_lines):
            continue
        known = _locals(was)
        missing = {one for one, _ in _reads(was)}
        read = {
            node.id
            for node in inside(was.body)
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
        }
        seen: set[str] = set()
        for one, line in _reads(function):
            if one in known and one in read and one not in missing and one not in seen:
                seen.add(one)
                found.append(Unbound(name, one, line))
    return found


def _lines(function: Function, lines: Sequence[str]) -> Sequence[str]:
    return lines[function.lineno - 1 : function.end_lineno]


def _functions(tree: ast.Module) -> dict[str, Function]:
    """Return the functions that stand once under their name."""
    found: dict[str, Function] = {}
    twice: set[str] = set()
    pending: list[tuple[str, ast.AST]] = [("", tree)]
    while pending:
        around, node = pending.pop()
        for child in ast.iter_child_nodes(node):
            name = around
            if isinstance(child, Function | ast.ClassDef):
                name = f"{around}.{child.name}"
                if isinstance(child, Function):
                    twice |= {name} & found.keys()
                    found[name] = child
            pending.append((name, child))
    return {name: node for name, node in found.items() if name not in twice}


def _locals(function: Function) -> set[str]:
    return bound(function.body) - parameters_of(function) - declared(function)


def _reads(function: Function) -> list[tuple[str, int]]:
    """Return the names that are read where they may have no value, with their line."""
    ways = _Ways(_locals(function), _conditions(function), _flags(function))
    ways.block(function.body, frozenset())
    return ways.found


def _conditions(function: Function) -> dict[str, set[str]]:
    """Return for each name what the conditions around its assignments speak of."""
    found: dict[str, set[str]] = {}

    def walk(nodes: Iterable[ast.AST], names: frozenset[str]) -> None:
        for node in nodes:
            inner = names
            if isinstance(node, ast.If | ast.IfExp | ast.While):
                inner = names | _named(node.test)
            elif isinstance(node, ast.Match):
                inner = names | _named(node.subject)
            if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
                found.setdefault(node.id, set()).update(names)
            walk(ast.iter_child_nodes(node), inner)

    walk(function.body, frozenset())
    return found


def _flags(function: Function) -> set[str]:
    """Return the names that are assigned in a branch or a handler."""
    inner: list[ast.stmt] = []
    for node in inside(function.body):
        if isinstance(node, ast.If):
            inner += [*node.body, *node.orelse]
        elif isinstance(node, ast.Try | ast.TryStar):
            inner += [one for handler in node.handlers for one in handler.body]
    return bound(inner)


def _named(node: ast.AST) -> frozenset[str]:
    """Return what a condition speaks of: the names of its parts, and whole calls."""
    found: set[str] = set()
    pending = [node]
    while pending:
        one = pending.pop()
        if isinstance(one, ast.Call):
            found.add(ast.unparse(one))
        elif isinstance(one, ast.Name):
            found.add(one.id)
        elif isinstance(one, ast.Attribute):
            found.add(ast.unparse(one))
        else:
            pending += ast.iter_child_nodes(one)
    return frozenset(found)


# What has a value on every way to a place; None where no way leads.
State = frozenset[str] | None


@dataclass(slots=True)
class _Ways:
    """Goes through a function.

    State: `asked` is what the conditions around the place speak of; `choices` are the branches, by identity,
    that ask the value of the branch above for another constant: one of them is taken, as in a `match`.
    """

    names: set[str]
    conditions: dict[str, set[str]]
    flags: set[str]
    found: list[tuple[str, int]] = field(default_factory=list)
    choices: set[int] = field(default_factory=set)
    asked: frozenset[str] = frozenset()

    def block(self, nodes: Sequence[ast.stmt], state: State) -> State:
        for node in nodes:
            if state is None:
                return None
            state = self.statement(node, state)
        return state

    def statement(self, node: ast.stmt, state: frozenset[str]) -> State:
        if isinstance(node, ast.If):
            state = self.expression(node.test, state)
            then = self._under(node.test, node.body, state)
            is_last = not node.orelse and id(node) in self.choices
            if len(node.orelse) == 1 and _is_choice(node, node.orelse[0]):
                self.choices.add(id(node.orelse[0]))
            other = None if is_last else self._under(node.test, node.orelse, state)
            is_flag = (then is None or other is None) and bool(_named(node.test) & self.flags)
            after = _joined(then, other)
            # Who leaves on what a branch noted leaves where that branch was taken.
            return after | self.names if after is not None and is_flag else after
        if isinstance(node, ast.For | ast.AsyncFor):
            state = self.expression(node.iter, state) | self._targets(node.target)
            inner = self.block(node.body, state)
            after = state if inner is None else inner
            return self.block(node.orelse, after) if node.orelse else after
        if isinstance(node, ast.While):
            state = self.expression(node.test, state)
            inner = self._under(node.test, node.body, state)
            if isinstance(node.test, ast.Constant) and not _breaks(node.body):
                return None
            return state if inner is None else inner
        if isinstance(node, ast.Try | ast.TryStar):
            return self._try(node, state)
        if isinstance(node, ast.With | ast.AsyncWith):
            for item in node.items:
                state = self.expression(item.context_expr, state)
                if item.optional_vars is not None:
                    state |= self._targets(item.optional_vars)
            return self.block(node.body, state)
        if isinstance(node, ast.Match):
            state = self.expression(node.subject, state)
            ends = [
                self._under(node.subject, case.body, state | self._targets(case.pattern))
                for case in node.cases
            ]
            return _joined(*ends)
        if isinstance(node, ast.Return | ast.Raise | ast.Continue | ast.Break):
            for child in ast.iter_child_nodes(node):
                self.expression(child, state)
            return None
        if isinstance(node, ast.Delete):
            return state - {one.id for one in node.targets if isinstance(one, ast.Name)}
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            return state | {node.name}
        if isinstance(node, ast.Import | ast.ImportFrom):
            return state | {one.asname or one.name.split(".")[0] for one in node.names}
        if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            self._read(node.target.id, node.lineno, state)
        value = getattr(node, "value", None)
        if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
            if value is not None:
                state = self.expression(value, state)
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                if not isinstance(target, ast.Name):
                    state = self.expression(target, state)
                if value is not None or not isinstance(node, ast.AnnAssign):
                    state |= self._targets(target)
            return state
        for child in ast.iter_child_nodes(node):
            state = self.expression(child, state)
        if (
            isinstance(node, ast.Expr)
            and isinstance(node.value, ast.Call)
            and _ENDS.search(ast.unparse(node.value.func))
        ):
            return None
        if isinstance(node, ast.Assert) and isinstance(node.test, ast.Constant) and not node.test.value:
            return None
        return state

    def expression(self, node: ast.AST, state: frozenset[str]) -> frozenset[str]:
        """Read an expression; what it assigns is taken for assigned, what runs later is not looked into."""
        if isinstance(node, ast.Lambda | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            return state
        if isinstance(node, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
            return self.expression(node.generators[0].iter, state)
        if isinstance(node, ast.IfExp):
            state = self.expression(node.test, state)
            outer, self.asked = self.asked, self.asked | _named(node.test)
            state |= self.expression(node.body, state) & self.expression(node.orelse, state)
            self.asked = outer
            return state
        if isinstance(node, ast.BoolOp):
            outer = self.asked
            for value in node.values:
                state = self.expression(value, state)
                self.asked |= _named(value)
            self.asked = outer
            return state
        if isinstance(node, ast.Name):
            if isinstance(node.ctx, ast.Load):
                self._read(node.id, node.lineno, state)
            return state
        for child in ast.iter_child_nodes(node):
            state = self.expression(child, state)
        if isinstance(node, ast.NamedExpr):
            state |= self._targets(node.target)
        return state

    def _try(self, node: ast.Try | ast.TryStar, state: frozenset[str]) -> State:
        whole = self.block(node.body, state)
        if whole is not None and node.orelse:
            whole = self.block(node.orelse, whole)
        ends: list[State] = [whole]
        for handler in node.handlers:
            caught = state | self._before_raising(node.body, handler)
            ends.append(self.block(handler.body, caught | ({handler.name} if handler.name else frozenset())))
        after = _joined(*ends)
        if node.finalbody:
            last = self.block(node.finalbody, state)
            if last is None:
                return None
            after = None if after is None else after | (last - state)
        return after

    def _before_raising(self, body: Sequence[ast.stmt], handler: ast.ExceptHandler) -> frozenset[str]:
        """Return what has a value before a module is used whose own exception a handler catches."""
        kind = handler.type
        if not isinstance(kind, ast.Attribute) or not isinstance(kind.value, ast.Name):
            return frozenset()
        given: frozenset[str] = frozenset()
        for statement in body:
            if any(isinstance(one, ast.Name) and one.id == kind.value.id for one in ast.walk(statement)):
                return given
            if isinstance(statement, ast.Assign):
                for target in statement.targets:
                    given |= self._targets(target)
        return frozenset()  # the module raises somewhere else

    def _under(self, test: ast.AST, nodes: Sequence[ast.stmt], state: frozenset[str]) -> State:
        outer, self.asked = self.asked, self.asked | _named(test)
        after = self.block(nodes, state)
        self.asked = outer
        return after

    def _read(self, name: str, line: int, state: frozenset[str]) -> None:
        if name in self.names and name not in state and not self.asked & self.conditions.get(name, set()):
            self.found.append((name, line))

    def _targets(self, node: ast.AST) -> frozenset[str]:
        found = {
            one.id
            for one in ast.walk(node)
            if isinstance(one, ast.Name) and not isinstance(one.ctx, ast.Load)
        }
        for one in ast.walk(node):
            if isinstance(one, ast.MatchAs | ast.MatchStar) and one.name:
                found.add(one.name)
            elif isinstance(one, ast.MatchMapping) and one.rest:
                found.add(one.rest)
        return frozenset(found)


def _joined(*states: State) -> State:
    ways = [state for state in states if state is not None]
    return frozenset.intersection(*ways) if ways else None


def _is_choice(node: ast.If, other: ast.stmt) -> bool:
    """Whether two branches compare one value with different constants."""
    tests = [node.test, other.test] if isinstance(other, ast.If) else []
    asked = [ast.unparse(one.left) for one in tests if isinstance(one, ast.Compare) and _is_equal(one)]
    return len(asked) == 2 and asked[0] == asked[1]


def _is_equal(test: ast.Compare) -> bool:
    is_fixed = isinstance(test.comparators[0], ast.Constant | ast.Attribute)
    return len(test.ops) == 1 and isinstance(test.ops[0], ast.Eq | ast.Is) and is_fixed


def _breaks(nodes: Sequence[ast.stmt]) -> bool:
    return any(isinstance(node, ast.Break) for node in inside(nodes))
