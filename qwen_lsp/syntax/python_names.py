"""Which names Python statements read and assign, in the order of their use, scope by scope.

`Flow` goes through statements and tells what is read before it is assigned, and what has a value on every
way behind them. Whatever is not certain counts as read, and as perhaps not assigned.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

Function = ast.FunctionDef | ast.AsyncFunctionDef
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


Parse = Callable[[str], "ast.Module | None"]


def parsed(text: str) -> ast.Module | None:
    """Parse a module; None where Python's parser refuses the text."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def is_lost_definition(text: str, line: int) -> bool:
    """Whether a function that begins on a line (from 1) hides another one of the same class or module.

    Both stand plainly in one block and have no decorator, which could have kept the first.
    """
    tree = parsed(text)
    for node in ast.walk(tree) if tree is not None else ():
        if not isinstance(node, ast.Module | ast.ClassDef):
            continue
        functions = [one for one in node.body if isinstance(one, Function) and not one.decorator_list]
        for second in functions:
            if second.lineno == line and any(
                first.name == second.name and first.lineno < line for first in functions
            ):
                return True
    return False


def inside(nodes: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """Yield the nodes of the same function: not those of functions, lambdas and classes inside."""
    pending = list(nodes)
    while pending:
        node = pending.pop()
        yield node
        if isinstance(node, Function):
            pending += [*node.decorator_list, *node.args.defaults, *(d for d in node.args.kw_defaults if d)]
        elif not isinstance(node, ast.Lambda | ast.ClassDef):
            pending += ast.iter_child_nodes(node)


def always_ends(block: Sequence[ast.stmt]) -> bool:
    """Whether no way goes on behind a block: each one returns or raises."""
    if not block:
        return False
    node = block[-1]
    if isinstance(node, ast.Return | ast.Raise):
        return True
    if isinstance(node, ast.If):
        return always_ends(node.body) and always_ends(node.orelse)
    if isinstance(node, ast.With | ast.AsyncWith):
        return False  # a context manager may swallow what is raised
    if isinstance(node, ast.Try):
        return always_ends(node.finalbody) or (
            always_ends(node.body) and all(always_ends(handler.body) for handler in node.handlers)
        )
    return False


def parameters_of(function: Function | ast.Lambda) -> set[str]:
    """Name the parameters of a function."""
    arguments = function.args
    every = [
        *arguments.posonlyargs,
        *arguments.args,
        *arguments.kwonlyargs,
        arguments.vararg,
        arguments.kwarg,
    ]
    return {one.arg for one in every if one is not None}


def declared(function: Function) -> set[str]:
    """Name what a function declares global or nonlocal."""
    found = (node for node in inside(function.body) if isinstance(node, ast.Global | ast.Nonlocal))
    return {name for node in found for name in node.names}


def bound(block: Iterable[ast.AST]) -> set[str]:
    """Name what some statements bind in their own function."""
    flow = Flow()
    for node in block:
        flow.visit(node)
    return flow.written


@dataclass(slots=True)
class Flow:
    """Reads names in the order in which they are used.

    State: `exposed` are read before they are assigned on some path, `written` are assigned on some.
    """

    exposed: dict[str, None] = field(default_factory=dict)
    written: set[str] = field(default_factory=set)
    assigned: set[str] = field(default_factory=set)

    def run(self, block: Iterable[ast.stmt], assigned: set[str]) -> set[str]:
        """Go through a block; return what is assigned on every way through it."""
        outer, self.assigned = self.assigned, set(assigned)
        for node in block:
            self.visit(node)
        inner, self.assigned = self.assigned, outer
        return inner

    def read(self, name: str) -> None:
        """Note that a name is read."""
        if name not in self.assigned:
            self.exposed.setdefault(name)

    def write(self, name: str) -> None:
        """Note that a name is assigned."""
        self.written.add(name)
        self.assigned.add(name)

    def visit(self, node: ast.AST) -> None:
        """Go through a node in the order in which it is evaluated."""
        if isinstance(node, ast.Name):
            (self.read if isinstance(node.ctx, ast.Load) else self.write)(node.id)
        elif isinstance(node, ast.Assign):
            self.all_of([node.value, *node.targets])
        elif isinstance(node, ast.AnnAssign):
            self.all_of([node.annotation, *([node.value] if node.value else [])])
            if node.value or not isinstance(node.target, ast.Name):
                self.visit(node.target)
        elif isinstance(node, ast.AugAssign):
            if isinstance(node.target, ast.Name):
                self.read(node.target.id)
            self.all_of([node.value, node.target])
        elif isinstance(node, ast.NamedExpr):
            self.all_of([node.value, node.target])
        elif isinstance(node, ast.If | ast.IfExp):
            self.visit(node.test)
            branches = [
                part if isinstance(part, list) else [ast.Expr(part)] for part in (node.body, node.orelse)
            ]
            self._branches(branches)
        elif isinstance(node, ast.For | ast.AsyncFor):
            self.visit(node.iter)
            self.maybe([node.target, *node.body])
            self.maybe(node.orelse)
        elif isinstance(node, ast.While):
            self.visit(node.test)
            self.maybe(node.body)
            self.maybe(node.orelse)
        elif isinstance(node, ast.Try):
            self._try(node)
        elif isinstance(node, ast.Match):
            self.visit(node.subject)
            for case in node.cases:
                self.maybe([case.pattern, *([case.guard] if case.guard else []), *case.body])
        elif isinstance(node, ast.BoolOp):
            self.visit(node.values[0])
            self.maybe(node.values[1:])
        elif isinstance(node, Function | ast.Lambda):
            self._function(node)
        elif isinstance(node, ast.ClassDef):
            self.all_of([*node.decorator_list, *node.bases, *(keyword.value for keyword in node.keywords)])
            self._free(node.body, set())
            self.write(node.name)
        elif isinstance(node, _COMPREHENSIONS):
            self._comprehension(node)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            for alias in node.names:
                self.write(alias.asname or alias.name.split(".")[0])
        elif isinstance(node, ast.MatchAs | ast.MatchStar):
            self.all_of(ast.iter_child_nodes(node))
            if node.name:
                self.write(node.name)
        elif isinstance(node, ast.MatchMapping):
            self.all_of(ast.iter_child_nodes(node))
            if node.rest:
                self.write(node.rest)
        elif isinstance(node, ast.withitem):
            self.all_of([node.context_expr, *([node.optional_vars] if node.optional_vars else [])])
        else:
            self.all_of(ast.iter_child_nodes(node))

    def all_of(self, nodes: Iterable[ast.AST]) -> None:
        """Go through nodes, one after another."""
        for node in nodes:
            self.visit(node)

    def maybe(self, nodes: Iterable[ast.AST]) -> None:
        """Visit what may not be run: what it assigns has perhaps no value behind it."""
        kept = set(self.assigned)
        self.all_of(nodes)
        self.assigned = kept

    def _branches(self, branches: Sequence[Sequence[ast.stmt]]) -> None:
        before = set(self.assigned)
        ends: list[set[str]] = []
        for branch in branches:
            self.assigned = set(before)
            self.all_of(branch)
            if not always_ends(branch):
                ends.append(self.assigned)
        self.assigned = set.intersection(*ends) if ends else before

    def _try(self, node: ast.Try) -> None:
        before = set(self.assigned)
        self.all_of([*node.body, *node.orelse])
        whole = self.assigned
        ends = [whole]
        for handler in node.handlers:
            self.assigned = set(before)
            if handler.type is not None:
                self.visit(handler.type)
            if handler.name:
                self.write(handler.name)
            self.all_of(handler.body)
            if not always_ends(handler.body):
                ends.append(self.assigned - {handler.name or ""})
        self.assigned = set.intersection(*ends)
        if node.finalbody:
            after, self.assigned = self.assigned, set(before)
            self.all_of(node.finalbody)
            self.assigned |= after

    def _function(self, node: Function | ast.Lambda) -> None:
        arguments = node.args
        self.all_of([*arguments.defaults, *(default for default in arguments.kw_defaults if default)])
        if isinstance(node, ast.Lambda):
            self._free([ast.Expr(node.body)], parameters_of(node))
            return
        every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        every += [one for one in (arguments.vararg, arguments.kwarg) if one]
        self.all_of([one.annotation for one in every if one.annotation])
        self.all_of([*node.decorator_list, *([node.returns] if node.returns else [])])
        self._free(node.body, parameters_of(node))
        self.write(node.name)

    def _free(self, body: Iterable[ast.stmt], parameters: set[str]) -> None:
        """Read the free names of a scope inside, which it sees whenever it runs."""
        inner = Flow()
        for node in body:
            inner.visit(node)
        own = (inner.written | parameters) - _nonlocal(body)
        read = Flow()
        for node in body:
            read.assigned = set()
            read.visit(node)
        for name in read.exposed:
            if name not in own:
                self.read(name)

    def _comprehension(self, node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp) -> None:
        self.visit(node.generators[0].iter)
        inner = Flow(assigned=set(self.assigned))
        targets = Flow()
        for number, generator in enumerate(node.generators):
            if number:
                inner.visit(generator.iter)
            targets.visit(generator.target)
            inner.visit(generator.target)
            inner.all_of(generator.ifs)
        inner.all_of([node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt])
        for name in inner.exposed:
            if name not in targets.written:
                self.read(name)
        self.written |= inner.written - targets.written  # `:=` binds around the comprehension


def _nonlocal(body: Iterable[ast.stmt]) -> set[str]:
    found = (node for node in inside(body) if isinstance(node, ast.Nonlocal))
    return {name for node in found for name in node.names}


def ordered(block: Sequence[ast.AST], names: set[str]) -> list[str]:
    """Sort names by where they first stand."""
    places: dict[str, tuple[int, int]] = {}
    for statement in block:
        for node in ast.walk(statement):
            name = node.id if isinstance(node, ast.Name) else getattr(node, "name", None)
            if isinstance(name, str) and name in names:
                at = getattr(node, "lineno", 1 << 30), getattr(node, "col_offset", 0)
                places[name] = min(at, places.get(name, at))
    return sorted(names, key=lambda name: (places.get(name, (1 << 30, 0)), name))
