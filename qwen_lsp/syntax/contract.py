"""What a function takes, gives and raises, read from its header and body: what its documentation must say.

Node types of all grammars are matched by their common words, as in `code`. Bodies of functions inside a
function are not its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import tree_sitter

from qwen_lsp.syntax.code import Definition, Source

_FUNCTION = re.compile(
    r"function|method|constructor|lambda|closure|arrow|func_literal|class_|struct_|^(init|deinit)_"
)
_NOT_PARAMETERS = {"self", "cls", "this"}
_NAME_FIELDS = ("name", "pattern", "left", "declarator")
_IDENTIFIER = re.compile(r"^(identifier|simple_identifier|variable_name|name|field_identifier)$")
_SEPARATORS = re.compile(r"comment|separator|self_parameter|receiver|modifiers|annotation|attribute")
_NOTHING = {
    "void",
    "None",
    "()",
    "Unit",
    "undefined",
    "never",
    "Nothing",
    "Promise<void>",
    "Void",
    "NoReturn",
}
_RAISE = re.compile(r"^(raise_statement|throw_statement|throw_expression|jump_expression)$")


@dataclass(frozen=True, slots=True)
class Contract:
    """Shape: names of `parameters` and `errors` in order; without `self`, `cls` and what is unpacked."""

    parameters: tuple[str, ...]
    has_result: bool
    errors: tuple[str, ...]


NOTHING = Contract((), False, ())


def of(source: Source, definition: Definition) -> Contract | None:
    """Return what a function promises; None for what is none."""
    node = _function(source, definition)
    if node is None:
        return None
    body = _body(node)
    inside = list(_own_nodes(body)) if body is not None else []
    return Contract(
        tuple(dict.fromkeys(_parameters(node))),
        _has_result(node, body, inside),
        tuple(dict.fromkeys([*_declared_errors(node), *(name for one in inside if (name := _raised(one)))])),
    )


def gives_function(source: Source, definition: Definition) -> bool:
    """Whether all that a function gives back are functions that it makes: what it does is what they do."""
    node = _function(source, definition)
    body = _body(node) if node is not None else None
    if node is None or body is None:
        return False
    if node.type == "arrow_function" and "block" not in body.type:
        return _makes_function(body)
    span = definition.span
    made = {
        one.name
        for one in source.definitions()
        if one.is_function and span.start < one.span.start and one.span.end <= span.end
    }
    given = [_given(one) for one in _own_nodes(body) if _gives(one)]
    return bool(given) and all(_makes_function(one) or _text(one) in made for one in given)


def _makes_function(value: tree_sitter.Node) -> bool:
    """Whether an expression is a function: a call of a method, as Java's grammar names it, is none."""
    return _FUNCTION.search(value.type) is not None and not re.search(r"invocation|reference", value.type)


def is_property(source: Source, definition: Definition) -> bool:
    """Whether a function is read like a field: its documentation says what the value is."""
    head = source.text[definition.span.start : (definition.parameters or definition.header).start]
    if source.language.id == "python":
        return re.search(r"^\s*@([\w.]+\.)?(\w*_)?(property|getter)\b", head, re.MULTILINE) is not None
    is_script = source.language.id in ("javascript", "typescript", "typescriptreact")
    return is_script and re.search(r"(^|\s)get\s+[\w$#]+\s*$", head) is not None


def body_of(source: Source, definition: Definition) -> tree_sitter.Node | None:
    """Return the node of a function's body, for the other modules of this package."""
    node = _function(source, definition)
    return _body(node) if node is not None else None


def _gives(node: tree_sitter.Node) -> bool:
    return (
        re.search(r"^(return|yield)", node.type) is not None and node.is_named and node.named_child_count > 0
    )


def _given(returning: tree_sitter.Node) -> tree_sitter.Node:
    value = returning.named_children[0]
    while value.type in ("expression_list", "parenthesized_expression") and value.named_child_count == 1:
        value = value.named_children[0]
    return value


def _function(source: Source, definition: Definition) -> tree_sitter.Node | None:
    if not definition.is_function:
        return None
    tree = source.tree
    node = tree.syntax.root_node.descendant_for_byte_range(
        tree.byte(definition.header.start), max(tree.byte(definition.header.end) - 1, 0)
    )
    while node is not None and tree.offset(node.start_byte) > definition.header.start:
        node = node.parent
    while node is not None and not _FUNCTION.search(node.type):
        node = node.parent
    return node


