"""Whether two texts mean the same to whoever runs them: their syntax trees in a form that leaves out style.

Left out: white space, parentheses, comments, texts for people (strings without code in them), annotations of
types, the order of what commutes, of keyword arguments and of the sides of a comparison, `a += b` for
`a = a + b`, and the ways to ask whether something is empty or absent. It errs towards "the same": who asks
wants to be sure of a difference. Nodes stay in here.
"""

from __future__ import annotations

import tree_sitter

from qwen_lsp.syntax.languages import Language
from qwen_lsp.syntax.tree import parse

_FLIPPED = {">": "<", ">=": "<="}
_COMMUTING = {"==", "!=", "===", "!==", "and", "or", "&&", "||", "&", "|", "^", "*"}
_OPERATIONS = ("binary", "comparison", "boolean_operator")
_SILENT = {",", ";", "(", ")", "pass"}
_LOOSE = {"===": "==", "!==": "!=", "is": "==", "is not": "!="}
_ABSENT = {"None", "null", "nil", "undefined"}
_STRING = "<text>"
# Deeper trees are data, not decisions; and each level is a call in here.
_MAX_DEPTH = 150


def same_meaning(one: str, other: str, language: Language | None) -> bool:
    """Tell whether two texts mean the same. Without a grammar: whether they differ in white space only."""
    first, second = parse(one, language), parse(other, language)
    if first is None or second is None:
        return one.split() == other.split()
    return _form(first.syntax.root_node, 0) == _form(second.syntax.root_node, 0)


def _form(node: tree_sitter.Node, depth: int) -> str:
    """Write a node without its style."""
    kind = node.type
    if "comment" in kind or kind in ("type", "type_annotation"):
        return ""
    if depth > _MAX_DEPTH or node.child_count == 0:
        return _STRING if "string" in kind or kind == "heredoc_body" else _text(node)
    if kind == "string" or kind.endswith(("_string", "string_literal", "template_string")):
        code = [_form(child, depth + 1) for child in node.named_children if _is_code_in_text(child)]
        return f"{_STRING}{''.join(code)}"
    if kind in ("concatenated_string",):
        parts = [_form(child, depth + 1) for child in node.named_children]
        return _STRING + "".join(part.removeprefix(_STRING) for part in parts)
    if kind == "parenthesized_expression" and node.named_child_count == 1:
        return _form(node.named_children[0], depth + 1)
    parts = [_form(child, depth + 1) for child in node.children]
    if kind.startswith(_OPERATIONS) and len(parts) == 3:
        return _operation(*parts)
    if kind.startswith("augmented_assignment") and len(parts) == 3:
        return f"({parts[0]} = {_operation(parts[0], parts[1].removesuffix('='), parts[2])})"
    if kind in ("argument_list", "arguments"):
        parts = [part for part in parts if part not in _SILENT]
        named = sorted(
            part
            for part, child in zip(parts, node.named_children, strict=False)
            if child.type == "keyword_argument"
        )
        return f"({' '.join([part for part in parts if part not in named] + named)})"
    if kind in ("call", "call_expression") and len(parts) == 2 and parts[0] == "range":
        return f"(range {parts[1].replace('(0 ', '(', 1)})"
    kept = [part for part in parts if part and part not in _SILENT]
    if kind == "assignment":  # the colon before its type
        kept = [part for part in kept if part != ":"]
    return kept[0] if len(kept) == 1 else f"({' '.join(kept)})"


def _is_code_in_text(node: tree_sitter.Node) -> bool:
    return node.type in ("interpolation", "template_substitution")


def _operation(left: str, operator: str, right: str) -> str:
    operator = _LOOSE.get(operator, operator)
    if operator in _FLIPPED:
        left, operator, right = right, _FLIPPED[operator], left
    if operator in ("==", "!=") and (right in _ABSENT or left in _ABSENT):
        value = left if right in _ABSENT else right
        return value if operator == "!=" else f"(not {value})"
    if (emptiness := _emptiness(left, operator, right)) is not None:
        return emptiness
    is_number = left.isdigit() or right.isdigit()
    if operator in _COMMUTING or (operator == "+" and is_number):
        left, right = sorted((left, right))
    return f"({left} {operator} {right})"


def _emptiness(left: str, operator: str, right: str) -> str | None:
    """Read `len(x) == 0`, `0 < len(x)` and their like as `not x` and `x`; None where it is none of them."""
    measured = [side[5:-1].strip("()") for side in (left, right) if side.startswith("(len (")]
    if len(measured) != 1:
        return None
    number = right if left.startswith("(len (") else left
    if (operator, number) == ("==", "0"):
        return f"(not {measured[0]})"
    is_some = (operator, number) in (("!=", "0"), ("<", "0"))
    return measured[0] if is_some and (operator == "!=" or number == left) else None


def _text(node: tree_sitter.Node) -> str:
    return (node.text or b"").decode("utf-8", "replace")
