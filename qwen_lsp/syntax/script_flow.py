"""What a few statements of a JavaScript or TypeScript function take from it and give back to it.

`piece` says how the statements on some lines could become a function of their own, in front of the statement
that holds theirs: what must be passed, what comes back, whether it awaits. A variable that a function inside
sees is copied only if it never changes. Where the meaning would change, or may, it says why instead.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import tree_sitter

from qwen_lsp.syntax import code
from qwen_lsp.syntax.languages import Language
from qwen_lsp.syntax.pieces import Piece, Tied
from qwen_lsp.syntax.script_names import (
    FUNCTION,
    Use,
    Variable,
    function_around,
    text_of,
    variables,
    walk,
)
from qwen_lsp.syntax.tree import Tree

LANGUAGES = {"javascript", "javascriptreact", "typescript", "typescriptreact"}
_LOOP = re.compile(r"^(for|for_in|while|do)_statement$")
_BLOCKS = ("program", "statement_block")
# What means something else, or nothing, in another function.
_BOUND = {"this", "super", "meta_property", "private_property_identifier", "with_statement"}


def piece(text: str, language: Language, first: int, last: int) -> Piece | Tied | None:
    """Look at the statements on lines `first` to `last`; None where the grammar finds errors in the text."""
    source = code.parse(text, language)
    if source is None or source.error_count():
        return None
    try:
        return _piece(source.tree, first, last)
    except Tied as tied:
        return tied


@dataclass(frozen=True, slots=True)
class _Chosen:
    """The statements, their block, the function around them, and the statement to stand in front of."""

    nodes: Sequence[tree_sitter.Node]
    block: tree_sitter.Node
    function: tree_sitter.Node
    anchor: tree_sitter.Node

    @property
    def start(self) -> int:
        """Where they begin. Units: bytes."""
        return self.nodes[0].start_byte

    @property
    def end(self) -> int:
        """Where they end. Units: bytes."""
        return self.nodes[-1].end_byte

    def holds(self, byte: int) -> bool:
        """Whether a place is in them."""
        return self.start <= byte < self.end

    def around(self, node: tree_sitter.Node) -> bool:
        """Whether a node is around them."""
        return node.start_byte <= self.start and self.end <= node.end_byte


def _piece(tree: Tree, first: int, last: int) -> Piece:
    chosen = _chosen(tree, first, last)
    _check(chosen)
    own = [node for one in chosen.nodes for node in _own(one)]
    returns = any(node.type == "return_statement" for node in own)
    is_awaiting = any(node.type == "await_expression" or _is_awaiting_loop(node) for node in own)
    found = sorted(
        (variable for variable in _locals(chosen) if _uses(variable, chosen)),
        key=lambda variable: _uses(variable, chosen)[0].start,
    )
    for variable in found:
        _check_copies(variable, chosen)
    given = [variable for variable in found if not returns and _comes_back(variable, chosen)]
    taken = [
        variable
        for variable in found
        if any(use.is_declared for use in _rest(variable, chosen))
        and not _is_set_first(variable, chosen, is_only_result=given == [variable])
    ]
    new = [one for one in given if not any(u.is_declared and not chosen.holds(u.start) for u in one.uses)]
    is_typed = tree.language.id.startswith("typescript")
    return Piece(
        chosen.nodes[0].start_point[0] + 1,
        chosen.nodes[-1].end_point[0] + 1,
        tuple(one.name for one in taken),
        tuple((one.annotation or "any") if is_typed else "" for one in taken),
        tuple(one.name for one in given),
        returns,
        "",
        is_awaiting,
        "",
        _above(tree, chosen.anchor),
        frozenset(_lines_in_strings(chosen.nodes)),
        _last_value_line(chosen, given),
        _word(new, chosen),
        tuple(one.name for one in new),
        _is_guarded(chosen, given, new),
    )


# --- where the statements stand --------------------------------------------------------------------


def _chosen(tree: Tree, first: int, last: int) -> _Chosen:
    lines = tree.data.split(b"\n")
    if not 1 <= first <= last <= len(lines):
        raise Tied("place")
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line) + 1)
    start = starts[first - 1] + len(lines[first - 1]) - len(lines[first - 1].lstrip())
    end = starts[last - 1] + len(lines[last - 1].rstrip())
    node = tree.syntax.root_node.descendant_for_byte_range(start, max(end - 1, start))
    while node is not None and (
        node.type != "statement_block" or not node.start_byte < start <= end < node.end_byte
    ):
        node = node.parent
    if node is None:
        raise Tied("place")
    touched = [one for one in node.named_children if one.start_byte < end and one.end_byte > start]
    nodes = [one for one in touched if one.type != "comment"]
    if not nodes or touched[0].start_byte != start or touched[-1].end_byte != end:
        raise Tied("place")
    function = function_around(nodes[0])
    if function is None or any(_is_directive(one) for one in nodes):
        raise Tied("place")
    anchor = function
    while anchor.parent is not None and (anchor.parent.type not in _BLOCKS or not anchor.is_named):
        anchor = anchor.parent
    # It must be alone on its line, as the statements are.
    before = lines[anchor.start_point[0]][: anchor.start_point[1]]
    sibling = anchor.prev_named_sibling
    is_overloaded = sibling is not None and sibling.type == "function_signature"
    if before.strip() or anchor.parent is None or is_overloaded:
        raise Tied("place")
    return _Chosen(nodes, node, function, anchor)


def _is_directive(node: tree_sitter.Node) -> bool:
    return node.type == "expression_statement" and node.named_children[0].type == "string"


def _own(node: tree_sitter.Node, *, arrows: bool = False) -> Iterator[tree_sitter.Node]:
    """Yield the nodes that run in the same function; with those of arrow functions where asked."""
    pending = [node]
    while pending:
        node = pending.pop()
        yield node
        is_arrow = arrows and node.type == "arrow_function"
        if is_arrow or not (FUNCTION.search(node.type) or node.type == "class_body"):
            pending += reversed(node.children)


def _check(chosen: _Chosen) -> None:
    """Refuse what would not work in another function."""
    for node in (one for statement in chosen.nodes for one in walk(statement)):
        if node.type in _BOUND - {"this", "super"} and node.is_named:
            raise Tied("bound", text_of(node)[:20])
        if node.type == "call_expression" and text_of(node).startswith("eval("):
            raise Tied("bound", "eval()")
    for node in (one for statement in chosen.nodes for one in _own(statement, arrows=True)):
        if node.type in ("this", "super") or (node.type == "identifier" and text_of(node) == "arguments"):
            raise Tied("bound", text_of(node))
    own = [node for statement in chosen.nodes for node in _own(statement)]
    if any(node.type == "yield_expression" for node in own) or _leaves(own, chosen):
        raise Tied("flow")
    if any(node.type == "return_statement" for node in own):
        body = chosen.function.child_by_field_name("body")
        rest = [one for one in chosen.block.named_children if one.type != "comment"]
        is_end = chosen.block == body and rest[-1] == chosen.nodes[-1]
        is_constructor = text_of(chosen.function).startswith("constructor")
        if is_constructor or not (is_end or _always_ends(chosen.nodes[-1])):
            raise Tied("flow")
    own_types = {
        text_of(name)
        for node in walk(chosen.anchor)
        if node.type == "type_parameter"
        or (node.type in ("type_alias_declaration", "interface_declaration") and node != chosen.anchor)
        if (name := node.child_by_field_name("name")) is not None
    }
    for node in (one for statement in chosen.nodes for one in walk(statement)):
        if node.type == "type_identifier" and text_of(node) in own_types:
            raise Tied("bound", text_of(node))


def _leaves(own: Iterable[tree_sitter.Node], chosen: _Chosen) -> bool:
    """Whether some `break` or `continue` goes to what is around the statements."""
    for node in own:
        if node.type not in ("break_statement", "continue_statement"):
            continue
        label = node.child_by_field_name("label")
        goal = node.parent
        while goal is not None and goal != chosen.block and not _is_goal(goal, node, label):
            goal = goal.parent
        if goal is None or goal == chosen.block:
            return True
    return False


def _is_goal(goal: tree_sitter.Node, node: tree_sitter.Node, label: tree_sitter.Node | None) -> bool:
    if label is not None:
        named = goal.child_by_field_name("label") if goal.type == "labeled_statement" else None
        return named is not None and text_of(named) == text_of(label)
    is_switch = goal.type == "switch_statement" and node.type == "break_statement"
    return is_switch or _LOOP.match(goal.type) is not None


def _always_ends(node: tree_sitter.Node) -> bool:
    """Whether no way goes on behind a statement: each one returns or throws."""
    if node.type in ("return_statement", "throw_statement"):
        return True
    if node.type == "statement_block":
        last = next((one for one in reversed(node.named_children) if one.type != "comment"), None)
        return last is not None and _always_ends(last)
    if node.type == "if_statement":
        then, other = node.child_by_field_name("consequence"), node.child_by_field_name("alternative")
        if then is None or other is None:
            return False
        return _always_ends(then) and _always_ends(other.named_children[-1])
    return False


# --- before and after -------------------------------------------------------------------------------


def _uses(variable: Variable, chosen: _Chosen) -> list[Use]:
    return [use for use in variable.uses if chosen.holds(use.start)]


def _rest(variable: Variable, chosen: _Chosen) -> list[Use]:
    return [use for use in variable.uses if not chosen.holds(use.start)]


def _locals(chosen: _Chosen) -> list[Variable]:
    """List the variables that are seen by the statements and would not be by the new function."""
    return [
        variable
        for variable in variables(chosen.anchor)
        if chosen.around(variable.scope)
        and chosen.anchor.start_byte <= variable.scope.start_byte
        and variable.scope.end_byte <= chosen.anchor.end_byte
    ]


def _check_copies(variable: Variable, chosen: _Chosen) -> None:
    """Refuse a variable of which there would be two that differ."""
    if _would_differ(variable, _uses(variable, chosen), _rest(variable, chosen), chosen):
        raise Tied("names", variable.name)


def _would_differ(variable: Variable, inside: Sequence[Use], outside: Sequence[Use], chosen: _Chosen) -> bool:
    is_moved = not any(use.is_declared for use in outside)  # it is declared in the statements
    seen_inside = any(use.function != chosen.function for use in inside)
    is_kept = variable.kind == "var" and _loop(variable, chosen)  # from one round to the next
    if is_moved and is_kept and (seen_inside or _setter(inside, chosen) is None):
        return True
    if is_moved and not outside:
        return False
    if variable.kind in ("function", "class") and any(use.is_declared for use in inside):
        return True
    if is_moved and any(use.start < chosen.start for use in outside):
        return True
    is_written = any(use.is_written for use in inside)
    n_writes = sum(use.is_written for use in variable.uses)
    is_shared = _function_of(variable) != chosen.function
    if n_writes > 1 and (seen_inside or is_shared):
        return True
    seen_outside = [use for use in outside if _is_nested(use.function, chosen)]
    if is_written and any(not is_moved or _is_hoisted(use.function, chosen) for use in seen_outside):
        return True
    if any(use.is_written for use in seen_outside):  # a call in the statements may change it
        return True
    if is_moved:
        return False
    if is_written and _is_lost(variable, inside, outside, chosen):
        return True
    declared = min(use.start for use in outside if use.is_declared)
    return variable.kind in ("let", "const", "class") and declared > chosen.start


def _function_of(variable: Variable) -> tree_sitter.Node | None:
    return variable.scope if FUNCTION.search(variable.scope.type) else function_around(variable.scope)


def _setter(inside: Sequence[Use], chosen: _Chosen) -> tree_sitter.Node | None:
    """Return the statement that gives a variable its value before anything else is done with it."""
    node = next((node for node in chosen.nodes if _target(node) == inside[0].start), None)
    if node is None or sum(node.start_byte <= use.start < node.end_byte for use in inside) > 1:
        return None
    return node


def _is_nested(function: tree_sitter.Node | None, chosen: _Chosen) -> bool:
    """Whether a function is one inside of the variable's, rather than one around the statements."""
    return function is not None and not chosen.around(function)


