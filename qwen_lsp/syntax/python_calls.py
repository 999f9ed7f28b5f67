"""Which calls of a Python module do not fit the signature that they call, and which imports do not exist.

A module is read once: what it defines for certain, what it imports, what it calls. Whatever may be bound
twice, decorated, inherited from unknown classes or made at run time is left out. Other modules come from
`find`, so this knows no files.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache, lru_cache

from qwen_lsp.syntax.python_names import Parse, parsed

_Function = ast.FunctionDef | ast.AsyncFunctionDef
_SCOPES = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
_HARMLESS = {"staticmethod", "classmethod", "override", "typing.override", "final", "typing.final"}
_MAX_BASES = 6
# What is asked of a text, because walking its tree costs ten times as much.
_GLOBAL = re.compile(r"^[ \t]+global[ \t]+([\w, \t]+)", re.MULTILINE)
_STORED = re.compile(r"\.(\w+)[ \t]*(?::[^=\n]+)?=(?!=)")
_DYNAMIC = re.compile(r"\b(?:globals|vars|exec|setattr)\(|\bsys\.modules\b|\b__dict__\b")


@dataclass(frozen=True, slots=True)
class Signature:
    """What a function takes. Shape: `required` are those of `names` and `keywords` without a default."""

    name: str
    names: tuple[str, ...]
    n_positional_only: int
    keywords: frozenset[str]
    required: frozenset[str]
    takes_any: bool
    takes_any_keyword: bool

    def bound(self) -> Signature:
        """Return what is left to be given when the first parameter is bound."""
        first = self.names[:1]
        return Signature(
            self.name,
            self.names[1:],
            max(self.n_positional_only - 1, 0),
            self.keywords,
            self.required - frozenset(first),
            self.takes_any,
            self.takes_any_keyword,
        )


@dataclass(frozen=True, slots=True)
class Problem:
    """One call or import that does not fit. Units: `line`, `end_line` from 1."""

    kind: str  # "missing", "too-many", "unknown-keyword", "no-such-name"
    line: int
    called: str
    detail: str
    where: str = ""
    defined_line: int = 0


@dataclass(slots=True)
class Class:
    """One class. `methods` has None for what is not one function; `is_plain`: no decorator, no metaclass."""

    node: ast.ClassDef
    bases: tuple[str, ...]
    is_plain: bool
    methods: dict[str, ast.FunctionDef | ast.AsyncFunctionDef | None] = field(default_factory=dict)


@dataclass(slots=True)
class Module:
    """What a module defines, imports and calls. `names` is None where it cannot be known what it has."""

    path: str
    tree: ast.Module
    functions: dict[str, _Function]
    classes: dict[str, Class]
    imports: dict[str, tuple[str, int, str]]  # name: module, level, name in it ("" for the module itself)
    names: set[str] | None


Find = Callable[[str, int, str], "Module | None"]  # module, level, path of the asking file


def read(text: str, path: str, parse: Parse = parsed) -> Module | None:
    """Read a module; None where Python's parser refuses it."""
    tree = parse(text)
    if tree is None:
        return None
    bound: Counter[str] = Counter()
    functions: dict[str, _Function] = {}
    classes: dict[str, Class] = {}
    imports: dict[str, tuple[str, int, str]] = {}
    is_open = False
    for node in _statements(tree.body):
        for name in _binds(node):
            bound[name] += 1
        if isinstance(node, ast.ImportFrom):
            is_open |= any(alias.name == "*" for alias in node.names)
            for alias in node.names:
                imports[alias.asname or alias.name] = (node.module or "", node.level, alias.name)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.asname or "." not in alias.name:
                    imports[alias.asname or alias.name] = (alias.name, 0, "")
    changed = {name for names in _GLOBAL.findall(text) for name in re.findall(r"\w+", names)}
    stored = set(_STORED.findall(text))
    for node in tree.body:
        if isinstance(node, _Function) and bound[node.name] == 1 and node.name not in changed:
            functions[node.name] = node
        elif isinstance(node, ast.ClassDef) and bound[node.name] == 1:
            classes[node.name] = _class(node, stored)
    is_open |= "__getattr__" in bound or bool(_DYNAMIC.search(text))
    imports = {name: entry for name, entry in imports.items() if bound[name] == 1}
    names = None if is_open else {*bound, *changed, "__all__", "__doc__", "__file__", "__name__", "__path__"}
    return Module(path, tree, functions, classes, imports, names)


