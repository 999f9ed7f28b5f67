"""The condition under which a function does anything at all: documentation that leaves it out is wrong.

Known are a body that is one `if`, and one that begins with an `if` that only leaves. Node types of all
grammars are matched by their common words, as in `code`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import tree_sitter

from qwen_lsp.syntax import contract
from qwen_lsp.syntax.code import Definition, Source

_LEAVES = re.compile(r"\{?\s*return\s*(None|nil|undefined)?\s*;?\s*\}?")
_ENDS = re.compile(r"\{?\s*(raise|throw|panic|return)\b")


@dataclass(frozen=True, slots=True)
class Guard:
    """A condition as it stands in the code; `is_needed`: without it nothing is done, else with it nothing."""

    condition: str
    is_needed: bool


def of(source: Source, definition: Definition) -> Guard | None:
    """Return the condition that guards the whole of a function that gives nothing back."""
    body = contract.body_of(source, definition)
    statements = list(_statements(body)) if body is not None else []
    promise = contract.of(source, definition)
    if not statements or promise is None or promise.has_result:
        return None
    first = statements[0]
    condition, yes = first.child_by_field_name("condition"), first.child_by_field_name("consequence")
    has_more = any(first.child_by_field_name(field) for field in ("alternative", "initializer"))
    if not first.type.startswith("if_") or condition is None or yes is None or has_more:
        return None
    while condition.type == "parenthesized_expression" and condition.named_child_count == 1:
        condition = condition.named_children[0]
    said, inside = " ".join(_text(condition).split()), _text(yes).strip()
    if len(statements) > 1:
        return Guard(said, is_needed=False) if _LEAVES.fullmatch(inside) else None
    return None if _ENDS.match(inside) else Guard(said, is_needed=True)


def _statements(body: tree_sitter.Node) -> Iterator[tree_sitter.Node]:
    for child in body.named_children:
        if child.type == "statement_list":
            yield from _statements(child)
        elif "comment" in child.type or (
            child.type == "expression_statement" and [one.type for one in child.named_children] == ["string"]
        ):
            continue
        else:
            yield child


def _text(node: tree_sitter.Node) -> str:
    return (node.text or b"").decode("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class Exit:
    """How a function leaves at once: on `condition`, with what it `returns` or an `error` that it throws."""

    condition: str
    returns: tuple[str, ...]
    error: str = ""


def first_exit(source: Source, definition: Definition) -> Exit | None:
    """Return how a function leaves in its very first statement, before anything else is done."""
    body = contract.body_of(source, definition)
    statements = list(_statements(body)) if body is not None else []
    if not statements or not statements[0].type.startswith("if_"):
        return None
    first = statements[0]
    condition, yes = first.child_by_field_name("condition"), first.child_by_field_name("consequence")
    if condition is None or yes is None or first.child_by_field_name("initializer") is not None:
        return None
    while condition.type == "parenthesized_expression" and condition.named_child_count == 1:
        condition = condition.named_children[0]
    inside = [yes] if yes.type.endswith("_statement") else list(_statements(yes))
    if len(inside) == 1 and inside[0].type == "statement_block":
        inside = list(_statements(inside[0]))
    if len(inside) != 1:
        return None
    said = " ".join(_text(condition).split())
    thrown = re.match(r"throw\s+new\s+([\w.]+)\s*\(", _text(inside[0]))
    if thrown is not None:
        return Exit(said, (), thrown[1])
    if inside[0].type != "return_statement":
        return None
    given = [one for one in inside[0].named_children if "comment" not in one.type]
    if len(given) == 1 and given[0].type == "expression_list":
        given = given[0].named_children
    return Exit(said, tuple(_text(one) for one in given))
