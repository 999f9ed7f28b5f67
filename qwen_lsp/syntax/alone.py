"""What of a JavaScript or TypeScript module one definition needs to run by itself, as JavaScript.

The definition, and the functions and constants of the same file that it uses, without types. None where it
needs what is imported, or what only a compiler makes: enums, decorators, parameter properties.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

import tree_sitter

from qwen_lsp.syntax.code import Source

_LANGUAGES = {"javascript", "typescript"}
_MAX_STATEMENTS = 12
_DECLARATION = re.compile(
    r"function_declaration|generator_function_declaration|lexical_declaration|class_declaration"
)
_NEEDS_COMPILER = re.compile(r"enum_declaration|decorator|internal_module|module|import|abstract_class")
# Types, which leave nothing behind.
_TYPES = re.compile(
    r"type_annotation|type_parameters|type_arguments|\w+_annotation|type_predicate\w*|implements_clause"
    r"|interface_declaration|type_alias_declaration|(function|method)_signature|(override|accessibility)_modifier"
)
_MARKED = {"optional_parameter", "public_field_definition"}
_MODIFIERS = {"readonly", "declare"}
_CASTS = {"as_expression", "satisfies_expression", "non_null_expression"}


def needed(source: Source, name: str, known: Collection[str]) -> str | None:
    """Return the top-level statements that a name needs, in order; `known` are names of the language."""
    if source.language.id not in _LANGUAGES or source.error_count():
        return None
    statements: dict[str, tree_sitter.Node] = {}
    for child in source.tree.syntax.root_node.named_children:
        inner = child.child_by_field_name("declaration") or child
        if _DECLARATION.fullmatch(inner.type):
            statements |= {bound: inner for bound in _bound_by(inner)}
    wanted, taken = [name], dict[int, tree_sitter.Node]()
    while wanted:
        one = wanted.pop()
        statement = statements.get(one)
        if statement is None or len(taken) > _MAX_STATEMENTS:
            return None
        if statement.id in taken:
            continue
        nodes = list(_walk(statement))
        if any(_NEEDS_COMPILER.fullmatch(node.type) or _is_property(node) for node in nodes):
            return None
        taken[statement.id] = statement
        own = {_text(node) for node in nodes if _is_binding(node)}
        used = {_text(node) for node in nodes if node.type == "identifier" and not _is_in_type(node)}
        used |= {_text(node) for node in nodes if node.type == "shorthand_property_identifier"}
        wanted += used - own - set(known)
    return "\n".join(_erased(node) for node in sorted(taken.values(), key=lambda node: node.start_byte))


def _bound_by(statement: tree_sitter.Node) -> Iterator[str]:
    if (named := statement.child_by_field_name("name")) is not None:
        yield _text(named)
    for child in statement.named_children:
        named = child.child_by_field_name("name") if child.type == "variable_declarator" else None
        if named is not None and named.type == "identifier":
            yield _text(named)


def _is_property(node: tree_sitter.Node) -> bool:
    """Whether a parameter of a constructor is a property, too: `private size`."""
    is_parameter = node.type in ("required_parameter", "optional_parameter")
    return is_parameter and any(
        child.type in ("accessibility_modifier", "readonly") for child in node.children
    )


def _is_binding(node: tree_sitter.Node) -> bool:
    """Whether an identifier is a parameter, a variable or a function of the code itself."""
    if node.type == "shorthand_property_identifier_pattern":
        return True
    parent = node.parent
    if node.type != "identifier" or parent is None:
        return False
    if parent.type in ("required_parameter", "optional_parameter"):
        return parent.child_by_field_name("pattern") == node
    if re.search(r"pattern$|formal_parameters|catch_clause", parent.type):
        return parent.child_by_field_name("right") != node
    if parent.type == "arrow_function":
        return parent.child_by_field_name("parameter") == node
    if parent.type == "for_in_statement":
        return parent.child_by_field_name("left") == node
    if parent.type == "pair_pattern":
        return parent.child_by_field_name("value") == node
    return bool(re.search(r"declarator|function|class", parent.type)) and (
        parent.child_by_field_name("name") == node
    )


def _is_in_type(node: tree_sitter.Node) -> bool:
    inner, parent = node, node.parent
    while parent is not None:
        if _TYPES.fullmatch(parent.type):
            return True
        if parent.type in _CASTS and parent.named_children[0] != inner:
            return True
        inner, parent = parent, parent.parent
    return False


def _erased(statement: tree_sitter.Node) -> str:
    """Return the text of a statement without its types."""
    cuts = sorted(_cuts(statement))
    data, at = statement.text or b"", statement.start_byte
    parts: list[bytes] = []
    start = at
    for first, end in cuts:
        if first >= start:
            parts.append(data[start - at : first - at])
        start = max(start, end)
    return b"".join((*parts, data[start - at :])).decode("utf-8", "replace")


def _cuts(statement: tree_sitter.Node) -> Iterator[tuple[int, int]]:
    for node in _walk(statement):
        if _TYPES.fullmatch(node.type) or node.type in _MODIFIERS:
            yield node.start_byte, node.end_byte
        elif node.type in _CASTS:
            yield node.named_children[0].end_byte, node.end_byte
        elif node.type in ("?", "!") and node.parent is not None and node.parent.type in _MARKED:
            yield node.start_byte, node.end_byte
        elif node.type == "this" and node.parent is not None and node.parent.type == "required_parameter":
            after = node.parent.next_sibling
            is_followed = after is not None and after.type == ","
            yield node.parent.start_byte, after.end_byte if after and is_followed else node.parent.end_byte


def _walk(node: tree_sitter.Node) -> Iterator[tree_sitter.Node]:
    yield node
    for child in node.children:
        yield from _walk(child)


def _text(node: tree_sitter.Node) -> str:
    return (node.text or b"").decode("utf-8", "replace")