def unread(path: str) -> Module:
    """Return a module of which only is known that it is there."""
    return Module(path, ast.Module([], []), {}, {}, {}, None)


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements that run in the module's own scope, in branches too."""
    for node in body:
        yield node
        for name in ("body", "orelse", "finalbody"):
            if not isinstance(node, _Function | ast.ClassDef):
                yield from _statements(getattr(node, name, []))
        for handler in getattr(node, "handlers", []):
            yield from _statements(handler.body)
        for case in getattr(node, "cases", []):
            yield from _statements(case.body)


def _binds(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, _Function | ast.ClassDef):
        yield node.name
    elif isinstance(node, ast.Import | ast.ImportFrom):
        for alias in node.names:
            yield alias.asname or alias.name.split(".")[0]
    else:
        heads = (
            [node]
            if not hasattr(node, "body")
            else [
                getattr(node, name) for name in ("target", "test", "iter", "subject") if hasattr(node, name)
            ]
            + [item.optional_vars for item in getattr(node, "items", []) if item.optional_vars]
        )
        for head in heads:
            for inner in ast.walk(head):
                if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store | ast.Del):
                    yield inner.id


def _class(node: ast.ClassDef, stored: set[str]) -> Class:
    made = Class(
        node, tuple(ast.unparse(base) for base in node.bases), not node.decorator_list and not node.keywords
    )
    count: Counter[str] = Counter()
    for statement in _statements(node.body):
        count.update(_binds(statement))
    for statement in node.body:
        if isinstance(statement, _Function):
            made.methods[statement.name] = statement if count[statement.name] == 1 else None
    for name in count:
        made.methods.setdefault(name, None)
    for name in stored & set(made.methods):  # self.method = ...
        made.methods[name] = None
    return made


def signature(node: _Function) -> Signature | None:
    """Return what a function takes; None where a decorator may change it."""
    if any(ast.unparse(one) not in _HARMLESS for one in node.decorator_list):
        return None
    arguments = node.args
    positional = [*arguments.posonlyargs, *arguments.args]
    with_default = {one.arg for one in positional[len(positional) - len(arguments.defaults) :]}
    if not arguments.defaults:
        with_default = set()
    with_default |= {
        one.arg for one, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True) if default
    }
    keywords = frozenset(one.arg for one in arguments.kwonlyargs)
    names = tuple(one.arg for one in positional)
    return Signature(
        node.name,
        names,
        len(arguments.posonlyargs),
        keywords,
        frozenset({*names, *keywords} - with_default),
        arguments.vararg is not None,
        arguments.kwarg is not None,
    )


def misfit(call: ast.Call, wanted: Signature) -> tuple[str, str] | None:
    """Return the kind and detail of what does not fit; None when the call may be right."""
    has_star = any(isinstance(one, ast.Starred) for one in call.args)
    has_keywords = any(one.arg is None for one in call.keywords)
    n_given = sum(not isinstance(one, ast.Starred) for one in call.args)
    if n_given > len(wanted.names) and not wanted.takes_any:
        return "too-many", f"{n_given} > {len(wanted.names)}"
    known = {*wanted.names[wanted.n_positional_only :], *wanted.keywords}
    given = {one.arg for one in call.keywords if one.arg}
    for name in sorted(given - known):
        if not wanted.takes_any_keyword:
            return "unknown-keyword", name
    if has_star or has_keywords:
        return None
    missing = wanted.required - set(wanted.names[:n_given]) - given
    if missing:
        return "missing", ", ".join(
            name for name in (*wanted.names, *sorted(wanted.keywords)) if name in missing
        )
    return None


