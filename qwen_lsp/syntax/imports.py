"""What a file imports, put together from the captures of its query.

`@import` stands on one import, around its `@import.module` and, where parts are imported by name, each
`@import.name`; an `@import.alias` belongs to the name before it, else to the module. `@import.default` is the
local name of what a module exports without one. `@import.path` is a statement whose path ends with the name,
with braces where the language groups imports: `use a::b::{c, d as e}`. Where importing is a call like any
other, `@import.call` stands on the function.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from operator import itemgetter

from qwen_lsp.syntax.definitions import Captures
from qwen_lsp.syntax.tree import Tree


@dataclass(frozen=True, slots=True)
class Import:
    """One imported name, or a whole module.

    Shape: `module` is as it is written, relative ones with their dots, "" for none; `name` is None for
    the whole module and "*" for everything in it; `alias` is the name in this file, where it is another.
    """

    module: str
    name: str | None
    alias: str | None
    offset: int


@dataclass(slots=True)
class _Statement:
    """One import statement while its parts are collected."""

    start: int
    end: int
    module: str = ""
    alias: str | None = None
    call: str | None = None
    path: str = ""
    names: list[tuple[str, str | None]] = field(default_factory=list)


_ORDER = {
    "import": 0,
    "import.call": 1,
    "import.module": 1,
    "import.path": 1,
    "import.name": 2,
    "import.default": 2,
    "import.alias": 3,
}
# Functions and attributes that import: JavaScript, Lua, Ruby, shell, HTML.
_CALLS = frozenset(
    {"require", "import", "require_relative", "load", "dofile", "autoload", "source", ".", "src"}
)
_KEYWORDS = re.compile(r"(?:(?:pub(?:\([^)]*\))?|import|use|using|static|function|const)\b\s*)+")
_PATH_TOKEN = re.compile(r"[{},]|[^{},]+")
_PATH_ALIAS = re.compile(r"\s+as\s+|\s*=>\s*")
_PATH_END = re.compile(r"(.*?)(?:::|\.|\\)([\w$*]+)", re.DOTALL)
_MAX_PATH_CHARS = 10_000


def imports(tree: Tree, captures: Captures) -> tuple[Import, ...]:
    """List the imports of a tree in document order."""
    if "import" not in captures:
        return ()
    events = [
        (node.start_byte, -node.end_byte, _ORDER[capture], capture)
        for capture, nodes in captures.items()
        if capture in _ORDER
        for node in nodes
    ]
    events.sort(key=itemgetter(0, 1, 2))
    statements: list[_Statement] = []
    end = 0
    for start, negative_end, _, capture in events:
        if capture == "import":
            if start >= end:
                end = -negative_end
                statements.append(_Statement(start, end))
        elif statements and -negative_end <= end:
            written = tree.data[start:-negative_end].decode("utf-8", "replace")
            _add(statements[-1], capture, written.strip("\"'`<>").strip())
    found: list[Import] = []
    for statement in statements:
        if statement.call is not None and statement.call not in _CALLS:
            continue
        offset = tree.offset(statement.start)
        if statement.path:
            found += [Import(module, name, alias, offset) for module, name, alias in _paths(statement.path)]
            continue
        if statement.alias or not statement.names:
            found.append(Import(statement.module, None, statement.alias, offset))
        found += [Import(statement.module, name, alias, offset) for name, alias in statement.names]
    return tuple(found)


def _add(statement: _Statement, capture: str, written: str) -> None:
    if capture == "import.module":
        statement.module = statement.module or written
    elif capture == "import.call":
        statement.call = statement.call or written
    elif capture == "import.path":
        statement.path = written[:_MAX_PATH_CHARS]
    elif capture == "import.name":
        statement.names.append((written, None))
    elif capture == "import.default":
        statement.names.append(("default", written))
    elif statement.names and statement.names[-1][1] is None:
        statement.names[-1] = (statement.names[-1][0], written)
    else:
        statement.alias = written


def _paths(statement: str) -> list[tuple[str, str | None, str | None]]:
    """Expand a statement with a path into (module, name, alias)."""
    path = statement.rstrip("; \t\r\n")
    keywords = _KEYWORDS.match(path)
    path = path[keywords.end() :] if keywords else path
    found = []
    prefixes = [""]
    item = ""
    for token in [*_PATH_TOKEN.findall(path), ","]:
        if token == "{":
            prefixes.append(prefixes[-1] + item)
            item = ""
        elif token in ",}":
            if item:
                found.append(_leaf(prefixes[-1], item))
            item = ""
            if token == "}" and len(prefixes) > 1:
                prefixes.pop()
        else:
            item = token.strip()
    return found


def _leaf(prefix: str, item: str) -> tuple[str, str | None, str | None]:
    path, *alias = _PATH_ALIAS.split(item, maxsplit=1)
    if path in ("self", "this"):  # the group's own module: a::b::{self}
        path, prefix = prefix.rstrip(":.\\"), ""
    whole = "".join((prefix + path).split())
    match = _PATH_END.fullmatch(whole)
    module, name = match.groups() if match else ("", whole)
    name = "*" if name == "_" else name
    return module.lstrip("\\"), name or None, alias[0].strip() if alias else None
