"""The local names that can be used at a place, with the types that the syntax shows.

From `queries/bindings/<language>.scm`: `@binding` stands on a name where it is bound, `@type` on its type
as written, `@value` on the function that made its value, and `@scope` on what ends its life. A type is a
guess for finding members: `order: Order | None` and `order = Order.load(path)` both give `Order`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib import resources

import tree_sitter

from qwen_lsp.syntax.blank import INDENTED, code_end, column
from qwen_lsp.syntax.languages import Language, grammar
from qwen_lsp.syntax.tree import Tree

# Far more than a function is long; keeps the cost at some milliseconds in any file.
_MAX_LOCAL_BYTES = 50_000
# A statement of the file, one that is exported, and the declarator in it.
_TOP_LEVEL_DEPTH = 3
_INFERRED = frozenset({"var", "val", "let", "auto", "const", "any", "Any", "object", "_"})
_NOTHING = frozenset({"None", "null", "undefined", "nil", "void"})
# What stands around a type without changing whose members one means.
_WRAPPERS = frozenset(
    {
        "Optional",
        "Option",
        "Box",
        "Rc",
        "Arc",
        "RefCell",
        "Annotated",
        "Final",
        "ClassVar",
        "Readonly",
        "Partial",
    }
    | {
        "Required",
        "Nullable",
        "Lazy",
        "Promise",
        "Awaitable",
        "Task",
        "unique_ptr",
        "shared_ptr",
        "Ref",
        "Type",
        "type",
    }
)
_NO_CONSTRUCTORS = frozenset({"Ok", "Err", "Some"})
_PATH = re.compile(r"[^\W\d]\w*(?:(?:\.|::)[^\W\d]\w*)*")
_PREFIX = re.compile(
    r"(?:'[a-z_]+(?!['\w])|[&*:\s\"'\[\]]|\b(?:mut|const|final|readonly|dyn|impl|typeof|struct|in|out|ref)\b)+"
)


@dataclass(frozen=True, slots=True)
class Binding:
    """A name that is bound. Shape: `type` is a name, dotted where it is written so; None if not shown."""

    name: str
    type: str | None
    offset: int


def bindings(tree: Tree, offset: int) -> tuple[Binding, ...]:
    """List the names bound before a place and alive there, in document order; the last of a name counts."""
    query = _query(tree.language)
    if query is None:
        return ()
    here = tree.byte(offset)
    is_indented = tree.language.id in INDENTED
    at = tree.byte(code_end(tree.text, offset)) if is_indented else here
    root = tree.syntax.root_node
    cursor = tree_sitter.QueryCursor(query)
    cursor.set_max_start_depth(_TOP_LEVEL_DEPTH)
    top = cursor.matches(root)
    statement = root.first_child_for_byte(max(at - 1, 0))
    start = max(statement.start_byte if statement else at, at - _MAX_LOCAL_BYTES)
    cursor = tree_sitter.QueryCursor(query)
    cursor.set_byte_range(start, max(at, start))
    local = cursor.matches(root)
    scopes = [
        (node.start_byte, node.end_byte)
        for _, captures in (*top, *local)
        for node in captures.get("scope", ())
    ]
    found: dict[int, tuple[int, Binding]] = {}
    for pattern, captures in (*top, *local):
        for node in captures.get("binding", ()):
            byte = node.start_byte
            if byte >= here or not node.end_byte > byte:
                continue
            if byte in found and found[byte][0] <= pattern and found[byte][1].type:
                continue
            if _is_alive(tree, byte, scopes, at, offset if is_indented and at < here else -1):
                name = tree.data[byte : node.end_byte].decode("utf-8", "replace")
                shown = _shown_type(tree, captures) or (found[byte][1].type if byte in found else None)
                found[byte] = (pattern, Binding(name, shown, tree.offset(byte)))
    last = {binding.name: binding for _, (_, binding) in sorted(found.items())}
    return tuple(sorted(last.values(), key=lambda binding: binding.offset))


@cache
def _query(language: Language) -> tree_sitter.Query | None:
    loaded = grammar(language)
    folder = resources.files("qwen_lsp.syntax") / "queries" / "bindings"
    files = [folder / f"{name}.scm" for name in language.queries or (language.id,)]
    sources = [file.read_text("utf-8") for file in files if file.is_file()]
    if loaded is None or not sources:
        return None
    query: tree_sitter.Query = tree_sitter.Query(loaded, "\n".join(sources))
    return query


def _is_alive(tree: Tree, byte: int, scopes: list[tuple[int, int]], at: int, blank: int) -> bool:
    """Say whether what is bound at `byte` lives at `at`; `blank` is the place in white space, else -1."""
    around = [scope for scope in scopes if scope[0] <= byte < scope[1]]
    if not around:
        return True
    start, end = max(around)  # the innermost
    if blank < 0:
        return start <= at <= end
    return start <= at <= end and column(tree.text, blank) > column(tree.text, tree.offset(start))


def _shown_type(tree: Tree, captures: dict[str, list[tree_sitter.Node]]) -> str | None:
    for capture, read in (("type", type_name), ("value", _made_type)):
        for node in captures.get(capture, ()):
            written = tree.data[node.start_byte : min(node.end_byte, node.start_byte + 500)]
            found = read(written.decode("utf-8", "replace"), tree.language)
            if found:
                return found
    return None


def type_name(written: str, language: Language | None = None) -> str | None:
    """Return the name whose members a value of a written type has: `Order` for `Optional[Order]`."""
    for part in re.split(r"\|(?![^\[<(]*[\]>)])", written):
        rest = part
        for _ in range(5):
            prefix = _PREFIX.match(rest)
            rest = rest[prefix.end() :] if prefix else rest
            match = _PATH.match(rest)
            if match is None:
                break
            name = match.group()
            inner = rest[match.end() :].lstrip()
            if re.split(r"\.|::", name)[-1] in _WRAPPERS and inner[:1] in ("[", "<"):
                rest = inner[1:]
                continue
            if name in _NOTHING:
                break
            return None if name in _INFERRED else name
    return None


def _made_type(called: str, language: Language) -> str | None:
    """Guess the type of what a call returns: `Order()`, `Order.load()`, `Cart::new()`, in Go `NewCart()`."""
    match = _PATH.fullmatch(re.sub(r"<[^<>]*>", "", called).replace("::::", "::").strip())
    if match is None:
        return None
    separator = "::" if "::" in called else "."
    *path, last = match.group().split(separator)
    if language.id == "go":
        name = last[3:] if last.startswith("New") else ""
        return separator.join([*path, name]) if name else None
    if _looks_like_a_type(last):
        return None if last in _NO_CONSTRUCTORS else separator.join([*path, last])
    return separator.join(path) if path and _looks_like_a_type(path[-1]) else None


def _looks_like_a_type(name: str) -> bool:
    first = name.lstrip("_")[:1]
    return first.isupper() or not first.isascii()