def _is_hoisted(function: tree_sitter.Node | None, chosen: _Chosen) -> bool:
    """Whether a function outside may be called while the statements run."""
    while function is not None and not chosen.around(function):
        if function.start_byte < chosen.start or function.type.endswith("declaration"):
            return True
        function = function_around(function)
    return False


def _loop(variable: Variable, chosen: _Chosen) -> bool:
    """Whether the statements run again and again while there is one variable."""
    node: tree_sitter.Node | None = chosen.block
    while node is not None and node.id != variable.scope.id:
        if _LOOP.match(node.type):
            return True
        node = node.parent
    return False


def _is_lost(variable: Variable, inside: Sequence[Use], outside: Sequence[Use], chosen: _Chosen) -> bool:
    """Whether what was assigned before an error is looked at behind it, where it would be lost."""
    node: tree_sitter.Node | None = chosen.block
    while node is not None and node.id != variable.scope.id:
        around = node.parent
        if (
            around is not None
            and around.type == "try_statement"
            and around.child_by_field_name("body") == node
        ):
            written = [use.start for use in inside if use.is_written]
            if any(use.start > chosen.end for use in outside) or _loop(variable, chosen):
                return not (_is_plain(chosen.nodes[-1]) and written == [_target(chosen.nodes[-1])])
        node = around
    return False


