"""How hard code is to read, and how much it does in its loops: figures by which two versions compare.

Node types of all grammars are matched by their common words, as in `code`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import tree_sitter

from qwen_lsp.syntax.code import Source

_BRANCH = re.compile(
    r"^(if|while|for|foreach|do|switch|match|try|catch|except|guard|when|select|type_switch|expression_switch"
    r"|enhanced_for|for_in|for_of)_?(statement|expression|clause|block)?$"
)
_ELIF = re.compile(r"^(elif|elsif|else_if)_clause$")
_TERNARY = re.compile(r"^(ternary|conditional)_expression$")
_LOOP = re.compile(r"^(while|for|foreach|do|enhanced_for|for_in|for_of|loop)_(statement|expression)$")
_GENERATED = re.compile(r"comprehension$|^generator_expression$")
_CALL = re.compile(
    r"^(call|call_expression|method_invocation|invocation_expression|function_call|new_expression"
    r"|object_creation_expression)$"
)
_FUNCTION = re.compile(r"arrow_function|function_expression|lambda|func_literal|closure")
# So much longer a text may be that has fewer branches.
_GROWTH = 0.1


@dataclass(frozen=True, slots=True)
class Work:
    """Shape: `complexity` counts each branch once and once more for each that it stands in.

    `looped` counts each call once for each loop that it stands in, `loops` each loop statement likewise,
    `calls` the calls that no loop holds.
    """

    tokens: int
    complexity: int
    loops: int
    looped: int
    calls: int

    def is_simpler(self, before: Work) -> bool:
        """Whether this reads easier than what was there: fewer branches in hardly more text, or less."""
        if self.complexity < before.complexity:
            return self.tokens <= (1 + _GROWTH) * before.tokens
        return self.complexity == before.complexity and self.tokens < before.tokens

    def is_less(self, before: Work) -> bool:
        """Whether this does less: fewer calls or fewer statements in loops, or fewer calls at all."""
        if (self.loops, self.looped) != (before.loops, before.looped):
            is_hoisted = self.calls - before.calls <= before.looped - self.looped
            return self.loops <= before.loops and self.looped <= before.looped and is_hoisted
        return self.calls < before.calls


def of(source: Source) -> Work:
    """Measure a text."""
    complexity = loops = looped = calls = 0
    pending: list[tuple[tree_sitter.Node, int, int]] = [(source.tree.syntax.root_node, 0, 0)]
    while pending:
        node, depth, n_loops = pending.pop()
        if not node.is_named:  # `if` is also the name of its keyword
            complexity += node.type == "else"
            continue
        inner, inner_loops = depth, n_loops
        is_chained = bool(
            node.parent is not None
            and node.type == "if_statement"
            and (node.parent.type == "else_clause" or node.parent.child_by_field_name("alternative") == node)
        )
        if _ELIF.match(node.type):
            complexity += 1
        elif (_BRANCH.match(node.type) or _TERNARY.match(node.type)) and not is_chained:
            complexity += 1 + depth
            inner += 1
        if _LOOP.match(node.type):
            loops += 1 + n_loops
            inner_loops += 1
        elif _GENERATED.search(node.type):
            inner_loops += 1
        elif _CALL.match(node.type):
            looped += n_loops
            calls += not n_loops
        elif _FUNCTION.search(node.type) and n_loops == 0:
            inner_loops += 1  # mostly what a loop in the form of a call does
        pending += [(child, inner, inner_loops) for child in node.children]
    return Work(len(source.tokens()), complexity, loops, looped, calls)
