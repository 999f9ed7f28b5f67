"""What a file defines, uses and imports, from one query over its syntax tree.

A query is `queries/<language>.scm`. Its captures: a kind of `Kind` stands on a whole definition, `@name` on
its name, `@owner` on the type that a definition written outside of it belongs to, `@body` on what a
signature leaves out (the field `body` needs no capture), `@extension` on a block that adds members to a
type defined elsewhere, `@outer` around a definition on what belongs to it (decorators) and `@statement` on
what its signature starts with, too (`export const`); `@reference` on a name that is used; the captures of
imports are explained in imports.py. Nothing here fails: what cannot be read is missing, `problem` says why.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib import resources
from operator import itemgetter
from typing import Literal, NamedTuple, get_args

import tree_sitter

from qwen_lsp.syntax import comments
from qwen_lsp.syntax.imports import Captures, Import, imports
from qwen_lsp.syntax.languages import Language, grammar
from qwen_lsp.syntax.tree import Tree, parse
from qwen_lsp.text import Span

Kind = Literal[
    # what has members
    "class",
    "interface",
    "enum",
    "struct",
    "trait",
    "module",  # a namespace, or the package that a file says it belongs to
    # what is called
    "function",
    "method",  # a function of a type, constructors too
    "macro",
    # what has a value
    "field",  # a member variable or property
    "constant",
    "variable",
    # names of types
    "type",
    # documents and data
    "heading",
    "key",
    "rule",  # a CSS selector
    "element",  # an HTML element with an id
    "table",
    "view",
]
Problem = Literal["no language", "no grammar", "too slow", "too deep"]

KINDS: frozenset[str] = frozenset(get_args(Kind))
TYPES = frozenset({"class", "interface", "enum", "struct", "trait", "extension"})
SCOPES = TYPES | {"module", "function", "method", "macro", "heading", "key", "table", "type"}
# Longer than any file people write by hand needs on a slow machine.
DEADLINE_MS = 1000.0
_MAX_DEPTH = 32
_MAX_SIGNATURE_CHARS = 300
_SELF = ("self.", "this.", "cls.", "$this->")


@dataclass(frozen=True, slots=True)
class Definition:
    """One thing that a file defines.

    Shape: `signature` is one line without the body; `doc` the first sentence of the docstring or of the
    comment above, "" without one; `span` the whole definition with decorators and that comment;
    `container` is "" or the enclosing definitions, "Outer.Inner".
    """

    name: str
    kind: Kind
    signature: str
    doc: str
    span: Span
    container: str


class Reference(NamedTuple):
    """A name that is used, at its first place where uses are counted. A file has thousands of these."""

    name: str
    offset: int
    uses: int = 1


@dataclass(frozen=True, slots=True)
class Outline:
    """The definitions, references and imports of one text, each in document order.

    Shape: `problem` says why the outline is partial or empty; None for a complete one.
    """

    definitions: tuple[Definition, ...] = ()
    references: tuple[Reference, ...] = ()
    imports: tuple[Import, ...] = ()
    problem: Problem | None = None


def outline(
    text: str,
    language: Language | None,
    *,
    deadline_ms: float = DEADLINE_MS,
    references: Literal["all", "distinct"] = "all",
) -> Outline:
    """Outline a text; see `outline_tree`."""
    if language is None:
        return Outline(problem="no language")
    try:
        tree = parse(text, language, deadline_ms=deadline_ms)
    except TimeoutError:
        return Outline(problem="too slow")
    if tree is None:
        return Outline(problem="no grammar")
    return outline_tree(tree, references=references)


def outline_tree(tree: Tree, *, references: Literal["all", "distinct"] = "all") -> Outline:
    """Outline a tree.

    `distinct` gives one reference for each name, with the number of its uses, at a fraction of the cost:
    what an index of many files needs.
    """
    query = _query(tree.language)
    if query is None:
        return Outline(problem="no grammar")
    captures = tree_sitter.QueryCursor(query).captures(tree.syntax.root_node)
    found = _opened(captures)
    definitions, problem = _definitions(tree, found)
    nodes = captures.get("reference", [])
    defined = {entry.name.start_byte for entry in found if entry.name is not None}
    gather = _all_references if references == "all" else _distinct_references
    return Outline(definitions, gather(tree, nodes, defined), imports(tree, captures), problem)


def enclosing(outline: Outline, offset: int, text: str = "") -> tuple[Definition, ...]:
    """List the definitions around a place that have an inside, the outermost first.

    With the text, an indented blank line below an indented block belongs to the block, as it does for
    the person who is about to write there.
    """
    around = [
        entry
        for entry in outline.definitions
        if entry.kind in SCOPES and entry.span.start <= offset <= entry.span.end
    ]
    return tuple(around)


@cache
def _query(language: Language) -> tree_sitter.Query | None:
    loaded = grammar(language)
    if loaded is None:
        return None
    folder = resources.files("qwen_lsp.syntax") / "queries"
    names = language.queries or (language.id,)
    sources = [(folder / f"{name}.scm").read_text("utf-8") for name in names]
    query: tree_sitter.Query = tree_sitter.Query(loaded, "\n".join(sources))
    return query


@dataclass(slots=True)
class _Opened:
    """A definition while its parts are collected. Units: bytes; `start` is where the signature starts."""

    kind: str
    node: tree_sitter.Node
    start: int
    end: int
    outer_start: int
    name: tree_sitter.Node | None = None
    owner: tree_sitter.Node | None = None
    body: tree_sitter.Node | None = None


_PARTS = ("outer", "statement", "name", "owner", "body")


def _opened(captures: Captures) -> list[_Opened]:
    """Put the parts of each definition together: a part belongs to the innermost one that lacks it."""
    events: list[tuple[int, int, int, str, tree_sitter.Node]] = []
    for capture, nodes in captures.items():
        if capture in _PARTS:
            order = _PARTS.index(capture)
            order += order > 1  # definitions stand between what is around them and what is in them
        elif capture in KINDS or capture == "extension":
            order = 2
        else:
            continue
        events += [(node.start_byte, -node.end_byte, order, capture, node) for node in nodes]
    events.sort(key=itemgetter(0, 1, 2, 3))
    found: list[_Opened] = []
    stack: list[_Opened] = []
    around: list[tuple[int, int, str]] = []  # what is around the next definition
    for start, negative_end, _, capture, node in events:
        end = -negative_end
        while stack and stack[-1].end <= start:
            stack.pop()
        if capture in ("outer", "statement"):
            around.append((start, end, capture))
        elif capture in ("name", "owner", "body"):
            for entry in reversed(stack):
                if entry.end >= end and getattr(entry, capture) is None:
                    setattr(entry, capture, node)
                    break
        else:
            entry = _Opened(capture, node, start, end, start)
            for outer_start, outer_end, part in around:
                if start < outer_end:
                    entry.outer_start = min(entry.outer_start, outer_start)
                    if part == "statement":
                        entry.start = min(entry.start, outer_start)
            around.clear()
            stack.append(entry)
            found.append(entry)
    return found


def _definitions(tree: Tree, found: Iterable[_Opened]) -> tuple[tuple[Definition, ...], Problem | None]:
    """Turn what was found, in document order, into definitions with their containers."""
    definitions: list[Definition] = []
    problem: Problem | None = None
    # The containers of a place, the outermost first: end, kind, name, qualified name.
    inside: list[tuple[int, str, str]] = []
    seen: set[tuple[str, str]] = set()
    for entry in found:
        while inside and inside[-1][0] <= entry.node.start_byte:
            inside.pop()
        if entry.name is None:
            continue
        if len(inside) >= _MAX_DEPTH:
            problem = "too deep"
            continue
        name = _name(tree, entry.name)
        container = inside[-1][2] if inside else ""
        around = inside[-1][1] if inside else ""
        kind = entry.kind
        if entry.owner is not None:
            owner = _name(tree, entry.owner)
            container, around = (f"{container}.{owner}" if container else owner), "class"
        if kind == "extension":
            inside.append((entry.end, kind, f"{container}.{name}" if container else name))
            continue
        if kind in ("variable", "field", "constant"):
            start = entry.node.start_byte
            before = tree.data[start : entry.name.start_byte].decode("utf-8", "replace")
            if before.endswith((".", "->")):  # an attribute: of this object, or of one we know nothing of
                types = [at for at in inside if at[1] in TYPES]
                if before not in _SELF or not types:
                    continue
                kind, container = "field", types[-1][2]
            elif around in ("function", "method"):
                continue
            elif around in TYPES:
                kind = "field" if kind == "variable" else kind
            elif kind == "variable" and name.isupper():
                kind = "constant"
            if (container, name) in seen:
                continue
            seen.add((container, name))
        elif kind == "function" and around in TYPES:
            kind = "method"
        definitions.append(_definition(tree, entry, name, kind, container))
        if kind in SCOPES:
            inside.append((entry.end, kind, f"{container}.{name}" if container else name))
    return tuple(definitions), problem


def _definition(tree: Tree, entry: _Opened, name: str, kind: str, container: str) -> Definition:
    text = tree.text
    start, end = tree.offset(entry.start), tree.offset(entry.end)
    body = entry.node.child_by_field_name("body") or entry.body
    cut = tree.offset(body.start_byte) if body else end
    outer = tree.offset(entry.outer_start)
    above, doc = comments.above(text, outer, tree.language)
    if body and tree.language.id == "python":
        doc = comments.docstring(text, cut) or doc
    signature = comments.one_line(text[start : min(cut, start + 4 * _MAX_SIGNATURE_CHARS)])
    if body:
        signature = signature.rstrip(" :{=")
    if len(signature) > _MAX_SIGNATURE_CHARS:
        signature = signature[: _MAX_SIGNATURE_CHARS - 1] + "…"
    return Definition(name, kind, signature, doc, Span(above, end), container)  # type: ignore[arg-type]


def _name(tree: Tree, node: tree_sitter.Node) -> str:
    return tree.data[node.start_byte : node.end_byte].decode("utf-8", "replace").strip("\"'`")


def _all_references(tree: Tree, nodes: list[tree_sitter.Node], defined: set[int]) -> tuple[Reference, ...]:
    ranges = sorted([node.byte_range for node in nodes if node.start_byte not in defined])
    if tree.widths:
        data, offset = tree.data, tree.offset
        return tuple([Reference(data[a:b].decode("utf-8", "replace"), offset(a)) for a, b in ranges])
    text = tree.text
    return tuple([Reference(text[a:b], a) for a, b in ranges])


def _distinct_references(
    tree: Tree, nodes: list[tree_sitter.Node], defined: set[int]
) -> tuple[Reference, ...]:
    data = tree.data
    first: dict[bytes, int] = {}
    counts: dict[bytes, int] = {}
    for node in nodes:
        start = node.start_byte
        if start in defined:
            continue
        name = data[start : node.end_byte]
        if name in counts:
            counts[name] += 1
            if start < first[name]:
                first[name] = start
        else:
            counts[name] = 1
            first[name] = start
    return tuple(
        [
            Reference(name.decode("utf-8", "replace"), tree.offset(start), counts[name])
            for name, start in sorted(first.items(), key=itemgetter(1))
        ]
    )