def _is_plain(node: tree_sitter.Node) -> bool:
    """Whether a statement is `name = value`, with or without a word in front."""
    return _target(node) >= 0


def _target(node: tree_sitter.Node) -> int:
    """Return where the name of `name = value` stands, -1 for other statements."""
    inner = node.named_children[0] if node.named_child_count == 1 else None
    if inner is None:
        return -1
    name: tree_sitter.Node | None = None
    if node.type == "expression_statement" and inner.type == "assignment_expression":
        name = inner.child_by_field_name("left")
    elif inner.type == "variable_declarator" and inner.child_by_field_name("value") is not None:
        name = inner.child_by_field_name("name")
    return name.start_byte if name is not None and name.type == "identifier" else -1


def _is_set_first(variable: Variable, chosen: _Chosen, *, is_only_result: bool) -> bool:
    """Whether nothing of a variable need be passed: the first that is done with it is that it gets a value.

    Only where it is declared by that, or is all that comes back and need not be declared.
    """
    inside = _uses(variable, chosen)
    node = _setter(inside, chosen)
    if node is None:
        return False
    return inside[0].is_declared or (is_only_result and len(inside) == 1 and node == chosen.nodes[-1])


def _comes_back(variable: Variable, chosen: _Chosen) -> bool:
    """Whether a variable that the statements write is looked at afterwards."""
    outside = _rest(variable, chosen)
    if not any(use.is_written for use in _uses(variable, chosen)):
        return False
    return any(use.start >= chosen.end for use in outside) or (bool(outside) and _loop(variable, chosen))


