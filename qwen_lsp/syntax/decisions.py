"""What a function does under which conditions: a decision table, by which two versions compare.

A condition is a formula over atoms (comparisons, calls, names), taken to be independent: a doubt counts as a
difference. Statements that decide nothing are compared by their text; what a grammar writes in
another way gives no table. Node types are matched by their common words, as in `code`.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import tree_sitter

from qwen_lsp.syntax.code import Source

# 2 ** 10 rows of a table take some milliseconds; functions with more conditions are rare.
MAX_ATOMS = 10
_AND, _OR = {"&&", "and"}, {"||", "or"}
_COMPARING = {"==", "===", "!=", "!==", "<", ">", "<=", ">=", "is", "is not", "in", "not in"}
# How each comparison is written as the plain one of its kind, and whether that is its negation.
_PLAIN = {
    "!=": ("==", True),
    "!==": ("===", True),
    "is not": ("is", True),
    "not in": ("in", True),
    ">=": ("<", True),
    "<=": (">", True),
}
_SYMMETRIC = {"==", "===", "is"}
_BLOCK = re.compile(
    r"^(block|statement_block|compound_statement|function_body|statement_list|body_statement)$"
)
_IF = re.compile(r"^(if_statement|if_expression|elif_clause)$")
_ELSE = re.compile(r"^(else_clause|else)$")
_TERNARY = re.compile(r"^(ternary_expression|conditional_expression)$")
_LEAVES = re.compile(
    r"^(return_statement|return_expression|throw_statement|raise_statement|throw_expression)$"
)
_WRAPPER = re.compile(r"^(parenthesized_expression|condition_clause|expression_statement|parenthesized)$")

Row = Mapping[str, bool]
Formula = Callable[[Row], bool]


class _Unclear(Exception):
    """Raised where a piece of code is no decision that this module understands."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition: its atoms and its value in a row of them."""

    atoms: frozenset[str]
    holds: Formula

    def equals(self, other: Condition, *, negated: bool = False) -> bool:
        """Say whether both have the same truth table."""
        return all(self.holds(row) == (other.holds(row) != negated) for row in rows(self.atoms | other.atoms))


@dataclass(frozen=True, slots=True)
class Decisions:
    """Shape: `outcome(row)` is the statements that run, in order, the last of them being what is returned."""

    atoms: frozenset[str]
    conditions: tuple[Condition, ...]
    statements: tuple[str, ...]
    outcome: Callable[[Row], tuple[str, ...]]


def rows(atoms: frozenset[str]) -> Iterator[Row]:
    """Yield every assignment of truth to the atoms; none at all above MAX_ATOMS."""
    names = sorted(atoms)
    if len(names) <= MAX_ATOMS:
        for values in itertools.product((False, True), repeat=len(names)):
            yield dict(zip(names, values, strict=True))


def of(source: Source) -> Decisions | None:
    """Return the decisions of the first function of a text; None where they are unclear."""
    node = next((one for one in source.functions() if one.child_by_field_name("body") is not None), None)
    body = node.child_by_field_name("body") if node is not None else None
    if body is None:
        return None
    reader = _Reader()
    try:
        run = reader.block(body)
    except (_Unclear, RecursionError):
        return None
    if len(reader.atoms) > MAX_ATOMS:
        return None

    def outcome(row: Row) -> tuple[str, ...]:
        trace: list[str] = []
        run(row, trace)
        return tuple(trace)

    return Decisions(frozenset(reader.atoms), tuple(reader.conditions), tuple(reader.statements), outcome)


def words(source: Source) -> set[str]:
    """Return the words of all conditions of a text, those in loops and in functions inside it, too.

    How often a loop with a counter runs is no such condition.
    """
    found: set[str] = set()
    pending = [source.tree.syntax.root_node]
    while pending:
        node = pending.pop()
        pending += node.named_children
        condition = node.child_by_field_name("condition")
        if condition is not None and not node.type.startswith("for"):
            found |= set(re.findall(r"[^\W\d]\w*", re.sub(r"(['\"]).*?\1", "", _normal(condition))))
    return found


# Runs a piece of code on a row: appends to the trace, and says whether the function has been left.
_Run = Callable[[Row, list[str]], bool]


