"""Run tree-sitter queries over a text and return what they captured, as values.

Besides tree-sitter's own predicates (`#eq?`, `#match?`, `#any-of?` and their `not-` forms) a query may use
those of PREDICATES, which ask about places and about values; each has a `not-` form too. Nodes and bytes
stay in here.
"""

from __future__ import annotations

import math
import re
import time
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from typing import Literal

import tree_sitter

from qwen_lsp.syntax import facts
from qwen_lsp.syntax.expressions import Expressions
from qwen_lsp.syntax.languages import Language, grammar
from qwen_lsp.syntax.nodes import FUNCTIONS, enclosing, is_async
from qwen_lsp.syntax.tree import Tree, parse
from qwen_lsp.text import Span

Node = tree_sitter.Node
# Of nodes, one in the other: the price of an ancestor is its depth, and nobody nests a tenth of this.
_MAX_DEPTH = 12_000
_ASKED_AT_A_TIME = 8
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

    def __init__(self, text: str, language: Language, max_seconds: float = math.inf) -> None:
        """Units: `max_seconds` is processor time of this thread from now on."""
        self._end_s = time.thread_time() + max_seconds
        self._is_late = False
        self._n_asked = 0
        self._is_deep: bool | None = None
        # Without a deadline: predicates on the text of a node that was parsed with one crash the process
        # (tree-sitter 0.26.1 asks the reader for the text, and does not look at what comes back).
        self._tree = parse(text, language)
        self._expressions = Expressions(
            self._tree.data if self._tree else b"", self._tree.syntax.root_node if self._tree else None
        )

    def find(
        self, sources: tuple[str, ...], within: Sequence[Span] | None = None
    ) -> Iterator[tuple[int, Match]]:
        """Yield what queries match in the spans, everywhere by default: number of the query, match.

        Raises: TimeoutError when that takes too long: an ancestor's price is its depth, and code of strangers
        may be nested a hundred thousand times.
        """
        tree = self._tree
        if tree is None or (compiled := _query(tree.language, sources)) is None:
            return
        query, ends = compiled
        # The library cannot be stopped in the middle where predicates are asked (0.26.1 crashes).
        if self._is_deep is None:
            self._is_deep = _is_deeper(tree, _MAX_DEPTH)
        if self._is_deep:
            raise TimeoutError("it is nested too deeply for the rules")
        for span in within if within is not None else [Span(0, len(tree.text))]:
            cursor = tree_sitter.QueryCursor(query, match_limit=_MATCH_LIMIT)
            cursor.set_byte_range(tree.byte(span.start), tree.byte(span.end))
            for pattern, captures in cursor.matches(tree.syntax.root_node, self._holds):
                if any(map(_is_misread, captures.get("here", ()))):
                    continue
                match = {name: _capture(tree, nodes[0]) for name, nodes in captures.items() if nodes}
                notes = self._expressions.notes_of(captures.get("here", []))
                for nodes in captures.values():
                    if doubt := self._expressions.notes_of(nodes).get(ONE_SIGN):
                        notes = notes | {ONE_SIGN: doubt}
                for name, text in notes.items():
                    match[name] = Capture(match["here"].span, text)
                yield bisect_right(ends, pattern), match
            if self._is_late:
                raise TimeoutError("it is nested too deeply for the rules")

    def _holds(
        self,
        predicate: str,
        args: list[tuple[str, Literal["capture", "string"]]],
        pattern_index: int,
        captures: dict[str, list[Node]],
    ) -> bool:
        plain = predicate.rstrip("?")
        is_negated = plain.startswith("not-")
        self._n_asked += 1
        if self._n_asked % _ASKED_AT_A_TIME == 0:  # the clock costs more than most predicates
            self._is_late = self._is_late or time.thread_time() > self._end_s
        if self._is_late:
            return False
        nodes = [node for text, kind in args if kind == "capture" for node in captures.get(text, ())]
        words = [text for text, kind in args if kind == "string"]
        if not nodes:
            return is_negated
        return PREDICATES[plain.removeprefix("not-")](self._expressions, nodes, words) != is_negated


def _is_misread(node: Node) -> bool:
    """Whether the grammar does not know a place of the function around a node: all of it may be misread."""
    function = enclosing(node, FUNCTIONS)
    return function is not None and function.has_error


def _is_deeper(tree: Tree, depth: int) -> bool:
    """Whether nodes are nested deeper than that. Only nodes that hold enough others are gone into."""
    cursor, at = tree.syntax.walk(), 0  # its own `depth` is counted anew at each question
    while at <= depth:
        node = cursor.node
        if node is not None and at + node.descendant_count > depth and cursor.goto_first_child():
            at += 1
            continue
        while not cursor.goto_next_sibling():
            if not cursor.goto_parent():
                return False
            at -= 1
    return True


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
    return expressions.is_async_function(expressions.text(nodes[0]))