# --- the new function -------------------------------------------------------------------------------


def _above(tree: Tree, anchor: tree_sitter.Node) -> int:
    """Return the line to stand in front of: the comments right above belong to what they stand above."""
    line, before = anchor.start_point[0], anchor.prev_named_sibling
    while before is not None and before.type == "comment" and before.end_point[0] == line - 1:
        if tree.data[before.start_byte - before.start_point[1] : before.start_byte].strip():
            break
        line, before = before.start_point[0], before.prev_named_sibling
    return line + 1


def _is_awaiting_loop(node: tree_sitter.Node) -> bool:
    return node.type == "for_in_statement" and any(child.type == "await" for child in node.children)


def _lines_in_strings(nodes: Iterable[tree_sitter.Node]) -> Iterator[int]:
    for node in (one for statement in nodes for one in walk(statement)):
        if node.type in ("template_string", "string", "jsx_text"):
            yield from range(node.start_point[0] + 2, node.end_point[0] + 2)


def _last_value_line(chosen: _Chosen, given: Sequence[Variable]) -> int:
    node = chosen.nodes[-1]
    target = _target(node)
    names = [use.start for use in given[0].uses] if len(given) == 1 else []
    is_typed = node.named_children[0].child_by_field_name("type") is not None
    return node.start_point[0] + 1 if target in names and not is_typed else 0


def _word(new: Sequence[Variable], chosen: _Chosen) -> str:
    """Return the word that declares what is new at the call."""
    if any(one.kind == "var" for one in new):
        return "var"
    written = [use for one in new for use in one.uses if use.is_written and not chosen.holds(use.start)]
    return ("let" if written else "const") if new else ""


def _is_guarded(chosen: _Chosen, given: Sequence[Variable], new: Sequence[Variable]) -> bool:
    """Whether the call begins with a bracket behind a statement that ends without a semicolon."""
    before = chosen.nodes[0].prev_named_sibling
    while before is not None and before.type == "comment":
        before = before.prev_named_sibling
    is_open = before is not None and not text_of(before).endswith(";")
    return len(given) > 1 and not new and is_open
