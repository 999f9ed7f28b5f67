"""Run tree-sitter queries over a text and return what they captured, as values.

Besides tree-sitter's own predicates (`#eq?`, `#match?`, `#any-of?` and their `not-` forms) a query may use
those of PREDICATES, which ask about places and about values; each has a `not-` form too. Nodes and bytes
stay in here.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from typing import Literal

import tree_sitter

from qwen_lsp.syntax.expressions import FUNCTIONS, Expressions, enclosing, is_async, unwrapped
from qwen_lsp.syntax.languages import Language, grammar
from qwen_lsp.syntax.tree import Tree, parse
from qwen_lsp.text import Span

Node = tree_sitter.Node

# Matches under way at a time; beyond it the oldest are given up, so that no file takes for ever.
_MATCH_LIMIT = 4_096


@dataclass(frozen=True, slots=True)
class Capture:
    """What one name of a query stands for: the first node that it captured."""

    span: Span
    text: str


Match = Mapping[str, Capture]


@cache
def _query(language: Language, sources: tuple[str, ...]) -> tuple[tree_sitter.Query, list[int]] | None:
    """Compile queries into one, which costs one walk over a tree; and say where the patterns of each end."""
    loaded = grammar(language)
    if loaded is None:
        return None
    query: tree_sitter.Query = tree_sitter.Query(loaded, "\n".join(sources))
    ends = list(accumulate(len(source.encode()) + 1 for source in sources))
    starts = [query.start_byte_for_pattern(number) for number in range(query.pattern_count)]
    return query, [bisect_left(starts, end) for end in ends]


def check(language: Language, source: str) -> None:
    """Raise ValueError when a query does not fit the grammar, or asks for a predicate that is not there."""
    try:
        _query(language, (source,))
    except tree_sitter.QueryError as error:
        raise ValueError(f"{language.id}: {error}") from error
    known = {*PREDICATES, *("eq", "match", "any-of", "any-eq", "any-match", "is", "set")}
    for name in re.findall(r"\(#([\w-]+)[?!]", source):
        plain = name.removeprefix("not-").removeprefix("any-") if name not in known else name
        if plain not in known:
            raise ValueError(f"{language.id}: no predicate {name}")


class Matcher:
    """The queries of one text; answers about values are shared between them."""

    def __init__(self, text: str, language: Language) -> None:
        # Without a deadline: predicates on the text of a node that was parsed with one crash the process
        # (tree-sitter 0.26.1 asks the reader for the text, and does not look at what comes back).
        self._tree = parse(text, language)
        self._expressions = Expressions(self._tree.data if self._tree else b"")

    def find(
        self, sources: tuple[str, ...], within: Sequence[Span] | None = None
    ) -> Iterator[tuple[int, Match]]:
        """Yield what queries match in the spans, everywhere by default: number of the query, match."""
        tree = self._tree
        if tree is None or (compiled := _query(tree.language, sources)) is None:
            return
        query, ends = compiled
        for span in within if within is not None else [Span(0, len(tree.text))]:
            cursor = tree_sitter.QueryCursor(query, match_limit=_MATCH_LIMIT)
            cursor.set_byte_range(tree.byte(span.start), tree.byte(span.end))
            for pattern, captures in cursor.matches(tree.syntax.root_node, self._holds):
                match = {name: _capture(tree, nodes[0]) for name, nodes in captures.items() if nodes}
                yield bisect_right(ends, pattern), match

    def _holds(
        self,
        predicate: str,
        args: list[tuple[str, Literal["capture", "string"]]],
        pattern_index: int,
        captures: dict[str, list[Node]],
    ) -> bool:
        plain = predicate.rstrip("?")
        is_negated = plain.startswith("not-")
        nodes = [node for text, kind in args if kind == "capture" for node in captures.get(text, ())]
        words = [text for text, kind in args if kind == "string"]
        if not nodes:
            return is_negated
        return PREDICATES[plain.removeprefix("not-")](self._expressions, nodes, words) != is_negated


def _capture(tree: Tree, node: Node) -> Capture:
    span = Span(tree.offset(node.start_byte), tree.offset(node.end_byte))
    return Capture(span, tree.text[span.start : span.end])


Predicate = Callable[[Expressions, Sequence[Node], Sequence[str]], bool]


def _inside(_: Expressions, nodes: Sequence[Node], kinds: Sequence[str]) -> bool:
    """An ancestor is of one of the kinds, within the same function."""
    node = nodes[0].parent
    while node is not None:
        if node.type in kinds:
            return True
        if node.type in FUNCTIONS:
            return False
        node = node.parent
    return False


def _under(expressions: Expressions, nodes: Sequence[Node], words: Sequence[str]) -> bool:
    """The nearest ancestor of the first kind has a text that matches the expression."""
    holder = enclosing(nodes[0].parent, {words[0]})
    return holder is not None and bool(re.search(words[1], expressions.text(holder)))


def _has(_: Expressions, nodes: Sequence[Node], kinds: Sequence[str]) -> bool:
    """A node of one of the kinds stands somewhere inside."""
    pending = list(nodes[0].children)
    while pending:
        node = pending.pop()
        if node.type in kinds:
            return True
        pending.extend(node.children)
    return False


def _says(expressions: Expressions, nodes: Sequence[Node], words: Sequence[str]) -> bool:
    """The literal parts of a text, names followed, match an expression."""
    return bool(re.search(words[0], expressions.literal_text(nodes[0])))


def _comes_from(expressions: Expressions, nodes: Sequence[Node], words: Sequence[str]) -> bool:
    """The value, or what was assigned to the name, matches an expression."""
    sources = [nodes[0], *expressions.bindings(nodes[0])]
    return any(re.search(words[0], expressions.text(source)) for source in sources)


def _in_async(_: Expressions, nodes: Sequence[Node], __: Sequence[str]) -> bool:
    function = enclosing(nodes[0].parent, FUNCTIONS)
    return function is not None and is_async(function)


def _defined_async(expressions: Expressions, nodes: Sequence[Node], _: Sequence[str]) -> bool:
    """Every function of that name in this file is asynchronous."""
    root = nodes[0]
    while root.parent is not None:
        root = root.parent
    return expressions.is_async_function(expressions.text(nodes[0]), root) is True


def _repeated(expressions: Expressions, nodes: Sequence[Node], _: Sequence[str]) -> bool:
    """A node before it under the same parent, the same part of it, has the same text."""
    node = nodes[0]
    entry = node.parent
    if entry is None or entry.parent is None:
        return False
    text = expressions.text(node)
    for sibling in entry.parent.named_children:
        if sibling.start_byte >= entry.start_byte:
            return False
        key = sibling.child_by_field_name("key")
        if sibling.type == entry.type and key is not None and expressions.text(key) == text:
            return True
    return False


def _same(expressions: Expressions, nodes: Sequence[Node], _: Sequence[str]) -> bool:
    """The texts are equal but for white space, and nothing in them is called."""
    texts = {re.sub(r"\s+", "", expressions.text(unwrapped(node))) for node in nodes}
    return len(texts) == 1 and "(" not in texts.pop()


def _mentioned(expressions: Expressions, nodes: Sequence[Node], words: Sequence[str]) -> bool:
    """Elsewhere in the enclosing function the name stands in one of the given phrases (`%` is the name)."""
    scope = enclosing(nodes[0].parent, FUNCTIONS | {"module", "program", "source_file"})
    if scope is None:
        return False
    name, text = re.escape(expressions.text(nodes[0])), expressions.text(scope)
    return any(re.search(phrase.replace("%", rf"\b{name}\b"), text) for phrase in words)


def _indexes(expressions: Expressions, nodes: Sequence[Node], _: Sequence[str]) -> bool:
    """The first node reads the second one at the index that the third one names."""
    body, items, index = (expressions.text(node) for node in nodes[:3])
    items, index = re.escape(items), re.escape(index)
    return bool(re.search(rf"{items}\s*(?:\[\s*{index}\s*\]|\.(?:get|charAt|at)\(\s*{index}\s*\))", body))


def _last(_: Expressions, nodes: Sequence[Node], __: Sequence[str]) -> bool:
    """No statement follows in the same block."""
    following = nodes[0].next_named_sibling
    while following is not None and "comment" in following.type:
        following = following.next_named_sibling
    return following is None


PREDICATES: dict[str, Predicate] = {
    "inside": _inside,
    "under": _under,
    "has": _has,
    "says": _says,
    "comes-from": _comes_from,
    "built": lambda expressions, nodes, _: expressions.is_built(nodes[0]),
    "constant": lambda expressions, nodes, _: expressions.is_constant(nodes[0]),
    "user-input": lambda expressions, nodes, _: expressions.is_user_input(nodes[0]),
    "in-async": _in_async,
    "defined-async": _defined_async,
    "repeated": _repeated,
    "same": _same,
    "mentioned": _mentioned,
    "indexes": _indexes,
    "last": _last,
}