def problems(module: Module, find: Find) -> list[Problem]:
    """List the calls and imports of a module that do not fit what it or another module has."""
    found = list(_imports(module, find))
    for call, inside, around in _calls(module.tree):
        entry = _called(module, call.func, inside, find)
        if entry is None:
            continue
        home, node, is_bound = entry
        wanted = signature(node)
        if wanted is None or _is_overload(home, node):
            continue
        decorators = {ast.unparse(one) for one in node.decorator_list}
        if is_bound and "staticmethod" not in decorators:
            if not wanted.names:
                continue
            wanted = wanted.bound()
        wrong = misfit(call, wanted)
        if wrong is not None and not _is_local(call.func, around):
            where = home.path if home is not module else ""
            found.append(Problem(wrong[0], call.lineno, ast.unparse(call.func), wrong[1], where, node.lineno))
    return found


def _is_overload(home: Module, node: _Function) -> bool:
    """A function that only says that it is not there: subclasses may take something else."""
    body = [
        one for one in node.body if not (isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant))
    ]
    return not body or isinstance(body[0], ast.Raise | ast.Pass)


def _imports(module: Module, find: Find) -> Iterator[Problem]:
    for node in _statements(module.tree.body):
        if not isinstance(node, ast.ImportFrom):
            continue
        for alias in node.names:
            name = alias.asname or alias.name
            if alias.name == "*" or module.imports.get(name) is None:
                continue
            home = find(node.module or "", node.level, module.path)
            if home is None or home.names is None or alias.name in home.names:
                continue
            if find(f"{node.module or ''}.{alias.name}".lstrip("."), node.level, module.path) is None:
                yield Problem("no-such-name", node.lineno, alias.name, home.path, home.path)


Holders = tuple["_Function | ast.Lambda", ...]
# Fields and values that hold no call: passed over, since most of a tree is made of them.
_WITHOUT_CALLS = frozenset(
    ("ctx", "op", "ops", "id", "attr", "arg", "module", "level", "kind", "type_comment")
)
_LEAVES = frozenset((ast.Name, ast.Constant, ast.alias, ast.Pass, str, int, bool, type(None)))


@cache
def _fields(kind: type[ast.AST]) -> tuple[str, ...]:
    return tuple(name for name in kind._fields if name not in _WITHOUT_CALLS)


def _calls(tree: ast.Module) -> Iterator[tuple[ast.Call, ast.ClassDef | None, Holders]]:
    """Yield each call with the class whose method it stands in and the functions around it."""
    pending: list[tuple[ast.AST, ast.ClassDef | None, ast.AST | None, Holders]] = [(tree, None, None, ())]
    while pending:
        node, inside, holder, around = pending.pop()
        if isinstance(node, ast.Call):
            yield node, inside, around
        elif isinstance(node, ast.ClassDef):
            # Only the methods of a class in the module's scope have a `self` that is known.
            inside = node if isinstance(holder, ast.Module) else None
        elif isinstance(node, _Function | ast.Lambda):
            around = (*around, node)
        inner = node if isinstance(node, _SCOPES) else holder
        for name in _fields(type(node)):  # type: ignore[arg-type]  # a class is hashable
            value = getattr(node, name, None)
            if type(value) is list:
                pending += [(one, inside, inner, around) for one in value if type(one) not in _LEAVES]
            elif type(value) not in _LEAVES:
                pending.append((value, inside, inner, around))  # type: ignore[arg-type]