class _Reader:
    """Turns syntax into functions over rows, and keeps what it meets on the way."""

    def __init__(self) -> None:
        self.atoms: set[str] = set()
        self.conditions: list[Condition] = []
        self.statements: list[str] = []

    def block(self, node: tree_sitter.Node) -> _Run:
        if not _BLOCK.match(node.type):
            return self.statement(node)
        parts = [self.statement(child) for child in node.named_children if "comment" not in child.type]

        def run(row: Row, trace: list[str]) -> bool:
            return any(part(row, trace) for part in parts)

        return run

    def statement(self, node: tree_sitter.Node) -> _Run:
        if (
            _WRAPPER.match(node.type)
            and node.named_child_count == 1
            and _IF.match(node.named_children[0].type)
        ):
            node = node.named_children[0]
        if _BLOCK.match(node.type):
            return self.block(node)
        if _IF.match(node.type):
            return self.branch(node)
        if _LEAVES.match(node.type):
            return self.leave(node)
        text = _normal(node)
        self.statements.append(text)

        def run(row: Row, trace: list[str]) -> bool:
            trace.append(text)
            return False

        return run

    def branch(self, node: tree_sitter.Node) -> _Run:
        condition, yes = node.child_by_field_name("condition"), node.child_by_field_name("consequence")
        if condition is None or yes is None or node.child_by_field_name("initializer") is not None:
            raise _Unclear
        holds = self.condition(condition)
        then = self.block(yes)
        others = node.children_by_field_name("alternative")
        otherwise = self.alternative(others)

        def run(row: Row, trace: list[str]) -> bool:
            return then(row, trace) if holds(row) else otherwise(row, trace)

        return run

    def alternative(self, nodes: list[tree_sitter.Node]) -> _Run:
        """Read what comes after `else`; in Python a list of `elif` and `else`."""
        if not nodes:
            return lambda row, trace: False
        node = nodes[0]
        if node.type == "elif_clause":
            holds = self.condition(_field(node, "condition"))
            then, rest = self.block(_field(node, "consequence")), self.alternative(nodes[1:])
            return lambda row, trace: then(row, trace) if holds(row) else rest(row, trace)
        if _ELSE.match(node.type):
            if not node.named_children:
                raise _Unclear
            return self.block(node.child_by_field_name("body") or node.named_children[-1])
        return self.block(node)

    def leave(self, node: tree_sitter.Node) -> _Run:
        value = node.named_children[0] if node.named_child_count == 1 else None
        while value is not None and _WRAPPER.match(value.type) and value.named_child_count == 1:
            value = value.named_children[0]
        if value is not None and _TERNARY.match(value.type):
            return self.ternary(node, value)
        if value is not None and _is_truth(value):
            holds = self.formula(value)
            return _leaving(lambda row: f"return {str(holds(row)).lower()}")
        text = _normal(node).rstrip(";").strip()
        text = text.lower() if text.split()[-1:] in (["True"], ["False"]) else text
        self.statements.append(text)
        return _leaving(lambda row: text)

    def ternary(self, node: tree_sitter.Node, value: tree_sitter.Node) -> _Run:
        parts = [child for child in value.named_children if "comment" not in child.type]
        if len(parts) != 3:
            raise _Unclear
        is_python = any(child.type == "if" for child in value.children)
        yes, condition, no = parts if is_python else (parts[1], parts[0], parts[2])
        holds = self.condition(condition)
        word = _normal(node).split()[0]
        texts = [f"{word} {_normal(one)}" for one in (yes, no)]
        self.statements += texts

        return _leaving(lambda row: texts[0] if holds(row) else texts[1])

    def condition(self, node: tree_sitter.Node) -> Formula:
        own: set[str] = set()
        before, self.atoms = self.atoms, own
        try:
            holds = self.formula(node)
        finally:
            self.atoms = before | own
        self.conditions.append(Condition(frozenset(own), holds))
        return holds

    def formula(self, node: tree_sitter.Node) -> Formula:
        while _WRAPPER.match(node.type) and node.named_child_count == 1:
            node = node.named_children[0]
        operator = _operator(node)
        operands = [child for child in node.named_children if "comment" not in child.type]
        if operator in _AND | _OR and len(operands) == 2:
            left, right = self.formula(operands[0]), self.formula(operands[1])
            if operator in _AND:
                return lambda row: left(row) and right(row)
            return lambda row: left(row) or right(row)
        if operator in ("!", "not") and len(operands) == 1:
            inner = self.formula(operands[0])
            return lambda row: not inner(row)
        if node.type in ("true", "false"):
            return lambda row, value=node.type == "true": value  # type: ignore[misc]
        if operator in _COMPARING and len(operands) == 2:
            plain, is_negated = _PLAIN.get(operator, (operator, False))
            sides = [_normal(operands[0]), _normal(operands[1])]
            sides = sorted(sides) if plain in _SYMMETRIC else sides
            if plain == ">":  # `a > b` is `b < a`
                plain, sides = "<", sides[::-1]
            return self.atom(f"{sides[0]} {plain} {sides[1]}", is_negated=is_negated)
        return self.atom(_normal(node))

    def atom(self, text: str, *, is_negated: bool = False) -> Formula:
        self.atoms.add(text)
        return lambda row: row[text] != is_negated


def _leaving(outcome: Callable[[Row], str]) -> _Run:
    """Return what ends a function with a statement."""

    def run(row: Row, trace: list[str]) -> bool:
        trace.append(outcome(row))
        return True

    return run


def _is_truth(node: tree_sitter.Node) -> bool:
    """Say whether an expression has a truth value and no other, as comparisons and negations have."""
    while _WRAPPER.match(node.type) and node.named_child_count == 1:
        node = node.named_children[0]
    operator = _operator(node)
    if operator in _AND | _OR:
        return all(_is_truth(child) for child in node.named_children if "comment" not in child.type)
    return operator in _COMPARING or operator in ("!", "not")


def _operator(node: tree_sitter.Node) -> str:
    """Return the operator of an expression; "" for what has none, or several as in `a < b < c`."""
    if not re.search(r"binary|boolean|comparison|unary|not_operator|logical|prefix", node.type):
        return ""
    found = [child.type for child in node.children if not child.is_named]
    return found[0] if len(found) == 1 else " ".join(found) if found in (["is", "not"], ["not", "in"]) else ""


def _field(node: tree_sitter.Node, name: str) -> tree_sitter.Node:
    found = node.child_by_field_name(name)
    if found is None:
        raise _Unclear
    return found


def _normal(node: tree_sitter.Node) -> str:
    """Return the tokens of a piece of code, so that white space and comments do not count."""
    found: list[str] = []
    pending = [node]
    while pending:
        one = pending.pop()
        if "comment" in one.type:
            continue
        if one.child_count == 0 or "string" in one.type:
            found.append((one.text or b"").decode("utf-8", "replace"))
        else:
            pending += reversed(one.children)
    return " ".join(found).strip(" ;")
