"""What a file defines, uses and imports, from one query over its syntax tree.

A query is `queries/<language>.scm`, several files where languages share one. `@reference` stands on a name
that is used; definitions.py and imports.py explain the other captures. Nothing here fails: what cannot be
read is missing, and `problem` says why.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib import resources
from operator import itemgetter
from typing import Literal, NamedTuple

import tree_sitter

from qwen_lsp.syntax.blank import INDENTED, code_end, column
from qwen_lsp.syntax.definitions import SCOPES, Captures, Definition, Kind, definitions, opened
from qwen_lsp.syntax.imports import Import, imports
from qwen_lsp.syntax.languages import Language, grammar
from qwen_lsp.syntax.tree import Tree, parse

__all__ = [
    "Definition",
    "Import",
    "Kind",
    "Outline",
    "Problem",
    "Reference",
    "enclosing",
    "outline",
    "outline_tree",
]

Problem = Literal["no language", "no grammar", "too slow", "too deep"]
# A file that people wrote takes a tenth of it on a slow machine.
DEADLINE_MS = 1000.0
# A larger text is queried in pieces, and the time looked at between them: 10 ms each.
_PIECE_BYTES = 100_000
# Each open level costs time at each node below it; a chain of 300 calls is about this deep.
_MAX_NODE_DEPTH = 1000


class Reference(NamedTuple):
    """A name that is used: each time it is, or its first place and how often. A file has thousands."""

    name: str
    offset: int
    uses: int = 1


@dataclass(frozen=True, slots=True)
class Outline:
    """The definitions, references and imports of one text, each in document order.

    Shape: `problem` says why the outline is partial or empty; None for a complete one. `language` is ours.
    """

    definitions: tuple[Definition, ...] = ()
    references: tuple[Reference, ...] = ()
    imports: tuple[Import, ...] = ()
    problem: Problem | None = None
    language: str = ""


def outline(
    text: str,
    language: Language | None,
    *,
    deadline_ms: float = DEADLINE_MS,
    references: Literal["all", "distinct"] = "all",
) -> Outline:
    """Outline a text; see `outline_tree`. `deadline_ms` is for all of it, in processor time."""
    if language is None or not language.has_outline:
        return Outline(problem="no language")
    started = time.thread_time()
    try:
        tree = parse(text, language, deadline_ms=deadline_ms)
    except TimeoutError:
        return Outline(problem="too slow")
    if tree is None:
        return Outline(problem="no grammar")
    left_ms = deadline_ms - (time.thread_time() - started) * 1000
    return outline_tree(tree, deadline_ms=left_ms, references=references)


def outline_tree(
    tree: Tree, *, deadline_ms: float = DEADLINE_MS, references: Literal["all", "distinct"] = "all"
) -> Outline:
    """Outline a tree, as far as the time allows.

    `distinct` gives one reference for each name, with the number of its uses, for half the cost: what an
    index of many files needs.
    """
    query = _query(tree.language)
    if query is None:
        return Outline(problem="no grammar")
    captures, is_late = _captures(tree, query, time.thread_time() + deadline_ms / 1000)
    found = opened(captures)
    imported = imports(tree, captures)
    defined, is_too_deep = definitions(tree, found, {entry.offset for entry in imported})
    names = {entry.name.start_byte for entry in found if entry.name is not None}
    gather = _each_use if references == "all" else _distinct_names
    return Outline(
        tuple(defined),
        gather(tree, captures.get("reference", ()), names),
        imported,
        "too slow" if is_late else "too deep" if is_too_deep else None,
        tree.language.id,
    )


def enclosing(outline: Outline, offset: int, text: str = "") -> tuple[Definition, ...]:
    """List the definitions around a place that can have others in them, the outermost first.

    With the text, white space that is indented deeper than the definition which ends before it belongs to
    that definition where blocks end with their indentation, as it does for the person about to write there.
    """
    reached = code_end(text, offset) if outline.language in INDENTED and text else -1
    return tuple(
        [
            entry
            for entry in outline.definitions
            if entry.span.start <= offset
            and entry.kind in SCOPES
            and (
                offset <= entry.span.end
                or (entry.span.end == reached and column(text, offset) > column(text, entry.span.start))
            )
        ]
    )


@cache
def _query(language: Language) -> tree_sitter.Query | None:
    loaded = grammar(language)
    if loaded is None or not language.has_outline:
        return None
    folder = resources.files("qwen_lsp.syntax") / "queries"
    names = language.queries or (language.id,)
    sources = [(folder / f"{name}.scm").read_text("utf-8") for name in names]
    query: tree_sitter.Query = tree_sitter.Query(loaded, "\n".join(sources))
    return query


def _captures(tree: Tree, query: tree_sitter.Query, end: float) -> tuple[Captures, bool]:
    """Run a query; return what it captured until `end`, and whether that was too early.

    The library's own way to stop a query crashes the process (tree-sitter 0.26.1), so large texts are
    queried piece by piece. Each capture's nodes come in no order.
    """
    cursor = tree_sitter.QueryCursor(query)
    cursor.set_max_start_depth(_MAX_NODE_DEPTH)
    root = tree.syntax.root_node
    if len(tree.data) <= _PIECE_BYTES:
        return cursor.captures(root), False
    captures: dict[str, set[tree_sitter.Node]] = {}
    for start in range(0, len(tree.data), _PIECE_BYTES):
        if time.thread_time() > end:
            break
        cursor.set_byte_range(start, start + _PIECE_BYTES)
        for name, nodes in cursor.captures(root).items():
            captures.setdefault(name, set()).update(nodes)
    else:
        return {name: list(nodes) for name, nodes in captures.items()}, False
    return {name: list(nodes) for name, nodes in captures.items()}, True


def _each_use(tree: Tree, nodes: Iterable[tree_sitter.Node], defined: set[int]) -> tuple[Reference, ...]:
    text, offset = tree.text, tree.offset
    ranges = sorted([node.byte_range for node in nodes])
    ranges = [entry for entry in ranges if entry[0] < entry[1] and entry[0] not in defined]
    if tree.widths:
        ranges = [(offset(start), offset(end)) for start, end in ranges]
    return tuple([Reference(text[start:end], start) for start, end in ranges])


def _distinct_names(
    tree: Tree, nodes: Iterable[tree_sitter.Node], defined: set[int]
) -> tuple[Reference, ...]:
    # This loop runs for each identifier of each file: bytes are decoded once for each name only.
    data = tree.data
    first: dict[bytes, int] = {}
    uses: dict[bytes, int] = {}
    for node in nodes:
        start = node.start_byte
        if start in defined:
            continue
        name = data[start : node.end_byte]
        if name in uses:
            uses[name] += 1
            if start < first[name]:
                first[name] = start
        else:
            uses[name] = 1
            first[name] = start
    first.pop(b"", None)  # what the parser put in to get on
    offset = tree.offset
    return tuple(
        [
            Reference(name.decode("utf-8", "replace"), offset(start), uses[name])
            for name, start in sorted(first.items(), key=itemgetter(1))
        ]
    )
