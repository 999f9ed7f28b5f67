"""What code does to things that outlive it: what it assigns to, deletes, raises, and calls for no value.

Compared between two versions of a function that cannot be run. What only touches values that the function has
made itself does not count, so a loop that fills a new list may become an expression. Node types of all
grammars are matched by their common words, as in `code`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import tree_sitter

from qwen_lsp.syntax.code import Source

_ASSIGNS = re.compile(
    r"^(augmented_|compound_)?assignment(_expression|_statement)?$"
    r"|^(update_expression|inc_statement|dec_statement|postfix_expression)$"
)
_PLACE = re.compile(
    r"attribute|subscript|member|field_access|field_expression|selector|index_expression|array_access"
    r"|element_access|navigation"
)
_DELETES = re.compile(r"^(delete_statement|delete_expression)$")
_RAISES = re.compile(r"^(raise_statement|throw_statement|throw_expression)$")
_CALL = re.compile(r"^(call|call_expression|method_invocation|invocation_expression|function_call)$")
_STATEMENT = re.compile(r"^(expression_statement|block|statement_block|statements|function_body)$")
# A loop in the form of a call: what it does is in its body.
_LOOPS = re.compile(r"\.(forEach|each|each_with_index|for_each|ForEach)$")
_NAME = re.compile(r"^(identifier|simple_identifier|variable_name)$")
_LENGTH = re.compile(r"\.(length|size|Length|Count)$")
_PATH = re.compile(r"[\w$]+(?:\.[\w$]+)+")
_GROUP = re.compile(r"pattern|_list$|^tuple")
_BINDS = re.compile(r"assignment|declarator|declaration|short_var|let_|binding")
_DEFINES = re.compile(r"function|class|method|parameter")
_AROUND = re.compile(r"^(await|await_expression|parenthesized_expression)$")


def of(source: Source) -> frozenset[tuple[str, str]]:
    """Return what the code of a text does, as (kind, what it does it to): `("assign", "self.total")`."""
    root = source.tree.syntax.root_node
    own = set(_own_names(root))
    found: set[tuple[str, str]] = set()
    for node in _walk(root):
        kind, place = _effect(node)
        if place is None or _leftmost(place) in own:
            continue
        text = _text(place)
        if not (kind == "call" and _LOOPS.search(text)):
            found.add((kind, text))
    return frozenset(found)


def reads(source: Source) -> frozenset[str]:
    """Return the attributes that code reads of things that are not its own: `self.rate`, `a.b.c`.

    What is called does not count, nor the length of a list, which a loop may do without.
    """
    root = source.tree.syntax.root_node
    own = set(_own_names(root))
    found: set[str] = set()
    for node in _walk(root):
        if not _PLACE.search(node.type) or node.parent is None or _PLACE.search(node.parent.type):
            continue
        text = _text(node)
        if _is_callee(node):
            text = text.rpartition(".")[0]
        text = _LENGTH.sub("", text)
        if _PATH.fullmatch(text) and text.partition(".")[0] not in own:
            found.add(text)
    return frozenset(found)


def _is_callee(node: tree_sitter.Node) -> bool:
    parent = node.parent
    return parent is not None and bool(_CALL.match(parent.type)) and _callee(parent) == node


def _effect(node: tree_sitter.Node) -> tuple[str, tree_sitter.Node | None]:
    if _ASSIGNS.match(node.type):
        place = node.child_by_field_name("left") or node.child_by_field_name("argument")
        place = place or (node.named_children[0] if node.named_children else None)
        if place is not None and place.type == "expression_list" and place.named_child_count == 1:
            place = place.named_children[0]
        return "assign", place if place is not None and _PLACE.search(place.type) else None
    if _DELETES.match(node.type):
        return "delete", node.named_children[0] if node.named_children else None
    if _RAISES.match(node.type):
        raised = node.named_children[0] if node.named_children else None
        if raised is not None and (
            _CALL.match(raised.type) or "creation" in raised.type or "new" in raised.type
        ):
            raised = _callee(raised)
        return "raise", raised
    is_statement = node.type == "expression_statement"
    if is_statement or _is_in_block(node):
        value = node.named_children[0] if is_statement and node.named_children else node
        while _AROUND.match(value.type) and value.named_children:
            value = value.named_children[0]
        if _CALL.match(value.type):
            return "call", _callee(value)
    return "", None


def _is_in_block(node: tree_sitter.Node) -> bool:
    """Whether a call stands as a statement where the grammar wraps none around it (Go, Kotlin, Ruby)."""
    return bool(_CALL.match(node.type) and node.parent is not None and _STATEMENT.match(node.parent.type))


def _callee(call: tree_sitter.Node) -> tree_sitter.Node:
    """Return what is called: without the arguments."""
    function = call.child_by_field_name("function") or call.child_by_field_name("constructor")
    return function or call


def _text(node: tree_sitter.Node) -> str:
    found: list[str] = []
    pending = [node]
    while pending:
        one = pending.pop()
        if one.type in ("argument_list", "arguments", "comment") and _CALL.match(node.type):
            continue
        if one.child_count == 0:
            found.append((one.text or b"").decode("utf-8", "replace"))
        else:
            pending += reversed(one.children)
    return "".join(found)


def _leftmost(node: tree_sitter.Node) -> str:
    while node.named_children and not _NAME.match(node.type):
        node = node.named_children[0]
    return (node.text or b"").decode("utf-8", "replace")


def _own_names(root: tree_sitter.Node) -> Iterator[str]:
    """Yield the names that a function gives to what it has made: no parameters, no parts of other things."""
    for node in _walk(root):
        if not _NAME.match(node.type) or node.parent is None:
            continue
        above: tree_sitter.Node | None = node.parent
        at: tree_sitter.Node | None = node
        while above is not None and _GROUP.search(above.type):
            above, at = above.parent, above
        if above is None or not _BINDS.search(above.type) or _DEFINES.search(above.type):
            continue
        if any(above.child_by_field_name(field) == at for field in ("left", "name", "pattern", "alias")):
            value = above.child_by_field_name("right") or above.child_by_field_name("value")
            if value is not None and not _is_part_of_another(value):
                yield (node.text or b"").decode("utf-8", "replace")


def _is_part_of_another(value: tree_sitter.Node) -> bool:
    if _GROUP.search(value.type) and value.named_children:
        return any(map(_is_part_of_another, value.named_children))
    return bool(_NAME.match(value.type) or _PLACE.search(value.type))


def _walk(root: tree_sitter.Node) -> Iterator[tree_sitter.Node]:
    pending = [root]
    while pending:
        node = pending.pop()
        yield node
        pending += reversed(node.children)
