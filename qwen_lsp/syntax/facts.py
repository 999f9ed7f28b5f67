"""What a language decides of a place in the code, whatever the program means.

How many arguments a format takes, which results are new values that somebody must keep, which value an error
stands for, which keys a literal has. Predicates of queries (see `matching`); they know no rules.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import tree_sitter

from qwen_lsp.syntax.expressions import Expressions
from qwen_lsp.syntax.nodes import FUNCTIONS, enclosing

Node = tree_sitter.Node

_THROWN = re.compile(
    r"(?i)^(?:e|t|ex|err|exc|cause|thr|\w*(?:error|exception|throwable|cause|ex))$|^new \w+Exception\b"
    r"|(?:exception|throwable|cause|error)\(\)$"
)
_SPECIFIER = re.compile(r"%(?:(\d+)\$)?([-#+ 0,(<]*)\d*(?:\.\d+)?([a-zA-Z%])")
_BRACES = re.compile(r"(?<!\\)\{\}")
# Fixed texts with such places are templates for somebody else.
_TEMPLATE = re.compile(r"\{\{|\{%|<%")
_INSERTED = re.compile(r"\$\{\s*([A-Za-z_$][\w$]*)")
_IN_BRACES = re.compile(
    r"(?<!\{)\{([A-Za-z_]\w*)(?:(?:\.\w+|\[[^\]{}]*\]|\(\))*)(?:![rsa])?(?::[^{}]*)?\}(?!\})"
)


def placeholders_differ(expressions: Expressions, nodes: Sequence[Node], _: Sequence[str]) -> bool:
    """A message of SLF4J has more `{}` than arguments, or fewer; notes `wanted` and `given`.

    Nodes: the message, the list of arguments. One argument more may be what was thrown.
    """
    message, given = nodes[0], nodes[1].named_children[1:]
    text = expressions.text(message)
    wanted = len(_BRACES.findall(text))
    given = [node for node in given if "comment" not in node.type]
    if "%" in text or any("array" in node.type or "..." in expressions.text(node) for node in given):
        return False
    if (
        len(given) == 1
        and wanted > 1
        and given[0].type in ("identifier", "method_invocation", "field_access")
    ):
        return False  # it may be an array of all of them
    if len(given) == wanted + 1:
        last = given[-1]
        shown = expressions.text(last)
        if last.type in ("identifier", "field_access", "object_creation_expression", "cast_expression") or (
            last.type == "method_invocation" and _THROWN.search(shown)
        ):
            return False  # nothing says that it cannot be thrown
        if last.type in ("ternary_expression", "parenthesized_expression", "lambda_expression"):
            return False
    if len(given) == wanted:
        return False
    expressions.note(message, wanted=str(wanted), given=str(len(given)))
    return True


def too_few_arguments(expressions: Expressions, nodes: Sequence[Node], words: Sequence[str]) -> bool:
    """A format names more arguments than follow it; notes `wanted` and `given`.

    Nodes: the format, the list of arguments. Words: how many arguments stand before the first that counts.
    """
    text = expressions.text(nodes[0])
    found = [match for match in _SPECIFIER.finditer(text) if match[3] not in "%n"]
    if any(match[1] or "<" in match[2] for match in found) or "*" in text:
        return False
    arguments = [node for node in nodes[1].named_children if "comment" not in node.type]
    given = arguments[int(words[0]) :]
    if any("array" in node.type or "..." in expressions.text(node) for node in given):
        return False
    if len(given) >= len(found) or (
        len(given) == 1 and given[0].type in ("identifier", "method_invocation", "field_access")
    ):
        return False  # enough, or what may be an array of all of them
    expressions.note(nodes[0], wanted=str(len(found)), given=str(len(given)))
    return True


def names_a_local(expressions: Expressions, nodes: Sequence[Node], _: Sequence[str]) -> bool:
    """A plain text names a variable of its function as only an interpolated text would; notes `name`."""
    node = nodes[0]
    text = expressions.text(node)
    is_script = node.type in ("string", "string_fragment") and "${" in text
    found = (_INSERTED if is_script else _IN_BRACES).findall(text)
    scope = enclosing(node.parent, FUNCTIONS)
    if not found or scope is None or _TEMPLATE.search(text):
        return False
    whole = expressions.text(scope)
    around = whole.replace(text, "")
    for name in found:
        word = re.escape(name)
        bound = (
            rf"(?<![\w.$\"'`]){word}\s*(?:=(?![=>])|:=)"
            rf"|\bfor\s+(?:const\s+|let\s+)?[(\w, ]*\b{word}\b[\w, )]*\s+(?:in|of)\b"
        )
        parameters = scope.child_by_field_name("parameters")
        is_parameter = parameters is not None and re.search(
            rf"(?<![\w.$]){re.escape(name)}\b", expressions.text(parameters)
        )
        if not is_parameter and not re.search(bound, around):
            return False
    expressions.note(node, name=found[0])
    return True


def read_before_error(expressions: Expressions, nodes: Sequence[Node], _: Sequence[str]) -> bool:
    """A value is read where its error was not looked at yet, or is set. Go; notes `value`, `error`, `line`.

    Node: the statement `value, err := call()`.
    """
    node = nodes[0]
    left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
    if left is None or right is None or left.named_child_count != 2 or right.named_child_count != 1:
        return False
    value, error = (expressions.text(one) for one in left.named_children)
    is_named_so = re.fullmatch(r"e|\w*[eE]rr(?:or)?\d*", error) and re.fullmatch(r"\w+", value)
    if not is_named_so or value == "_" or right.named_children[0].type != "call_expression":
        return False
    following = _following(node)
    if following is None:
        return False
    is_set = re.compile(rf"{re.escape(error)}\s*!=\s*nil")
    if following.type == "if_statement":
        place = following.child_by_field_name("consequence")
        condition = following.child_by_field_name("condition")
        if place is None or condition is None or following.child_by_field_name("initializer") is not None:
            return False
        plain = _without_strings(expressions.text(place))
        is_asked = re.search(rf"(?<![\w.]){re.escape(value)}\s*(?:[!=]=|:?=|,)", plain)
        if is_asked or not is_set.fullmatch(expressions.text(condition)):
            return False
    else:
        place, behind = following, _following(following)
        plain = _without_strings(expressions.text(place))
        later = expressions.text(behind) if behind is not None else ""
        if re.search(rf"(?<![\w.]){re.escape(error)}\b", plain) or not is_set.match(
            later.removeprefix("if ")
        ):
            return False
    found = re.search(rf"(?<![\w.]){re.escape(value)}\.([A-Za-z]\w*)", plain)
    if found is None or (_MAY_HAVE_BOTH.search(value) and found[1] != "Body"):
        return False
    line = place.start_point[0] + plain.count("\n", 0, found.start()) + 1
    expressions.note(node, value=value, error=error, line=str(line))
    return True


# Answers that come with their error, so that it can be read from them.
_MAY_HAVE_BOTH = re.compile(
    r"(?i)resp|^res$|result|reply|out|^r$|ret$|rsp|status|code|^n$|body|data|buf|info$"
)


def _following(node: Node) -> Node | None:
    following = node.next_named_sibling
    while following is not None and following.type == "comment":
        following = following.next_named_sibling
    return following


def _without_strings(text: str) -> str:
    return re.sub(r'"(?:\\.|[^"\\\n])*"|`[^`]*`', lambda match: " " * len(match[0]), text)


def repeated_entry(expressions: Expressions, nodes: Sequence[Node], _: Sequence[str]) -> bool:
    """An entry of JSON or YAML has a key that stands in its mapping before; notes `line` of the first."""
    entry = nodes[0]
    key = entry.child_by_field_name("key")
    if key is None or entry.parent is None or entry.parent.has_error:
        return False
    text = expressions.text(key).strip("\"'")
    line = expressions.first_entries(entry.parent).get(text)
    if (
        line is None
        or line == key.start_point[0]
        or text in ("<<", "")
        or text.startswith(("_", "$", "/", "#"))
    ):
        return False
    if re.search(r"\{\{|\{%", expressions.text(entry.parent)):
        return False  # a template, where one of the two is written
    expressions.note(entry, line=str(line + 1))
    return True
