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
_BINARY = re.compile(r"^(augmented_|compound_)?(binary|assignment)")
_ARITHMETIC = re.compile(r"[-+*/%&|^@]|\*\*|//|<<|>>")
_LITERAL = re.compile(
    r"^(integer|float|number|string|char|rune|decimal|interpreted_string|raw_string|template_str)"
)
_FILLING_WORDS = (
    ".append .push .add .extend .join .length .size .Length .Count .forEach .map .filter .get .has"
)
_FILLING = frozenset(_FILLING_WORDS.split())
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


def sequence(source: Source) -> list[str]:
    """Return the statements that do so, in order and in full, without white space.

    `a += b` counts as `a = a + b`, and a variable that is given a value once as that value.
    """
    root = source.tree.syntax.root_node
    own, values = set(_own_names(root)), _given_once(root)
    found: list[str] = []
    for node in _walk(root):
        kind, place = _effect(node)
        if place is None or _leftmost(place) in own or (kind == "call" and _LOOPS.search(_text(place))):
            continue
        if kind == "assign":
            found.append(_assigned(node, place, values))
        elif kind == "call" and (call := _around_callee(place)) is not None:
            found.append(_written(call, values))
        else:
            found.append(_written(node, values))
    return found


def parts(source: Source) -> frozenset[str]:
    """Return what values are made of: members, operators, numbers and texts, but not what loops are made of.

    Counters, accumulators, and the methods that fill a sequence are what a loop is made of.
    """
    found: set[str] = set()
    for node in _walk(source.tree.syntax.root_node):
        parent = node.parent
        if parent is None:
            continue
        text = _text(node)
        if node.type in ("property_identifier", "field_identifier") or (
            node.type == "identifier" and parent.child_by_field_name("attribute") == node
        ):
            found |= {f".{text}"} - _FILLING
        elif _BINARY.search(parent.type) and _ARITHMETIC.fullmatch(node.type):
            if not _accumulates(parent):
                found.add(node.type)
        elif _LITERAL.search(node.type) and not (_LITERAL.search(parent.type) or _is_docstring(parent)):
            is_small = text in ("0", "1", '""', "''", "``")
            if not is_small or (_BINARY.search(parent.type) and _has_arithmetic(parent)):
                found.add(text.replace('"', "'"))
    return frozenset(found)


def _is_docstring(parent: tree_sitter.Node) -> bool:
    return parent.type == "expression_statement"


def _has_arithmetic(node: tree_sitter.Node) -> bool:
    return any(_ARITHMETIC.fullmatch(child.type) for child in node.children) and not _accumulates(node)


def _accumulates(node: tree_sitter.Node) -> bool:
    """Whether an expression adds to what it is assigned to: `n = n + 1`, or `n += 1`."""
    if _ASSIGNS.match(node.type):
        return True
    outer, left = node.parent, node.child_by_field_name("left")
    target = outer.child_by_field_name("left") if outer is not None else None
    return target is not None and left is not None and target.text == left.text


def _around_callee(place: tree_sitter.Node) -> tree_sitter.Node | None:
    return place if _CALL.match(place.type) else place.parent


def _given_once(root: tree_sitter.Node) -> dict[str, str]:
    """Return the values of the variables that are given one exactly once, by an expression of their own."""
    given: dict[str, list[tree_sitter.Node | None]] = {}
    for node in _walk(root):
        if not _BINDS.search(node.type) or _DEFINES.search(node.type):
            continue
        left = node.child_by_field_name("left") or node.child_by_field_name("name")
        right = node.child_by_field_name("right") or node.child_by_field_name("value")
        if left is not None and left.type == "expression_list" and left.named_child_count == 1:
            left = left.named_children[0]
        if left is not None and _NAME.match(left.type):
            is_plain = not node.type.startswith("augmented") and right is not None
            given.setdefault(_text(left), []).append(right if is_plain else None)
    return {name: _written(one[0], {}) for name, one in given.items() if len(one) == 1 and one[0] is not None}


def _assigned(node: tree_sitter.Node, place: tree_sitter.Node, values: dict[str, str]) -> str:
    right = node.child_by_field_name("right") or node.child_by_field_name("value")
    target = _written(place, values)
    sign = next((child.type for child in node.children if child.type.endswith("=")), "")
    if right is None:  # `a.n++`
        return f"{target}={target}{_written(node, values).replace(target, '')[:1]}1"
    value = _written(right, values)
    return f"{target}={target}{sign[:-1]}{value}" if len(sign) > 1 and sign != ":=" else f"{target}={value}"


def _written(node: tree_sitter.Node, values: dict[str, str]) -> str:
    """Return the text of a node without white space and line-end commas, variables replaced by values."""
    found: list[str] = []
    pending = [node]
    while pending:
        one = pending.pop()
        if "comment" in one.type or one.type == ";":
            continue
        if one.child_count == 0 or _LITERAL.search(one.type):
            text = (one.text or b"").decode("utf-8", "replace")
            found.append(values.get(text, text) if _NAME.match(one.type) else text.replace('"', "'"))
        else:
            pending += reversed(one.children)
    return re.sub(r",(?=[)\]}])", "", "".join(found))


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
