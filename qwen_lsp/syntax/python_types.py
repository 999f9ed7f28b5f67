"""Whether a Python type may stand in a file: what its names are there, and how it must be written.

An annotation is run when its function is defined, so one that names what is not there breaks the module.
`settled` takes an expression apart with Python's own parser and writes it so that it runs, or gives None.
"""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from qwen_lsp.syntax.python_names import parsed

_OLD_NAMES = {
    "List": "list",
    "Dict": "dict",
    "Tuple": "tuple",
    "Set": "set",
    "FrozenSet": "frozenset",
    "Type": "type",
}
# How many types stand in the brackets of a name, where that is always the same.
_ARITY = {
    **dict.fromkeys(
        ("list", "set", "frozenset", "type", "Iterable", "Iterator", "Sequence", "Collection"), 1
    ),
    **dict.fromkeys(("Awaitable", "AsyncIterator", "AsyncIterable", "Pattern", "Match", "IO", "Optional"), 1),
    **dict.fromkeys(("dict", "Mapping", "MutableMapping", "Callable"), 2),
    **dict.fromkeys(("Generator", "Coroutine"), 3),
}
_COLLECTIONS = frozenset(
    (
        *("Callable", "Iterable", "Iterator", "Sequence", "Mapping", "Generator", "Hashable", "Sized"),
        *("Collection", "MutableMapping", "Awaitable", "AsyncIterator", "AsyncIterable", "Coroutine"),
    )
)
_TYPING = _COLLECTIONS | {"Any", "Optional", "Union", "TextIO", "BinaryIO", "IO", "Pattern", "Match"}
# What common modules of Python's own are imported whole for.
_MEMBERS = {
    "re": {"Match", "Pattern"},
    "pathlib": {"Path", "PurePath"},
    "datetime": {"datetime", "date", "time", "timedelta"},
    "collections": {"OrderedDict", "deque", "Counter", "defaultdict"},
    "decimal": {"Decimal"},
    "argparse": {"ArgumentParser", "Namespace"},
    "logging": {"Logger", "LogRecord"},
    "io": {"StringIO", "BytesIO"},
    "types": {"ModuleType", "TracebackType"},
}
# Functions whose names are often written for the type.
_MEANT = {"any": "Any", "callable": "Callable"}
# What holds the values of `*args` and of `**kwargs`.
_TAKEN = {
    "*": {"tuple", "list", "Sequence", "Iterable", "Collection"},
    "**": {"dict", "Mapping", "MutableMapping"},
}
_MAX_CHARS = 120


@dataclass(frozen=True, slots=True)
class Scope:
    """What the names of types mean on one line of a file.

    Shape: `types` are classes and what is imported or assigned by name, with the line from which they are
    there; `modules` have what they are called here; `hidden` are names that the class around has otherwise.
    `is_lazy` where annotations are not run, `has_bars` where the file itself writes `X | Y`.
    """

    text: str
    line: int
    types: dict[str, int] = field(default_factory=dict)
    modules: dict[str, str] = field(default_factory=dict)
    hidden: frozenset[str] = frozenset()
    is_lazy: bool = False
    has_bars: bool = False