def _body(function: tree_sitter.Node) -> tree_sitter.Node | None:
    return function.child_by_field_name("body") or next(
        (child for child in function.children if re.search(r"(^|_)(body|block)$", child.type)), None
    )


def _own_nodes(body: tree_sitter.Node) -> Iterator[tree_sitter.Node]:
    pending = [body]
    while pending:
        node = pending.pop()
        yield node
        pending += [child for child in reversed(node.children) if not _FUNCTION.search(child.type)]


def _parameters(function: tree_sitter.Node) -> Iterator[str]:
    single = function.child_by_field_name("parameter")
    holder = function.child_by_field_name("parameters")
    declarator = function.child_by_field_name("declarator")
    while holder is None and declarator is not None:
        holder = declarator.child_by_field_name("parameters")
        declarator = declarator.child_by_field_name("declarator")
    if holder is None:
        holder = next((child for child in function.children if "parameters" in child.type), None)
    children = [single] if single is not None else holder.named_children if holder is not None else []
    if holder is None and single is None:  # Swift writes them beside the name
        children = [child for child in function.named_children if child.type == "parameter"]
    for child in children:
        if _SEPARATORS.search(child.type):
            continue
        names = child.children_by_field_name("name")  # Go: several of one type; elsewhere the type may follow
        for named in (
            names if child.type == "parameter_declaration" and names else [*names[:1], _named(child)][:1]
        ):
            text = (named.text or b"").decode("utf-8", "replace").lstrip("*&.$") if named is not None else ""
            if re.fullmatch(r"[^\W\d]\w*", text) and text not in _NOT_PARAMETERS and not text.startswith("_"):
                yield text


def _named(node: tree_sitter.Node) -> tree_sitter.Node | None:
    """Return the identifier that a parameter binds; None for a pattern of several."""
    if _IDENTIFIER.match(node.type):
        return node
    if re.search(r"object_pattern|array_pattern|tuple_pattern|struct_pattern", node.type):
        return None
    for field in _NAME_FIELDS:
        inner = node.child_by_field_name(field)
        if inner is not None:
            return _named(inner)
    plain = [child for child in node.named_children if _IDENTIFIER.match(child.type)]
    if plain:
        return plain[0]
    splat = [child for child in node.named_children if re.search(r"pattern|declarator|splat", child.type)]
    return _named(splat[0]) if splat else None


def _has_result(
    function: tree_sitter.Node, body: tree_sitter.Node | None, inside: list[tree_sitter.Node]
) -> bool:
    declared = next(
        (
            found
            for field in ("return_type", "type", "result", "returns")
            if (found := function.child_by_field_name(field))
        ),
        None,
    )
    if declared is not None:
        return (declared.text or b"").decode("utf-8", "replace").lstrip(":-> ").strip() not in _NOTHING
    if function.type == "constructor_declaration":
        return False
    header = (function.text or b"")[: body.start_byte - function.start_byte] if body is not None else b""
    after = re.search(rb"\)\s*:\s*([\w.]+)", header)
    if after is not None:  # Kotlin names no field
        return after[1].decode("utf-8", "replace") not in _NOTHING
    if function.type == "arrow_function" and body is not None and "block" not in body.type:
        return True
    if body is not None and (body.text or b"").lstrip().startswith((b"=>", b"=")):
        return True
    return any(map(_gives, inside))


def _declared_errors(function: tree_sitter.Node) -> Iterator[str]:
    for child in function.children:
        if child.type == "throws":
            yield from (_text(inner).split(".")[-1] for inner in child.named_children)


def _raised(node: tree_sitter.Node) -> str:
    if not _RAISE.match(node.type) or not (node.text or b"").startswith((b"raise", b"throw")):
        return ""
    found = re.match(r"(?:raise|throw)\s+(?:new\s+)?([\w.$]+)", _text(node))
    name = found[1].split(".")[-1] if found else ""
    return name if name[:1].isupper() else ""  # not a variable that is raised again


def _text(node: tree_sitter.Node) -> str:
    return (node.text or b"").decode("utf-8", "replace")