@lru_cache(maxsize=512)
def _local_names(function: _Function | ast.Lambda) -> frozenset[str]:
    arguments = function.args
    every = [
        *arguments.posonlyargs,
        *arguments.args,
        *arguments.kwonlyargs,
        arguments.vararg,
        arguments.kwarg,
    ]
    names = {one.arg for one in every if one is not None}
    body = function.body if isinstance(function.body, list) else [function.body]
    for statement in body:
        for node in ast.walk(statement):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store | ast.Del):
                names.add(node.id)
            elif isinstance(node, _Function | ast.ClassDef):
                names.add(node.name)
            elif isinstance(node, ast.Import | ast.ImportFrom):
                names |= {alias.asname or alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
                names.add(node.name)
    return frozenset(names)


def _is_local(func: ast.expr, around: Holders) -> bool:
    """Whether a function around a call binds the name that it begins with, other than as its own `self`."""
    name = func.value if isinstance(func, ast.Attribute) else func
    if not isinstance(name, ast.Name) or name.id == "self":
        return False
    return any(name.id in _local_names(function) for function in around)


def _called(
    module: Module, func: ast.expr, inside: ast.ClassDef | None, find: Find
) -> tuple[Module, _Function, bool] | None:
    if isinstance(func, ast.Name):
        known = func.id in module.functions or func.id in module.classes or func.id in module.imports
        return _named(module, func.id, find) if known else None
    if not isinstance(func, ast.Attribute) or not isinstance(func.value, ast.Name):
        return None
    owner = func.value.id
    if owner == "self" and inside is not None and inside.name in module.classes:
        entry = module.classes[inside.name].methods.get(func.attr)
        return None if entry is None else (module, entry, True)
    if owner not in module.imports:
        return None
    name, level, inner = module.imports[owner]
    path = f"{name}.{inner}".strip(".") if inner else name
    home = find(path, level, module.path)
    return None if home is None else _own(home, func.attr, find)


def _named(module: Module, name: str, find: Find) -> tuple[Module, _Function, bool] | None:
    if name in module.imports:
        source, level, inner = module.imports[name]
        home = find(source, level, module.path) if inner else None
        return None if home is None else _own(home, inner, find)
    return _own(module, name, find)


def _own(home: Module, name: str, find: Find) -> tuple[Module, _Function, bool] | None:
    if name in home.functions:
        return home, home.functions[name], False
    made = _constructor(home, name, find, 0)
    return None if made is None else (made[0], made[1], True)


def _constructor(home: Module, name: str, find: Find, depth: int) -> tuple[Module, _Function] | None:
    """Return the `__init__` that making an object runs; None where that is not certain."""
    entry = home.classes.get(name)
    if entry is None or not entry.is_plain or "__new__" in entry.methods or depth > _MAX_BASES:
        return None
    if "__init__" in entry.methods:
        init = entry.methods["__init__"]
        # A metaclass of a base may call it otherwise: every base must be known.
        if init is None or not all(_is_known(home, base, find, depth) for base in entry.bases):
            return None
        return home, init
    if len(entry.bases) != 1:
        return None
    base = entry.bases[0]
    if base in home.imports:
        source, level, inner = home.imports[base]
        other = find(source, level, home.path) if inner else None
        return None if other is None else _constructor(other, inner, find, depth + 1)
    return _constructor(home, base, find, depth + 1)


def _is_known(home: Module, base: str, find: Find, depth: int) -> bool:
    if base in (
        "object",
        "Exception",
        "ValueError",
        "RuntimeError",
        "TypeError",
        "ABC",
        "KeyError",
        "OSError",
    ):
        return True
    if depth > _MAX_BASES:
        return False
    other: Module | None = home
    if base in home.imports:
        source, level, inner = home.imports[base]
        other, base = (find(source, level, home.path) if inner else None), inner
    entry = other.classes.get(base) if other is not None else None
    if other is None or entry is None or not entry.is_plain or "__new__" in entry.methods:
        return False
    return all(_is_known(other, one, find, depth + 1) for one in entry.bases)
