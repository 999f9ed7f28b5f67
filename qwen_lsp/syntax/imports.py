"""What a file imports, from the captures of its query.

`@import` stands on one import, around `@module`, and, where parts are imported by name, `@import.name`;
an `@alias` belongs to the name before it, else to the module. `@import.default` is a local name of
what the module exports without a name. `@import.path` is a whole dotted path, with braces where the
language groups imports: `a::b::{c, d as e}`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from operator import itemgetter

import tree_sitter

from qwen_lsp.syntax.tree import Tree

Captures = Mapping[str, list[tree_sitter.Node]]


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
class _Group:
    """One import statement while its parts are collected."""

    start: int
    end: int
    module: str = ""
    alias: str | None = None
    names: list[tuple[str, str | None]] | None = None


_ORDER = {"import": 0, "module": 1, "import.path": 1, "import.name": 2, "import.default": 2, "alias": 3}


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
    groups: list[_Group] = []
    for start, negative_end, _, capture in events:
        end = -negative_end
        if capture == "import":
            groups.append(_Group(start, end))
            continue
        group = groups[-1] if groups else None
        if group is None or end > group.end:
            continue
        written = tree.data[start:end].decode("utf-8", "replace").strip("\"'`<>")
        if capture == "module":
            group.module = group.module or written
        elif capture == "import.name":
            group.names = [*(group.names or []), (written, None)]
        elif capture == "import.default":
            group.names = [*(group.names or []), ("default", written)]
        elif group.names and group.names[-1][1] is None:
            group.names[-1] = (group.names[-1][0], written)
        else:
            group.alias = written
    found: list[Import] = []
    for group in groups:
        offset = tree.offset(group.start)
        if group.alias or not group.names:
            found.append(Import(group.module, None, group.alias, offset))
        found += [Import(group.module, name, alias, offset) for name, alias in group.names or []]
    return tuple(found)