def _repeated(expressions: Expressions, nodes: Sequence[Node], _: Sequence[str]) -> bool:
    """A node before it under the same parent, the same part of it, has the same text.

    Notes that it does no harm where the values are the same, too.
    """
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
            values = [one.child_by_field_name("value") for one in (sibling, entry)]
            one, other = (expressions.text(value) if value is not None else "" for value in values)
            if one == other:
                expressions.note(entry, **{ONE_SIGN: "info"})
            return True
    return False


def _same(expressions: Expressions, nodes: Sequence[Node], _: Sequence[str]) -> bool:
    """The tokens are equal, and nothing in them is called. Casts count, white space between does not."""
    one, other = (_without_parentheses(node) for node in nodes[:2])
    if one.type != other.type or one.descendant_count != other.descendant_count:
        return False
    tokens = expressions.tokens(one)
    return "(" not in tokens and tokens == expressions.tokens(other)


def _equal_operands(expressions: Expressions, nodes: Sequence[Node], words: Sequence[str]) -> bool:
    """Both sides of one of these operators are the same, and no constant; notes `operator` and `left`.

    A pattern of one node, because patterns with parts take quadratic time in a long chain of operators.
    """
    node = nodes[0]
    left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
    if left is None or right is None:
        if node.named_child_count != 2:
            return False
        left, right = node.named_children
    if left.type != right.type or not _same(expressions, (left, right), ()):
        return False
    between = [child for child in node.children if left.end_byte <= child.start_byte < right.start_byte]
    operator = " ".join(expressions.text(child) for child in between if "comment" not in child.type)
    if node.parent is not None and node.parent.type == "jsx_expression" and operator in ("&&", "||"):
        return False  # shown or not: the second one is only too much
    if operator not in words or (operator not in ("and", "or") and expressions.is_constant(left)):
        return False
    expressions.note(node, operator=operator, left=expressions.text(left))
    return True


def _without_parentheses(node: Node) -> Node:
    while node.type == "parenthesized_expression" and node.named_child_count == 1:
        node = node.named_children[0]
    return node


def _asked_before(expressions: Expressions, nodes: Sequence[Node], _: Sequence[str]) -> bool:
    """A branch above in the chain of the first node has the condition of the second; notes its `line`."""
    return expressions.is_asked_before(nodes[0], nodes[1])


def _after_exit(expressions: Expressions, nodes: Sequence[Node], _: Sequence[str]) -> bool:
    """Holds always; notes `line` and `word` of what leaves, and one sign where a comment explains it."""
    node, row = nodes[0], nodes[0].start_point[0]
    word = expressions.text(node).split(None, 1)[0].rstrip(";")
    above = node.prev_sibling or (node.parent and node.parent.prev_sibling)  # Python's: before the block
    is_explained = above is not None and "comment" in above.type and above.end_point[0] == row - 1
    expressions.note(nodes[1], line=str(row + 1), word=word, **{ONE_SIGN: "info"} if is_explained else {})
    return True


def _from_outside(expressions: Expressions, nodes: Sequence[Node], words: Sequence[str]) -> bool:
    """Holds always; notes how grave it is where a value is not seen to come from outside: one sign."""
    node = nodes[0]
    sources = [node, *expressions.bindings(node)]
    is_outside = any(_OUTSIDE.search(expressions.text(one)) for one in sources)
    if not is_outside and not expressions.is_user_input(node):
        expressions.note(nodes[0], **{ONE_SIGN: next(iter(words), "warning")})
    return True


def _in_value_place(expressions: Expressions, nodes: Sequence[Node], _: Sequence[str]) -> bool:
    """Holds always; notes that no value stands between quotes in this SQL, and none comes from a request."""
    text = expressions.text_with_holes(nodes[0])
    if not _QUOTED_VALUE.search(text) and not expressions.is_user_input(nodes[0]):
        expressions.note(nodes[0], **{ONE_SIGN: "info"})
    return True


# The note of a place of which only one sign says that it is wrong: how severe that is, and no error.
ONE_SIGN = "one_sign"
_OUTSIDE = re.compile(
    r"\b(?:raw_)?input\(|\bsys\.(?:argv|stdin)\b|\bprocess\.argv\b|\bargs\[\d|\blocation\b|"
    r"\bdocument\.(?:URL|cookie|referrer)\b|\bwindow\.name\b|\b(?:event|message|msg|e)\.data\b|\bURLSearchParams\b"
)
_QUOTED_VALUE = re.compile(r"'[%\w.-]*\0")


