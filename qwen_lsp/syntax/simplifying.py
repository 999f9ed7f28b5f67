"""Rewrites that are certain: the same in fewer words, for the languages with braces.

`step` makes one rewrite of a piece of code, so that the next sees what it left. A rewrite that would lose a
comment, or move a name to where another one is called so, is not made.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import tree_sitter

from qwen_lsp.syntax.code import Source
from qwen_lsp.text import Edit, Span

LANGUAGES = {"javascript", "typescript", "typescriptreact", "java", "go", "csharp"}
# There, what stands in a condition is `true` or `false` and nothing else.
_STRICT = {"java", "go", "csharp"}
_BLOCKS = {"block", "statement_block", "statement_list", "constructor_body"}
_LEAVES = {
    *("return_statement", "throw_statement", "continue_statement", "break_statement"),
    *("goto_statement", "throw_expression"),
}
_DECLARES = re.compile(r"declarat|short_var|function|class")
_NAME = re.compile(r"(^|_)identifier$")
_TRUTH = re.compile(r"==|!=|<|>|===|!==|<=|>=|!|instanceof|in|is")

Node = tree_sitter.Node


def step(source: Source, within: Span) -> Edit | None:
    """Return the first rewrite that there is within a span; None where there is none."""
    if source.language.id not in LANGUAGES:
        return None
    tree = source.tree
    for node in _walk(tree.syntax.root_node):
        if tree.offset(node.end_byte) <= within.start or tree.offset(node.start_byte) >= within.end:
            continue
        for rewrite in _REWRITES:
            edit = rewrite(source, node)
            if edit is not None and within.start <= edit.span.start and edit.span.end <= within.end:
                return edit
    return None


def _walk(root: Node) -> Iterator[Node]:
    pending = [root]
    while pending:
        node = pending.pop()
        yield node
        pending += reversed(node.named_children)


def _text(node: Node) -> str:
    return (node.text or b"").decode("utf-8", "replace")


def _edit(source: Source, start: int, end: int, text: str) -> Edit:
    return Edit(Span(source.tree.offset(start), source.tree.offset(end)), text)


def _has_comment(nodes: list[Node]) -> bool:
    return any("comment" in one.type for node in nodes for one in _walk(node))


def _statements(block: Node) -> list[Node]:
    """Return the statements of a block; Go has a list between."""
    inner = block.named_children
    if len(inner) == 1 and inner[0].type == "statement_list":
        inner = inner[0].named_children
    return [one for one in inner if "comment" not in one.type]


def _parts(node: Node) -> tuple[Node, Node, Node | None] | None:
    """Return the parts of an `if` that is a statement among others."""
    parent = node.parent
    return _branches(node) if parent is not None and parent.type in _BLOCKS else None


def _branches(node: Node) -> tuple[Node, Node, Node | None] | None:
    """Return condition, consequence and what follows `else`; None for what declares something first."""
    if node.type != "if_statement" or node.child_by_field_name("initializer") is not None:
        return None
    condition, yes = node.child_by_field_name("condition"), node.child_by_field_name("consequence")
    if condition is None or yes is None:
        return None
    no = node.child_by_field_name("alternative")
    if no is not None and no.type == "else_clause":
        no = no.named_children[-1] if no.named_children else None
    return condition, yes, no


def _leaves(block: Node) -> bool:
    """Whether nothing behind a block is reached through it."""
    if block.type not in _BLOCKS:
        return block.type in _LEAVES
    inner = _statements(block)
    return bool(inner) and inner[-1].type in _LEAVES


def _indent(source: Source, node: Node) -> str:
    at = source.tree.offset(node.start_byte)
    line = source.text[source.text.rfind("\n", 0, at) + 1 : at]
    return line[: len(line) - len(line.lstrip())]


def _between(source: Source, block: Node) -> str:
    """Return what stands between the braces of a block."""
    tree = source.tree
    return source.text[tree.offset(block.start_byte) + 1 : tree.offset(block.end_byte) - 1]


def _shifted(source: Source, block: Node, indent: str) -> str | None:
    """Return the inside of a block at another indentation; None where its lines allow none."""
    inner = _between(source, block).strip("\r\n").rstrip()
    lines = inner.split("\n")
    if "\n" not in _between(source, block) or any(_is_many_lines(one) for one in _walk(block)):
        return None
    own = lines[0][: len(lines[0]) - len(lines[0].lstrip())]
    if any(line.strip() and not line.startswith(own) for line in lines):
        return None
    return "\n".join(f"{indent}{line[len(own) :]}" if line.strip() else line.strip(" \t") for line in lines)


def _is_many_lines(node: Node) -> bool:
    """Whether a text of several lines would change with its indentation."""
    is_text = re.search(r"template_string|raw_string|text_block|verbatim|string_literal", node.type)
    return is_text is not None and b"\n" in (node.text or b"")


def _else_after_leaving(source: Source, node: Node) -> Edit | None:
    """Take away the last `else` of a chain whose every other branch ends with `return`."""
    parts = _parts(node)
    while parts is not None and parts[2] is not None and _leaves(parts[1]):
        _, yes, no = parts
        assert no is not None
        between = source.tree.data[yes.end_byte : no.start_byte].decode("utf-8", "replace")
        if re.sub(r"\s", "", between) != "else":
            return None  # a comment
        if no.type == "if_statement":
            parts = _branches(no)
            continue
        shifted = _shifted(source, no, _indent(source, node)) if no.type in _BLOCKS else None
        if not shifted or not _may_move(node, no):
            return None
        ending = "\r\n" if "\r\n" in source.text else "\n"
        return _edit(source, yes.end_byte, no.end_byte, f"{ending}{shifted}")
    return None


def _may_move(node: Node, block: Node) -> bool:
    """Whether what a block declares may be declared outside of it: nothing else there is called so."""
    declared = {
        _text(name)
        for statement in _statements(block)
        for one in _walk(statement)
        if _DECLARES.search(one.type)
        for field in ("name", "left")
        for bound in one.children_by_field_name(field)
        for name in _walk(bound)
        if _NAME.search(name.type)
    }
    around = node.parent
    while around is not None and around.type in _BLOCKS and around.parent is not None:
        around = around.parent
    outside = {
        _text(one)
        for one in _walk(around if around is not None else node)
        if _NAME.search(one.type) and not block.start_byte <= one.start_byte < block.end_byte
    }
    return not declared & outside


def _returned_truth(source: Source, node: Node) -> Edit | None:
    """Return a condition instead of `true` where it holds and `false` where it does not."""
    parts = _parts(node)
    if parts is None or not _is_true_or_false(parts[1]):
        return None
    condition, yes, no = parts
    after = node.next_named_sibling if no is None else no
    if after is None or not _is_true_or_false(after) or _value(yes) == _value(after):
        return None
    end = node if no is not None else after
    if _has_comment([yes, after]) or not (source.language.id in _STRICT or _is_truth(condition)):
        return None
    if no is None and source.tree.data[node.end_byte : after.start_byte].strip():
        return None  # a comment between the two
    text = _text(condition)
    if condition.type == "parenthesized_expression":
        text = text[1:-1].strip()
    if _value(yes) == "false":
        text = _negated(condition, text)
    statement = yes if yes.type == "return_statement" else _statements(yes)[0]
    mark = ";" if _text(statement).endswith(";") else ""
    return _edit(source, node.start_byte, end.end_byte, f"return {text}{mark}")


def _negated(condition: Node, text: str) -> str:
    inner = condition.named_children[0] if condition.type == "parenthesized_expression" else condition
    operator = _operator(inner)
    opposite = {"==": "!=", "!=": "==", "===": "!==", "!==": "==="}.get(operator)
    if opposite is not None:
        left, right = (inner.child_by_field_name(side) for side in ("left", "right"))
        if left is not None and right is not None:
            return f"{_text(left)} {opposite} {_text(right)}"
    if operator == "!" and inner.named_children:
        return _text(inner.named_children[-1])
    is_plain = re.fullmatch(r"[\w.$]+(\([^()]*\))?", text) is not None
    return f"!{text}" if is_plain else f"!({text})"


def _is_true_or_false(node: Node) -> bool:
    return _value(node) in ("true", "false")


def _value(node: Node) -> str:
    """Return what a block or a statement returns, where it does nothing else."""
    if node.type in _BLOCKS:
        inner = _statements(node)
        return _value(inner[0]) if len(inner) == 1 and not _has_comment([node]) else ""
    if node.type != "return_statement":
        return ""
    return re.sub(r"^return\b\s*|\s*;$", "", _text(node))


def _operator(node: Node) -> str:
    found = [child.type for child in node.children if not child.is_named]
    return found[0] if len(found) == 1 and re.search(r"binary|unary|prefix", node.type) else ""


def _is_truth(condition: Node) -> bool:
    """Whether a condition has a truth value and no other."""
    node = condition
    while node.type == "parenthesized_expression" and node.named_child_count == 1:
        node = node.named_children[0]
    operator = _operator(node)
    if operator in ("&&", "||"):
        return all(_is_truth(child) for child in node.named_children)
    return bool(operator and _TRUTH.fullmatch(operator)) or node.type == "instanceof_expression"


def _nested(source: Source, node: Node) -> Edit | None:
    """Make one `if` of two that stand in one another."""
    parts = _parts(node)
    if parts is None or parts[2] is not None or parts[1].type not in _BLOCKS:
        return None
    inner = _statements(parts[1])
    if len(inner) != 1 or (inside := _parts(inner[0])) is None or inside[2] is not None:
        return None
    if _has_comment([child for child in parts[1].named_children if child != inner[0]]):
        return None
    is_block = inside[1].type in _BLOCKS
    body = _shifted(source, inside[1], _deeper(source, node, inside[1])) if is_block else None
    outer_inside = source.tree.data[parts[1].start_byte + 1 : inner[0].start_byte]
    if body is None or outer_inside.strip():
        return None
    conditions = [_joined(one) for one in (parts[0], inside[0])]
    joined = " && ".join(conditions)
    opened = f"if {joined} {{" if source.language.id == "go" else f"if ({joined}) {{"
    ending = "\r\n" if "\r\n" in source.text else "\n"
    text = f"{opened}{ending}{body}{ending}{_indent(source, node)}}}"
    return _edit(source, node.start_byte, node.end_byte, text)


def _deeper(source: Source, node: Node, block: Node) -> str:
    """Return the indentation of what stands one step deeper than a node."""
    own, inner = _indent(source, node), _between(source, block).strip("\r\n")
    there = inner[: len(inner) - len(inner.lstrip())]
    step_size = (len(there) - len(own)) // 2
    return there[: len(own) + step_size]


def _joined(condition: Node) -> str:
    """Return a condition as one side of `&&`."""
    node = condition
    while node.type == "parenthesized_expression" and node.named_child_count == 1:
        node = node.named_children[0]
    is_loose = _operator(node) in ("||", "??") or re.search(r"ternary|conditional|assignment", node.type)
    return f"({_text(node)})" if is_loose else _text(node)


def _last_return(source: Source, node: Node) -> Edit | None:
    """Take away `return` without a value at the end of a function."""
    if node.type != "return_statement" or _value(node) or node.parent is None:
        return None
    block = node.parent if node.parent.type != "statement_list" else node.parent.parent
    if block is None or block.parent is None or block.parent.child_by_field_name("body") != block:
        return None
    is_function = re.search(r"function|method|constructor|func_literal", block.parent.type)
    inner = _statements(block)
    if not is_function or len(inner) < 2 or inner[-1] != node:
        return None
    rest = source.tree.data[node.end_byte : block.end_byte - 1].strip()
    start = inner[-2].end_byte
    between = source.tree.data[start : node.start_byte]
    if rest or between.strip():
        return None
    return _edit(source, start, node.end_byte, "")


def _named_result(source: Source, node: Node) -> Edit | None:
    """Return a value directly that is only given a name to be returned; where types stand, it stays."""
    if node.type not in ("lexical_declaration", "variable_declaration") or node.named_child_count != 1:
        return None
    after, one = node.next_named_sibling, node.named_children[0]
    name, value = one.child_by_field_name("name"), one.child_by_field_name("value")
    if after is None or after.type != "return_statement" or name is None or value is None:
        return None
    is_typed = one.child_by_field_name("type") is not None
    if b"\n" in (value.text or b""):  # a longer one may well have a name
        return None
    if is_typed or name.type != "identifier" or _value(after) != _text(name) or node.parent is None:
        return None
    if source.tree.data[node.end_byte : after.start_byte].strip() or _has_comment([node]):
        return None
    uses = [one for one in _walk(node.parent) if _NAME.search(one.type) and _text(one) == _text(name)]
    if len(uses) != 2:
        return None
    mark = ";" if _text(after).endswith(";") else ""
    return _edit(source, node.start_byte, after.end_byte, f"return {_text(value)}{mark}")


_REWRITES: tuple[Callable[[Source, Node], Edit | None], ...] = (
    _returned_truth,
    _else_after_leaving,
    _nested,
    _last_return,
    _named_result,
)
