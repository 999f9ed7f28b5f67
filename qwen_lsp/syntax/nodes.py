"""Small questions about the nodes of a tree, in the words of several grammars at once.

What a node is wrapped in, what it calls, binds and is put together from. It knows no text but through nodes,
and nothing of rules.
"""

from __future__ import annotations

from collections.abc import Iterator

import tree_sitter

Node = tree_sitter.Node

SCOPES = {
    *("function_definition", "lambda", "module"),
    *("function_declaration", "function_expression", "arrow_function", "method_definition", "program"),
    *("generator_function_declaration", "generator_function"),
    *("method_declaration", "constructor_declaration", "func_literal", "source_file"),
}
NAMES = {"identifier", "shorthand_property_identifier_pattern"}
WRAPPERS = {
    *("parenthesized_expression", "expression_list", "await_expression", "await", "as_expression"),
    *("non_null_expression", "satisfies_expression", "cast_expression", "keyword_argument"),
}
TYPED_AFTER = ("as_expression", "satisfies_expression")  # the value stands before its type
STRINGS = {
    *("string", "concatenated_string", "template_string", "string_literal", "text_block"),
    *("interpreted_string_literal", "raw_string_literal", "template_literal"),
}
INTERPOLATIONS = {"interpolation", "template_substitution"}
SUMS = {"binary_operator", "binary_expression"}
FUNCTIONS = SCOPES - {"module", "program", "source_file"}


def parameter_names(node: Node) -> Iterator[Node]:
    """Find the names that one parameter binds: not those in its type or default."""
    if node.type in NAMES:
        yield node
        return
    name = node.child_by_field_name("name") or node.child_by_field_name("pattern")
    if name is not None:
        yield from parameter_names(name) if name.type not in NAMES else iter((name,))
    elif node.named_children:
        yield from parameter_names(node.named_children[0])


def unwrapped(node: Node) -> Node:
    """Look inside parentheses, casts and awaits."""
    while node.type in WRAPPERS:
        at = 0 if node.type in TYPED_AFTER else -1
        inner = node.child_by_field_name("value") or (
            node.named_children[at] if node.named_children else None
        )
        if inner is None or (node.type == "expression_list" and node.named_child_count != 1):
            return node
        node = inner
    return node


def enclosing(node: Node | None, kinds: set[str]) -> Node | None:
    """Return the nearest node of these kinds that holds a node, itself included."""
    while node is not None and node.type not in kinds:
        node = node.parent
    return node


def is_async(function: Node) -> bool:
    """Whether a function is declared asynchronous."""
    return any(child.type == "async" for child in function.children)


def descendants(node: Node, kinds: set[str]) -> Iterator[Node]:
    """Yield the nodes of some kinds inside a node, itself included."""
    pending = [node]
    while pending:
        current = pending.pop()
        if current.type in kinds:
            yield current
        pending.extend(current.named_children)


def interpolated(node: Node) -> Iterator[Node]:
    """Yield the expressions inside a string."""
    for part in node.named_children:
        if part.type in INTERPOLATIONS:
            inner = part.child_by_field_name("expression") or next(iter(part.named_children), None)
            if inner is not None:
                yield inner
        elif part.type in STRINGS:
            yield from interpolated(part)


def operands(node: Node) -> Iterator[Node]:
    """Yield what a text is added or formatted from."""
    pending = [node]
    while pending:
        node = unwrapped(pending.pop())
        operator = node.child_by_field_name("operator")
        if node.type in SUMS and operator is not None and operator.type in ("+", "%"):
            pending += [side for field in ("right", "left") if (side := node.child_by_field_name(field))]
        elif node.type in ("tuple", "dictionary"):
            yield from node.named_children
        else:
            yield node


def leaves(node: Node) -> Iterator[Node]:
    """Yield the operands of a chain of operators, whatever they are; chains may be longer than any stack."""
    pending = [node]
    while pending:
        node = unwrapped(pending.pop())
        if node.type in SUMS:
            pending += reversed(node.named_children)
        else:
            yield node


def callee(node: Node) -> Node | None:
    """Return what a call calls."""
    return node.child_by_field_name("function") or node.child_by_field_name("name")


def arguments_of(node: Node) -> list[Node]:
    """Return the arguments of a call."""
    arguments = node.child_by_field_name("arguments")
    if arguments is None:
        return []
    # A lone generator needs no parentheses of its own, so it is the argument list.
    return [arguments] if arguments.type == "generator_expression" else list(arguments.named_children)


def receiver(node: Node) -> Iterator[Node]:
    """What a method is called on: the template of a format, the separator of a join."""
    called = node.child_by_field_name("function")
    receiver = node.child_by_field_name("object")
    if called is not None and called.type in ("attribute", "member_expression"):
        receiver = called.child_by_field_name("object")
    if receiver is not None and (receiver.type in STRINGS or receiver.type in SUMS):
        yield receiver
