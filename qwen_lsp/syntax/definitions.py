"""The definitions of a file, put together from the captures of its query.

A kind of `Kind` stands on a whole definition, `@name` on its name, `@owner` on the type that a definition
written outside of it belongs to, `@body` on what a signature leaves out (the field `body` needs no
capture), `@extension` on a block that adds members to a type defined elsewhere, and `@outer` on a larger
node that begins with what belongs to the definition in it (decorators, template parameters).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from operator import itemgetter
from typing import Literal, cast, get_args

import tree_sitter

from qwen_lsp.syntax import comments
from qwen_lsp.syntax.tree import Tree
from qwen_lsp.text import Span

Captures = Mapping[str, list[tree_sitter.Node]]
Kind = Literal[
    # what has members
    "class",
    "interface",
    "enum",
    "struct",
    "trait",
    "module",  # a namespace, or the package that a file says it belongs to
    "table",
    # what is called
    "function",
    "method",  # a function of a type, constructors too
    "macro",
    # what has a value
    "field",  # a member variable, property or column
    "constant",
    "variable",
    # names of types and queries
    "type",
    "view",
    # documents and data
    "heading",
    "key",
    "rule",  # a CSS selector
    "element",  # an HTML element with an id
]

KINDS: frozenset[str] = frozenset(get_args(Kind))
# What members belong to; an extension is no definition of its own.
TYPES = frozenset({"class", "interface", "enum", "struct", "trait", "table", "extension"})
CALLABLE = frozenset({"function", "method", "macro"})
VALUES = frozenset({"field", "constant", "variable"})
# What can have other definitions in it.
SCOPES = TYPES | CALLABLE | {"module", "heading", "key", "rule"}

# Deeper ones are machine-written; their containers would grow with the square of the depth.
_MAX_DEPTH = 32
_MAX_SIGNATURE_CHARS = 300
_MAX_VALUE_CHARS = 120
_PARTS = {"outer": 0, "name": 2, "owner": 3, "body": 4}
# `Cart.new`, `shop::Cart::at`, `Cart.prototype.at`; the rest of a name that is no plain word is one name.
_QUALIFIED = re.compile(r"[\w$~]+(?:<[^<>]*>)?(?:(?:\.|::|:)[\w$~#]+(?:<[^<>]*>)?)+")
_SEPARATOR = re.compile(r"\.|::?")
_THIS = frozenset({"self", "this", "cls"})
_NO_OWNERS = _THIS | {"prototype", "module", "exports"}
# Ruby's words that define what the symbols after them name.
_DEFINING_WORDS = frozenset(
    {"attr_accessor", "attr_reader", "attr_writer", "belongs_to", "has_many", "has_one", "scope"}
)


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


@dataclass(slots=True)
class Opened:
    """A definition while its parts are collected. Units: bytes."""

    kind: str
    node: tree_sitter.Node
    start: int
    end: int
    outer_start: int
    name: tree_sitter.Node | None = None
    owner: tree_sitter.Node | None = None
    body: tree_sitter.Node | None = None


def opened(captures: Captures) -> list[Opened]:
    """Put the parts of each definition together, in document order.

    A part belongs to the innermost definition around it that lacks it. The second name in a definition of
    values (`int a, b`) makes another one.
    """
    events: list[tuple[int, int, int, str, tree_sitter.Node]] = []
    for capture, nodes in captures.items():
        order = 1 if capture in KINDS or capture == "extension" else _PARTS.get(capture)
        if order is not None:
            events += [(node.start_byte, -node.end_byte, order, capture, node) for node in nodes]
    events.sort(key=itemgetter(0, 1, 2, 3))
    found: list[Opened] = []
    around: list[Opened] = []
    outer = (0, 0)
    for start, negative_end, order, capture, node in events:
        end = -negative_end
        while around and around[-1].end <= start:
            around.pop()
        if start == end:
            continue  # what the parser put in to get on
        if order == 1:
            if around and around[-1].start == start and around[-1].end == end:
                # Two patterns agree on the node: the one that says more is right.
                if capture not in ("variable", "type"):
                    around[-1].kind = capture
                continue
            entry = Opened(capture, node, start, end, outer[0] if start < outer[1] else start)
            outer = (0, 0)
            around.append(entry)
            found.append(entry)
        elif order == 0:
            outer = (start, end) if start >= outer[1] else outer
        else:
            for entry in reversed(around):
                if entry.end < end:
                    continue
                if getattr(entry, capture) is None:
                    setattr(entry, capture, node)
                    break
                if capture == "name" and entry.kind in VALUES:
                    found.append(replace(entry, name=node))
                    break
    return found


def definitions(tree: Tree, found: Iterable[Opened], imported: set[int]) -> tuple[list[Definition], bool]:
    """Give what was found names, containers and signatures; also say whether some were nested too deep.

    `imported` has the offsets of imports: `fs = require("fs")` defines nothing.
    """
    result: list[Definition] = []
    is_too_deep = False
    inside: list[tuple[int, str, str]] = []  # what is around, the outermost first: end, kind, qualified name
    seen: set[tuple[str, str]] = set()
    for entry in found:
        while inside and inside[-1][0] <= entry.start:
            inside.pop()
        if entry.name is None:
            continue
        if len(inside) >= _MAX_DEPTH:
            is_too_deep = True
            continue
        _, around, container = inside[-1] if inside else (0, "", "")
        owner, name = _owner_and_name(tree, entry)
        kind = entry.kind
        if owner in _THIS or kind == "field":
            types = [outer for outer in inside if outer[1] in TYPES]
            if not types and owner in _THIS:
                continue
            container, around = (types[-1][2] if types else container), "class"
            owner = "" if owner in _THIS else owner
        if kind in VALUES:
            is_one = _is_value(kind, name, owner, around, tree.language.id)
            if not is_one or (container, name) in seen or tree.offset(entry.start) in imported:
                continue
            seen.add((container, name))
            if kind == "variable":
                kind = (
                    "field"
                    if around in TYPES
                    else "constant"
                    if len(name) > 1 and name.isupper()
                    else "variable"
                )
            owner = ""
        if kind == "element":
            if owner != "id":
                continue
            owner = ""
        if owner:
            container, around = (f"{container}.{owner}" if container else owner), "class"
        if kind == "function" and around in TYPES:
            kind = "method"
        qualified = f"{container}.{name}" if container else name
        if kind == "module":
            qualified = qualified.replace("::", ".")
        if kind != "extension" and name:  # JSON allows an empty key, which nothing can ask for
            body = entry.node.child_by_field_name("body") or entry.body
            if kind == "function" and body is None and around in CALLABLE:
                continue  # a declaration among statements
            result.append(_definition(tree, entry, body, name, kind, container))
        if kind in SCOPES:
            inside.append((entry.end, kind, qualified))
    return result, is_too_deep


def _owner_and_name(tree: Tree, entry: Opened) -> tuple[str, str]:
    """Split a qualified name; say what a definition that stands elsewhere belongs to."""
    assert entry.name is not None
    name = _text(tree, entry.name)
    owner = _text(tree, entry.owner) if entry.owner is not None else ""
    if name.isidentifier() and (entry.kind not in VALUES or entry.start == entry.name.start_byte):
        return owner, name
    name = comments.one_line(name).strip("\"'`")
    if entry.kind in ("module", "key", "heading", "rule", "element", "view"):
        return owner, name
    if _QUALIFIED.fullmatch(name):
        *parts, name = _SEPARATOR.split(re.sub(r"<[^<>]*>", "", name))
        if entry.kind in VALUES or parts[0] in _THIS:
            owner = ".".join(parts)
        else:
            owner = ".".join(part for part in parts if part not in _NO_OWNERS)
    elif entry.kind in VALUES:
        start = tree.data.rfind(b"\n", entry.start, entry.name.start_byte) + 1 or entry.start
        before = tree.data[start : entry.name.start_byte].decode("utf-8", "replace").strip()
        if before.endswith("."):
            owner = before[:-1]
    return owner, name.lstrip(":")


def _is_value(kind: str, name: str, owner: str, around: str, language: str) -> bool:
    """Say whether a value is one that others can use."""
    if language == "css":
        return name.startswith("--")
    if owner in _DEFINING_WORDS:
        return True
    return not owner and (kind == "field" or around not in CALLABLE)


def _definition(
    tree: Tree, entry: Opened, body: tree_sitter.Node | None, name: str, kind: str, container: str
) -> Definition:
    text = tree.text
    start, end = comments.modifiers(text, tree.offset(entry.start)), tree.offset(entry.end)
    while end > start and text[end - 1].isspace():
        end -= 1
    cut = tree.offset(body.start_byte) if body is not None else end
    outer = min(tree.offset(entry.outer_start), start)
    above, doc = comments.above(text, outer, tree.language)
    if body is not None and tree.language.id == "python":
        doc = comments.docstring(text, cut) or doc
    if entry.node.is_error and entry.name is not None:  # the head is somewhere in what was not understood
        start = text.rfind("\n", 0, tree.offset(entry.name.start_byte)) + 1
        cut = max(text.find("\n", start), start)
    signature = text[start : min(cut, start + 4 * _MAX_SIGNATURE_CHARS)]
    most = _MAX_VALUE_CHARS if kind in VALUES else _MAX_SIGNATURE_CHARS
    if kind in ("key", "heading", "element"):
        signature = signature.split("\n", 1)[0]
    signature = comments.one_line(comments.without(signature, tree.language)).rstrip(" :={;,")
    if len(signature) > most:
        signature = signature[: most - 1] + "…"
    return Definition(name, cast("Kind", kind), signature, doc, Span(above, end), container)


def _text(tree: Tree, node: tree_sitter.Node) -> str:
    return tree.data[node.start_byte : node.end_byte].decode("utf-8", "replace")