def _cleanup(expressions: Expressions, nodes: Sequence[Node], _: Sequence[str]) -> bool:
    """All that is tried is to release something, or to find a value that has a default nearby."""
    whole = nodes[0].parent
    body = whole.child_by_field_name("body") if whole is not None else None
    if whole is None or body is None:
        return False
    statements = [node for node in body.named_children if "comment" not in node.type]
    if statements and all(_RELEASES.search(expressions.text(node)) for node in statements):
        return True
    following = whole.next_named_sibling
    last = expressions.text(statements[-1]) if statements else ""
    if re.match(r"(?:return|continue|break)\b", last):
        return following is not None
    former = whole.prev_named_sibling
    name = re.match(r"([\w.]+)\s*(?::[^=\n]+)?=(?!=)", last)
    return bool(
        name
        and former is not None
        and re.match(rf"(?:let |var )?{re.escape(name[1])}\s*(?::[^=\n]+)?=(?!=)", expressions.text(former))
    )


_RELEASES = re.compile(
    r"^(?:await\s+)?[\w.\[\]()]*\b(?:\w*_)?(?:close|aclose|unlink|remove|rmtree|rmdir|delete|kill|terminate|cancel|"
    r"shutdown|disconnect|release|cleanup|flush|quit|stop|join|abort|destroy|deleteIfExists|dispose)\w*\(",
)


def _endless(expressions: Expressions, nodes: Sequence[Node], _: Sequence[str]) -> bool:
    """A function of that name in this file runs a loop that is meant to go on: it is started, not awaited."""
    return any(
        re.search(r"\bfor await\b|\bwhile\s*\(\s*(?:true|1)\s*\)|\bfor\s*\(\s*;\s*;", text)
        for text in expressions.functions_named(expressions.text(nodes[0]))
    )


def _mentioned(expressions: Expressions, nodes: Sequence[Node], words: Sequence[str]) -> bool:
    """Elsewhere in the enclosing function the name stands in one of the given phrases (`%` is the name)."""
    scope = enclosing(nodes[0].parent, FUNCTIONS | {"module", "program", "source_file"})
    if scope is None:
        return False
    name, text = re.escape(expressions.text(nodes[0])), expressions.text(scope)
    return any(re.search(phrase.replace("%", rf"\b{name}\b"), text) for phrase in words)


def _indexes(expressions: Expressions, nodes: Sequence[Node], _: Sequence[str]) -> bool:
    """The first node reads the second one at the index that the third one names, which it does not check."""
    body, *names = map(expressions.text, nodes[:3])
    items, index = map(re.escape, names)
    checked = rf"\b{index}\s*(?:[=!]==?|[<>]=?)\s*(?:{items}\.(?:length|size)\b|len\({items}\))"
    read = rf"{items}\s*(?:\[\s*{index}\s*\]|\.(?:get|charAt|at)\(\s*{index}\s*\))"
    return bool(re.search(read, body)) and not re.search(checked, body)


def _last(_: Expressions, nodes: Sequence[Node], __: Sequence[str]) -> bool:
    """No statement follows in the same block."""
    following = nodes[0].next_named_sibling
    while following is not None and "comment" in following.type:
        following = following.next_named_sibling
    return following is None


def _chosen(expressions: Expressions, nodes: Sequence[Node], words: Sequence[str]) -> bool:
    """A branch around the node, within its function, is taken on a condition that matches the expression."""
    node: Node | None = nodes[0]
    while node is not None and node.type not in FUNCTIONS:
        holder = node.parent
        if holder is not None and holder.type in _BRANCHES:
            condition = holder.child_by_field_name("condition")
            if (
                condition is not None
                and condition != node
                and re.search(words[0], expressions.text(condition))
            ):
                return True
        node = holder
    return False


_BRANCHES = {"if_statement", "elif_clause", "conditional_expression", "ternary_expression"}


def _lost_in_copy(expressions: Expressions, nodes: Sequence[Node], _: Sequence[str]) -> bool:
    """A field of a receiver is set in a body, and then neither read nor passed on."""
    name, target, body = expressions.text(nodes[0]), nodes[1], nodes[2]
    after = expressions.text(body)[target.end_byte - body.start_byte :]
    whole = expressions.text(body)
    is_passed = re.search(rf"(?<![\w.]){re.escape(name)}\b(?!\s*\.)", whole)
    is_called = re.search(rf"(?<![\w.]){re.escape(name)}\.\w+\(", after)
    is_read = re.search(rf"(?<![\w.]){re.escape(expressions.text(target))}\b(?!\s*=[^=])", after)
    is_taken = re.search(rf"&{re.escape(name)}\b", whole)
    return not (is_passed or is_called or is_read or is_taken)


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
    "equal-operands": _equal_operands,
    "asked-before": _asked_before,
    "after-exit": _after_exit,
    "from-outside": _from_outside,
    "in-value-place": _in_value_place,
    "cleanup": _cleanup,
    "chosen": _chosen,
    "lost-in-copy": _lost_in_copy,
    "endless": _endless,
    "mentioned": _mentioned,
    "indexes": _indexes,
    "last": _last,
    "placeholders-differ": facts.placeholders_differ,
    "too-few-arguments": facts.too_few_arguments,
    "names-a-local": facts.names_a_local,
    "read-before-error": facts.read_before_error,
    "repeated-entry": facts.repeated_entry,
}
