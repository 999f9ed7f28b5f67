"""What protects the code of a function: tests for nothing, error handlers, locks, escapes.

One walk over the tree of Python, JavaScript, TypeScript, Go or Java gives each function's safeguards and the
uses they stand for, as texts without white space, so that two versions of a function can be compared. It
compares nothing itself and knows no rules.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import tree_sitter

from qwen_lsp.syntax.languages import Language
from qwen_lsp.syntax.nodes import FUNCTIONS, INTERPOLATIONS, SUMS, arguments_of, callee
from qwen_lsp.syntax.tree import Tree, parse

Node = tree_sitter.Node

LANGUAGES = frozenset(("python", "javascript", "typescript", "typescriptreact", "go", "java"))
_CLASSES = {
    *("class_definition", "class_declaration", "class", "interface_declaration", "enum_declaration"),
    *("record_declaration", "class_body"),
}
_NAMED = FUNCTIONS - {"lambda", "arrow_function", "func_literal", "function_expression"}
_CONDITIONS = {
    *("if_statement", "elif_clause", "while_statement", "conditional_expression", "ternary_expression"),
    *("assert_statement", "if_clause", "do_statement", "for_statement"),
}
_ASSIGNMENTS = {
    *("assignment", "assignment_expression", "variable_declarator", "short_var_declaration"),
    *("assignment_statement", "named_expression", "var_spec", "augmented_assignment"),
}
_JUNCTIONS = {"boolean_operator", "binary_expression"}
_BLOCKS = {"block", "statement_block", "statement_list"}
_LEAVING = {"return_statement", "raise_statement", "throw_statement", "continue_statement", "break_statement"}
_NOTHING = {"None", "null", "nil", "undefined", "'undefined'", '"undefined"'}
_COMPARED = {"is", "is not", "isnot", "==", "!=", "===", "!=="}
_DEREFERENCES = {
    "attribute": "object",
    "member_expression": "object",
    "selector_expression": "operand",
    "field_access": "object",
    "method_invocation": "object",
    "subscript": "value",
    "subscript_expression": "object",
    "index_expression": "operand",
    "array_access": "array",
}
_CALLS = {"call", "call_expression", "method_invocation", "new_expression"}
_SUBJECTS = {
    *("identifier", "attribute", "member_expression", "selector_expression", "field_access"),
    *("method_invocation", "this"),
}
_MAX_SUBJECT_CHARS = 60
# A function of which more is gone was written again.
_FEW_LINES, _MAX_GONE = 8, 0.3
# White space that keeps two words apart, and any other.
_BLANKS = re.compile(r"(?<=\w)(\s+)(?=\w)|\s+")
# Functions that say what a value is, and not something about two values.
_PREDICATE = re.compile(
    r"(?:^|\.|_)(?:is|has|can)[A-Z_a-z]\w*$|^(?:len|callable|bool|any|all|typeof)$|[nN]on[nN]ull$"
)
_LOCK = re.compile(r"(?i)(?:^|[._])\w*(?:lock|mutex|mu)\w*$")
_LOCK_CALL = re.compile(r"(?i)^(.*(?:lock|mutex|mu|\bm)\w*)\.(?:r?lock|acquire)\(\)$")
_ESCAPE = re.compile(
    r"(?i)^(?:[\w.]*\.)?(?:escape\w*|\w*_?escape|quote|quoteattr|quote_plus|encodeURI(?:Component)?|sanitize\w*|"
    r"\w*sanitize|htmlspecialchars|bleach\.clean|queryescape|pathescape|escapeshellarg)$"
)


@dataclass(slots=True)
class Function:
    """One function. Shape: texts without white space but between words; lines from 0.

    `tests` maps what is tested for nothing to the test; `uses` maps a value to what is read of it and the
    first line; `bindings` maps a name to what it is assigned; `handled` maps a call to the errors caught
    around it; `escaped` maps a value to what it goes through; `given` are values that go into a call or a
    text as they are; `conditions` are chains of one operator, `single` whole conditions, `shown` operands as
    they are written; `guards` maps the condition of an `if` that leaves to how it is written and to the line
    behind it; `lines` maps lines to their numbers.
    """

    name: str
    line: int
    parameters: str = ""
    tests: dict[str, str] = field(default_factory=dict)
    uses: dict[str, dict[str, int]] = field(default_factory=lambda: defaultdict(dict))
    bindings: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    handled: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    calls: dict[str, int] = field(default_factory=dict)
    locks: set[str] = field(default_factory=set)
    escaped: dict[str, str] = field(default_factory=dict)
    given: dict[str, int] = field(default_factory=dict)
    conditions: dict[tuple[str, ...], int] = field(default_factory=dict)
    shown: dict[str, str] = field(default_factory=dict)
    single: dict[str, int] = field(default_factory=dict)
    guards: dict[str, tuple[str, str]] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)
    text: str = ""
    comments: set[str] = field(default_factory=set)
    handling: str = ""


def changed_functions(
    before: str, after: str, language: Language | None
) -> Iterator[tuple[Function, Function]]:
    """Yield both versions of the functions that differ, by their qualified name.

    Left out are those that are defined twice, take other parameters, or were written again: more than a few
    lines and a third of them are gone.
    """
    if language is None or language.id not in LANGUAGES:
        return
    old_tree, new_tree = parse(before, language), parse(after, language)
    if old_tree is None or new_tree is None:
        return
    new_nodes = _once(new_tree)
    for name, old in _once(old_tree).items():
        new = new_nodes.get(name)
        if (
            new is None
            or old_tree.data[old.start_byte : old.end_byte] == new_tree.data[new.start_byte : new.end_byte]
        ):
            continue
        old_lines, new_lines = _lines(old_tree, old), _lines(new_tree, new)
        n_gone = (old_lines - new_lines).total()
        if 0 < n_gone <= max(_FEW_LINES, old_lines.total() * _MAX_GONE):
            pair = _read(old_tree, name, old), _read(new_tree, name, new)
            if pair[0].parameters == pair[1].parameters:
                yield pair


def _once(tree: Tree) -> dict[str, Node]:
    found: dict[str, Node] = {}
    twice: set[str] = set()
    for name, node in _functions(tree):
        if name in found:
            twice.add(name)
        found[name] = node
    return {name: node for name, node in found.items() if name not in twice}


def _lines(tree: Tree, node: Node) -> Counter[str]:
    return Counter(line.strip() for line in _source(tree, node).split("\n") if line.strip())


def _functions(tree: Tree) -> Iterator[tuple[str, Node]]:
    pending: list[tuple[str, Node]] = [("", tree.syntax.root_node)]
    while pending:
        around, node = pending.pop()
        name = node.child_by_field_name("name")
        if node.type in _NAMED and name is not None:
            receiver = node.child_by_field_name("receiver")
            owner = (
                re.sub(r"^\(\w+(?=[*\w])|[()*\s]", "", _source(tree, receiver))
                if receiver is not None
                else ""
            )
            around = f"{around}.{owner}.{_text(tree, name)}"
            yield around, node
        elif node.type in _CLASSES and name is not None:
            around = f"{around}.{_text(tree, name)}"
        elif node.type in ("variable_declarator", "pair", "assignment_expression"):
            key = name or node.child_by_field_name("key") or node.child_by_field_name("left")
            value = node.child_by_field_name("value") or node.child_by_field_name("right")
            if value is not None and key is not None and value.type in FUNCTIONS:
                around = f"{around}.{_text(tree, key)}"
                yield around, value
        pending += [(around, child) for child in node.named_children]


def _source(tree: Tree, node: Node | None) -> str:
    return "" if node is None else tree.data[node.start_byte : node.end_byte].decode("utf-8", "replace")


def _text(tree: Tree, node: Node | None) -> str:
    text = _BLANKS.sub(lambda blank: " " if blank[1] else "", _source(tree, node))
    return text.replace("?.[", "[").replace("?.", ".")


def _read(tree: Tree, name: str, function: Node) -> Function:
    read = Function(name, function.start_point[0], _text(tree, function.child_by_field_name("parameters")))
    read.text = _text(tree, function)
    for number, line in enumerate(_source(tree, function).split("\n"), function.start_point[0]):
        read.lines.setdefault("".join(line.split()), number)
    pending: list[tuple[Node, frozenset[str]]] = [(child, frozenset()) for child in function.named_children]
    while pending:
        node, caught = pending.pop()
        if node.type in _NAMED or node.type in _CLASSES:
            continue  # a function of its own
        _read_node(tree, node, caught, read)
        inner = caught
        if node.type in ("try_statement", "try_with_resources_statement"):
            errors = _caught(tree, node)
            body = node.child_by_field_name("body")
            for child in node.named_children:
                pending.append((child, caught | errors if child == body else caught))
                if child.type in ("except_clause", "catch_clause"):
                    read.handling += _text(tree, child)
            continue
        pending += [(child, inner) for child in node.named_children]
    return read


def _read_node(tree: Tree, node: Node, caught: frozenset[str], read: Function) -> None:
    if "comment" in node.type or _is_documentation(node):
        read.comments.add(_text(tree, node))
    if node.type in _ASSIGNMENTS:
        _bind(tree, node, read)
    elif node.type in ("with_statement", "synchronized_statement"):
        head = _text(tree, node).split(":", 1)[0] if node.type == "with_statement" else "synchronized"
        for item in re.findall(r"[\w.]+", head.removeprefix("async ").removeprefix("with")):
            if _LOCK.search(item) or head == "synchronized":
                read.locks.add(item)
    if node.type in _CONDITIONS:
        condition = node.child_by_field_name("condition")
        if condition is None and node.type in ("if_clause", "assert_statement"):
            condition = next(iter(node.named_children), None)
        if condition is None and node.type == "conditional_expression" and node.named_child_count == 3:
            condition = node.named_children[1]  # Python's
        _test(tree, condition, read)
        if condition is not None:
            text = _text(tree, condition)
            whole = text[1:-1] if condition.type == "parenthesized_expression" else text
            read.single.setdefault(whole, condition.start_point[0])
            if node.type == "if_statement":
                _guard(tree, node, whole, read)
    elif node.type in _JUNCTIONS or node.type == "not_operator":
        _test(tree, node, read)
        if node.parent is not None and node.parent.type not in (node.type, "expression_statement"):
            _take_apart(tree, node, read)
    if (field_name := _DEREFERENCES.get(node.type)) is not None:
        of = node.child_by_field_name(field_name)
        if of is not None and of.end_byte - of.start_byte <= _MAX_SUBJECT_CHARS:
            subject = _text(tree, of)
            if any(child.type in ("optional_chain", "?.") for child in node.children):
                read.tests.setdefault(subject, _shown(tree, node))
            else:
                read.uses[subject].setdefault(_used(tree, node, of), node.start_point[0])
    if node.type in _CALLS:
        _call(tree, node, caught, read)
    elif node.type in INTERPOLATIONS or node.type in SUMS:
        _given(tree, node.named_children, read)


def _guard(tree: Tree, node: Node, condition: str, read: Function) -> None:
    """Take down an `if` that does nothing but leave, with the statement that it kept from running."""
    last = node.child_by_field_name("consequence")
    while last is not None and last.type in _BLOCKS and last.named_children:
        last = last.named_children[-1]
    following = node.next_named_sibling
    while following is not None and following.type == "comment":
        following = following.next_named_sibling
    is_plain = not any(node.child_by_field_name(name) for name in ("alternative", "initializer"))
    if is_plain and following is not None and last is not None and last.type in _LEAVING:
        asked = node.child_by_field_name("condition") or node
        shown = _shown(tree, asked)
        if asked.type == "parenthesized_expression":
            shown = shown[1:-1].strip()
        behind = "".join(_source(tree, following).split("\n", 1)[0].split())
        read.guards[condition] = (shown, behind)


def _is_documentation(node: Node) -> bool:
    return node.type == "string" and node.parent is not None and node.parent.type == "expression_statement"


def _used(tree: Tree, node: Node, of: Node) -> str:
    member = node.child_by_field_name("attribute") or node.child_by_field_name("property")
    member = member or node.child_by_field_name("field") or node.child_by_field_name("name")
    return f"{_text(tree, of)}.{_text(tree, member)}" if member is not None else _text(tree, node)


def _call(tree: Tree, node: Node, caught: frozenset[str], read: Function) -> None:
    text = _text(tree, node)
    if len(text) > 4 * _MAX_SUBJECT_CHARS:
        return
    if match := _LOCK_CALL.match(text):
        read.locks.add(match[1])
    if (
        node.parent is None or node.parent.type != "go_statement"
    ):  # what runs beside it is not protected by it
        read.calls.setdefault(text, node.start_point[0])
    read.handled[text] |= caught
    name, arguments = _text(tree, callee(node)), arguments_of(node)
    if arguments and _ESCAPE.match(name) and arguments[0].type in _SUBJECTS:
        read.escaped.setdefault(_text(tree, arguments[0]), name)
    else:
        _given(tree, arguments, read)


def _given(tree: Tree, nodes: Iterable[Node], read: Function) -> None:
    """Take down the values that become part of a text or go to a call as they are."""
    for node in nodes:
        if node.type in _SUBJECTS:
            read.given.setdefault(_text(tree, node), node.start_point[0])


def _caught(tree: Tree, node: Node) -> frozenset[str]:
    found: set[str] = set()
    for child in node.named_children:
        if re.search(r"(?m)\b(?:raise|throw(?: \w+)?);?\s*\}?\s*\Z", _source(tree, child)):
            continue  # it tidies up and passes the error on
        if child.type == "except_clause":
            head = _source(tree, child).split(":", 1)[0]
            names = re.findall(r"[\w.]+", re.sub(r"^except\*?|\bas\s+\w+", "", head))
            found |= set(names) or {"*"}
        elif child.type == "catch_clause":
            types = _source(tree, next(iter(child.named_children), None)).rsplit(None, 1)[0]
            java = (
                re.findall(r"\b[A-Z]\w*", types)
                if "catch_formal_parameter" in str(child.named_children[0].type)
                else []
            )
            found |= set(java) or {"*"}
    return frozenset(found)


def _bind(tree: Tree, node: Node, read: Function) -> None:
    left = node.child_by_field_name("left") or node.child_by_field_name("name")
    right = node.child_by_field_name("right") or node.child_by_field_name("value")
    if left is not None and right is not None:
        text = _text(tree, right)
        for target in (left, *left.named_children):
            read.bindings[_text(tree, target)].add(text)


def _test(tree: Tree, node: Node | None, read: Function) -> None:
    """Take down what a condition tests for nothing."""
    pending = [node] if node is not None else []
    while pending:
        node = pending.pop()
        operator = node.child_by_field_name("operator") or node.child_by_field_name("operators")
        word = _text(tree, operator)
        if node.type == "parenthesized_expression" or node.type in ("not_operator", "unary_expression"):
            pending += node.named_children
        elif node.type == "comparison_operator" or (node.type in _JUNCTIONS and word in _COMPARED):
            _compared(tree, node, read)
        elif node.type in _JUNCTIONS and word in ("&&", "||", "and", "or", "??"):
            pending += node.named_children
        elif node.type in _CALLS:
            if _text(tree, callee(node)) == "hasattr":
                read.tests.setdefault(_text(tree, node), "")
                continue  # says nothing of the other attributes
            shown = _shown(tree, node) if _PREDICATE.search(_text(tree, callee(node))) else ""
            for number, argument in enumerate(arguments_of(node)):
                if argument.type in _SUBJECTS:
                    read.tests.setdefault(_text(tree, argument), "" if number else shown)
            called = callee(node)
            if called is not None and called.type not in ("identifier",):
                read.tests.setdefault(_text(tree, node), _shown(tree, node))
                for child in called.named_children[:1]:  # `item.strip()` in place of `item`
                    read.tests.setdefault(_text(tree, child), "")
        elif node.type in _SUBJECTS and node.end_byte - node.start_byte <= _MAX_SUBJECT_CHARS:
            read.tests.setdefault(_text(tree, node), _shown(tree, node))
        elif node.type == "instanceof_expression" and node.named_children:
            read.tests.setdefault(_text(tree, node.named_children[0]), _shown(tree, node))


def _take_apart(tree: Tree, node: Node, read: Function) -> None:
    """Take down the operands of one chain of `and` or of `or`, after the operator."""
    word = _text(tree, node.child_by_field_name("operator"))
    if word not in ("&&", "||", "and", "or"):
        return
    operands: list[str] = []
    pending = [node]
    while pending:
        one = pending.pop()
        is_same = one.type == node.type and _text(tree, one.child_by_field_name("operator")) == word
        if is_same:
            sides = (one.child_by_field_name("right"), one.child_by_field_name("left"))
            pending += [side for side in sides if side is not None]
        else:
            operands.append(_text(tree, one))
            read.shown[operands[-1]] = _shown(tree, one)
    read.conditions.setdefault((word, *operands), node.start_point[0])


def _compared(tree: Tree, node: Node, read: Function) -> None:
    sides = [child for child in node.named_children if child.type not in ("comment",)]
    if len(sides) != 2:
        return
    for one, other in (sides, sides[::-1]):
        text = _text(tree, other)
        if text in _NOTHING:
            while one.type in ("unary_expression", "parenthesized_expression", "assignment_expression"):
                one = one.child_by_field_name("left") or one.named_children[-1]
            read.tests.setdefault(_text(tree, one), _shown(tree, node))
            return
    for side in sides:  # any other comparison of a value says that it was looked at
        if side.type in _SUBJECTS:
            read.tests.setdefault(_text(tree, side), "")
        elif side.type in _CALLS:
            for argument in arguments_of(side):
                read.tests.setdefault(_text(tree, argument), "")


def _shown(tree: Tree, node: Node) -> str:
    return " ".join(_source(tree, node).split())
