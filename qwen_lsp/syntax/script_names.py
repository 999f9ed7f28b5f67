"""Which variables JavaScript and TypeScript code has, where each is declared, read and written.

`variables` resolves every plain name to the scope that declares it, as the language does. It knows nothing of
what that is wanted for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import tree_sitter

FUNCTION = re.compile(r"function_(declaration|expression)$|^(arrow_function|method_definition)$|^function$")
_SCOPES = {
    "program",
    "statement_block",
    "for_statement",
    "for_in_statement",
    "switch_body",
    "catch_clause",
    "class",
    "class_static_block",
}
_NAMES = {"identifier", "shorthand_property_identifier", "shorthand_property_identifier_pattern"}
_PATTERNS = {
    "array_pattern",
    "object_pattern",
    "assignment_pattern",
    "object_assignment_pattern",
    "rest_pattern",
    "pair_pattern",
    "parenthesized_expression",
    "non_null_expression",
}
# Parts of a pattern that are read, not bound.
_READ_FIELDS = ("right", "key", "object", "index")


@dataclass(frozen=True, slots=True)
class Use:
    """One place where a variable stands. Units: bytes. `function` is the innermost one around it."""

    start: int
    is_read: bool
    is_written: bool
    is_declared: bool
    function: tree_sitter.Node | None


@dataclass(slots=True)
class Variable:
    """A variable of one scope, with its uses in order.

    Shape: `kind` is `let`, `const`, `var`, `parameter`, `function` or `class`; `annotation` its type as text.
    """

    name: str
    scope: tree_sitter.Node
    kind: str
    annotation: str = ""
    uses: list[Use] = field(default_factory=list)


def text_of(node: tree_sitter.Node) -> str:
    """Return the source of a node."""
    return (node.text or b"").decode("utf-8", "replace")


def walk(node: tree_sitter.Node) -> Iterator[tree_sitter.Node]:
    """Yield a node and all inside of it, in order."""
    pending = [node]
    while pending:
        node = pending.pop()
        yield node
        pending += reversed(node.children)


def function_around(node: tree_sitter.Node | None) -> tree_sitter.Node | None:
    """Return the innermost function that a node stands in, not itself."""
    node = node.parent if node is not None else None
    while node is not None and not FUNCTION.search(node.type):
        node = node.parent
    return node


def _scope(node: tree_sitter.Node, *, functions_only: bool = False) -> tree_sitter.Node:
    """Return the scope around a node."""
    while node.parent is not None:
        node = node.parent
        if FUNCTION.search(node.type) or node.type == "program":
            return node
        if not functions_only and node.type in _SCOPES:
            return node
    return node


def _declared(root: tree_sitter.Node) -> Iterator[tuple[tree_sitter.Node, tree_sitter.Node, str, str]]:
    """Yield each name where it is declared: its node, its scope, its kind, its type."""
    for node in walk(root):
        if node.type == "variable_declarator" and node.parent is not None:
            kind = node.parent.children[0].type
            scope = _scope(node, functions_only=kind == "var")
            yield from _bound(node.child_by_field_name("name"), scope, kind, _type(node))
        elif node.type == "for_in_statement":
            kinds = [child.type for child in node.children if child.type in ("let", "const", "var")]
            if kinds:
                scope = _scope(node, functions_only=True) if kinds[0] == "var" else node
                yield from _bound(node.child_by_field_name("left"), scope, kinds[0], "")
        elif node.type == "catch_clause":
            yield from _bound(node.child_by_field_name("parameter"), node, "let", "")
        elif FUNCTION.search(node.type):
            name = node.child_by_field_name("name")
            if name is not None and node.type.endswith("function_declaration"):
                yield name, _scope(node), "function", ""
            elif name is not None and name.type == "identifier":
                yield name, node, "function", ""
            yield from _bound(node.child_by_field_name("parameter"), node, "parameter", "")
            parameters = node.child_by_field_name("parameters")
            for one in parameters.named_children if parameters is not None else ():
                pattern = one.child_by_field_name("pattern") or one
                yield from _bound(pattern, node, "parameter", _type(one))
        elif node.type in ("class_declaration", "class", "enum_declaration", "abstract_class_declaration"):
            name = node.child_by_field_name("name")
            if name is not None:
                yield name, node if node.type == "class" else _scope(node), "class", ""


def _type(node: tree_sitter.Node) -> str:
    annotation = node.child_by_field_name("type")
    text = text_of(annotation).lstrip(": ") if annotation is not None else ""
    if text and node.type == "optional_parameter":
        text = f"({text})" if "=>" in text else text
        return f"{text} | undefined"
    return text


def _bound(
    node: tree_sitter.Node | None, scope: tree_sitter.Node, kind: str, annotation: str
) -> Iterator[tuple[tree_sitter.Node, tree_sitter.Node, str, str]]:
    for name in _names_in(node):
        yield name, scope, kind, annotation if name == node else ""


def _names_in(node: tree_sitter.Node | None) -> Iterator[tree_sitter.Node]:
    """Yield the names that a pattern binds or assigns."""
    if node is None or node.type in ("member_expression", "subscript_expression"):
        return
    if node.type in _NAMES:
        yield node
    elif node.type in _PATTERNS:
        skipped = [node.child_by_field_name(name) for name in _READ_FIELDS]
        for child in node.named_children:
            if child not in skipped:
                yield from _names_in(child)


def _assigned(root: tree_sitter.Node) -> dict[int, bool]:
    """Return the names that are assigned, by the id of their nodes; True where they are read as well."""
    found: dict[int, bool] = {}
    for node in walk(root):
        if node.type in ("assignment_expression", "augmented_assignment_expression"):
            names = _names_in(node.child_by_field_name("left"))
            found |= {name.id: node.type.startswith("augmented") for name in names}
        elif node.type == "update_expression":
            found |= {name.id: True for name in _names_in(node.child_by_field_name("argument"))}
        elif node.type == "for_in_statement":
            found |= {name.id: False for name in _names_in(node.child_by_field_name("left"))}
    return found


def variables(root: tree_sitter.Node) -> list[Variable]:
    """List the variables that a piece of a program declares, with all their uses in it."""
    scopes: dict[int, dict[str, Variable]] = {}
    declared: dict[int, Variable] = {}
    for node, scope, kind, annotation in _declared(root):
        names = scopes.setdefault(scope.id, {})
        variable = names.setdefault(text_of(node), Variable(text_of(node), scope, kind, annotation))
        declared[node.id] = variable
    assigned = _assigned(root)
    for node in walk(root):
        if node.type not in _NAMES or not node.is_named:
            continue
        found = declared.get(node.id) or _resolved(node, scopes)
        if found is not None:
            is_declared = node.id in declared
            is_written = node.id in assigned or is_declared
            is_read = assigned.get(node.id, not is_declared)
            around = function_around(node)
            if is_declared and found.kind in ("parameter", "function") and around is not None:
                around = around if found.kind == "parameter" else function_around(around)
            found.uses.append(Use(node.start_byte, is_read, is_written, is_declared, around))
    return [variable for names in scopes.values() for variable in names.values()]


def _resolved(node: tree_sitter.Node, scopes: dict[int, dict[str, Variable]]) -> Variable | None:
    name = text_of(node)
    scope = node
    while scope.parent is not None:
        scope = _scope(scope)
        if name in scopes.get(scope.id, ()):
            return scopes[scope.id][name]
    return None