def scope(text: str, line: int) -> Scope | None:
    """Read what may be named at a function's header; None where the text does not parse.

    Units: `line` from 1.
    """
    tree = parsed(text)
    if tree is None:
        return None
    types: dict[str, int] = {}
    modules: dict[str, str] = {}
    is_lazy = False
    for node in _top(tree.body):
        if isinstance(node, ast.Import):
            modules |= {(one.asname or one.name): one.name for one in node.names}
        elif isinstance(node, ast.ImportFrom):
            is_lazy = is_lazy or (
                node.module == "__future__" and any(n.name == "annotations" for n in node.names)
            )
            types |= {(one.asname or one.name): node.lineno for one in node.names}
        elif isinstance(node, ast.ClassDef):
            types[node.name] = (node.end_lineno or node.lineno) + 1  # inside of it, it is not there yet
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Subscript | ast.BinOp):
            aliases = {one.id for one in node.targets if isinstance(one, ast.Name) and one.id[:1].isupper()}
            types |= dict.fromkeys(aliases, (node.end_lineno or node.lineno) + 1)
    hidden = {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    for around in ast.walk(tree):
        if isinstance(around, ast.ClassDef) and around.lineno < line <= (around.end_lineno or 0):
            hidden |= {name for one in around.body for name in _names_of(one)}
    bars = any(isinstance(part, ast.BinOp) for one in _annotations(tree) for part in ast.walk(one))
    return Scope(text, line, types, modules, frozenset(hidden), is_lazy, bars)


def _names_of(statement: ast.stmt) -> Iterator[str]:
    """Yield what a statement of a class names there."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
        yield statement.name
    elif isinstance(statement, ast.Assign | ast.AnnAssign):
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        yield from (one.id for one in targets if isinstance(one, ast.Name))


def _top(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements of a module, those under `if` and `try` too."""
    for node in body:
        yield node
        if isinstance(node, ast.If | ast.Try):
            inner = [*node.body, *node.orelse]
            inner += [one for handler in getattr(node, "handlers", ()) for one in handler.body]
            yield from _top(inner)


def _annotations(tree: ast.Module) -> Iterator[ast.expr]:
    for node in ast.walk(tree):
        if isinstance(node, ast.arg | ast.AnnAssign) and node.annotation is not None:
            yield node.annotation
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.returns is not None:
            yield node.returns


@dataclass(frozen=True, slots=True)
class Type:
    """A type as it may be written.

    Shape: `typing` are names to import from there or from `collections.abc`, by module; `lines` are imports
    that only a type checker needs.
    """

    text: str
    typing: frozenset[tuple[str, str]] = frozenset()
    lines: frozenset[str] = frozenset()


class _Unfit(Exception):
    """A type that nothing vouches for."""


def settled(
    expression: str, where: Scope, *, takes_none: bool, importing: Callable[[str], str]
) -> Type | None:
    """Write a type so that it holds in a file, None where it cannot be vouched for.

    `importing` gives the line that brings a name of the repository in, or "".
    """
    try:
        node = ast.parse(expression.strip(), mode="eval").body
        writer = _Writer(where, importing)
        parts = list(dict.fromkeys(writer.parts(node)))
        if takes_none and not {"Any", "None", "object"} & set(parts):
            parts.append("None")
        text = writer.union(parts)
    except (SyntaxError, ValueError, RecursionError, MemoryError, _Unfit):
        return None
    if len(text) > _MAX_CHARS:
        return None
    if writer.is_ahead and not where.is_lazy:  # what is not there yet must not be run
        text = f'"{text}"'
    return Type(text, frozenset(writer.typing), frozenset(writer.lines))


def of_each(expression: str, stars: str) -> str:
    """Return the type of each of the values that `*args` or `**kwargs` takes.

    Models write that of the parameter itself, a tuple or a dict of them.
    """
    try:
        node = ast.parse(expression.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return expression
    name = _called(node.value if isinstance(node, ast.Subscript) else node)
    if _OLD_NAMES.get(name, name) not in _TAKEN.get(stars, ()):
        return expression
    inner = node.slice if isinstance(node, ast.Subscript) else ast.Tuple(elts=[])
    parts = [one for one in (inner.elts if isinstance(inner, ast.Tuple) else [inner]) if not _is_dots(one)]
    if len(parts) != len(stars):  # a bare `dict`, or a tuple of different things
        return "Any"
    return ast.unparse(parts[-1])


@dataclass(slots=True)
class _Writer:
    """Writes one type. State: what it needs, and whether it names what is not there when it is run."""

    where: Scope
    importing: Callable[[str], str]
    typing: set[tuple[str, str]] = field(default_factory=set)
    lines: set[str] = field(default_factory=set)
    is_ahead: bool = False

    def parts(self, node: ast.expr) -> Iterator[str]:
        """Yield what a union is made of; a type that is none is its only part."""
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
            yield from self.parts(node.left)
            yield from self.parts(node.right)
        elif isinstance(node, ast.Subscript) and _called(node.value) in ("Optional", "Union"):
            inner = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
            for one in inner:
                yield from self.parts(one)
            if _called(node.value) == "Optional":
                yield "None"
        else:
            yield self.one(node)

    def union(self, parts: list[str]) -> str:
        """Write a union in the file's own way."""
        if "Any" in parts:
            return "Any"
        parts = sorted(parts, key=lambda part: part == "None")
        if len(parts) == 1:
            return parts[0]
        if self.where.is_lazy or self.where.has_bars or self.is_ahead:
            return " | ".join(parts)
        if parts[-1] == "None":
            return f"{self.named('Optional')}[{self.union(parts[:-1])}]"
        return f"{self.named('Union')}[{', '.join(parts)}]"

    def whole(self, node: ast.expr) -> str:
        """Write a type that stands inside of another."""
        return self.union(list(dict.fromkeys(self.parts(node))))

    def one(self, node: ast.expr) -> str:
        """Write a type that is no union."""
        if isinstance(node, ast.Constant) and node.value is None:
            return "None"
        if isinstance(node, ast.Attribute):
            text, module = ast.unparse(node), self._module(node)
            if node.attr in _MEMBERS.get(module, ()) or (module == "typing" and node.attr in _TYPING):
                return text
            if re.search(rf"(?<![\w.]){re.escape(text)}\b(?!\s*\()", self.where.text) and module:
                return text
            raise _Unfit
        if isinstance(node, ast.Name):
            return self.named(node.id)
        if isinstance(node, ast.Subscript):
            return self.subscript(node)
        raise _Unfit

    def _module(self, node: ast.Attribute) -> str:
        return self.where.modules.get(ast.unparse(node.value), "") or (
            "." if ast.unparse(node.value) in self.where.types else ""
        )

    def named(self, name: str) -> str:
        """Write a name, and note what it needs."""
        where = self.where
        name = _MEANT.get(name, name)
        if name in where.hidden:
            raise _Unfit
        old = next((old for old, new in _OLD_NAMES.items() if new == name), "")
        if old in where.types and not where.is_lazy:  # the file is for Pythons whose `list` takes no brackets
            return old
        if name in where.types:
            self.is_ahead = self.is_ahead or where.types[name] > where.line
            return name
        name = _OLD_NAMES.get(name, name)
        found = getattr(builtins, name, None)
        if isinstance(found, type) and name not in where.hidden:
            return name
        if name in _TYPING:
            home = "re" if name in _MEMBERS["re"] else "typing"
            called = next((called for called, module in where.modules.items() if module == home), "")
            if called:
                return f"{called}.{name}"
            is_old = re.search(r"^from typing import", where.text, re.MULTILINE) is not None
            self.typing.add(("collections.abc" if name in _COLLECTIONS and not is_old else "typing", name))
            return name
        if line := self.importing(name):
            self.lines.add(line)
            self.is_ahead = True
            return name
        raise _Unfit

    def subscript(self, node: ast.Subscript) -> str:
        """Write what has brackets; brackets that do not fit go."""
        base = self.one(node.value)
        name = _called(node.value)
        name = _OLD_NAMES.get(name, _MEANT.get(name, name))
        inner = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        if name == "Callable" and len(inner) == 2:
            return f"{base}[{self._taken(inner[0])}, {self.whole(inner[1])}]"
        if name == "tuple":
            is_long = len(inner) == 2 and _is_dots(inner[1])
            parts = [self.whole(one) for one in (inner[:1] if is_long else inner)]
            return f"{base}[{', '.join([*parts, '...'] if is_long else parts)}]"
        fits = len(inner) == _ARITY.get(name) and name != "Callable"
        if fits or re.search(rf"\b{re.escape(base)}\[", self.where.text):
            return f"{base}[{', '.join(self.whole(one) for one in inner)}]"
        return base

    def _taken(self, node: ast.expr) -> str:
        if _is_dots(node):
            return "..."
        if not isinstance(node, ast.List):
            raise _Unfit
        return f"[{', '.join(self.whole(one) for one in node.elts)}]"


def _called(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _is_dots(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is ...
