"""What of a function can fail without being handled there.

Calls that depend on the world or on the form of a text, and parameters that are used as if they could not be
missing. Names of the usual libraries are listed; what other functions do, nobody knows here. Node types of
all grammars are matched by their common words, as in `code`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import tree_sitter

from qwen_lsp.syntax import contract
from qwen_lsp.syntax.code import Definition, Source

Node = tree_sitter.Node

_CALL = re.compile(
    r"^(call|call_expression|method_invocation|invocation_expression|new_expression"
    r"|object_creation_expression)$"
)
# The last word of what is called. Source: the standard libraries of Python, JavaScript, Java and Go.
_FALLIBLE = re.compile(
    r"(open|read|write|load|save|dump|parse|decode|deserialize|unmarshal|connect|send|recv|receive|request|fetch"
    r"|download|upload|execute|query|commit|exec|spawn|popen|check_call|check_output|mkdir|makedirs|remove|unlink"
    r"|rename|rmtree|rmdir|listdir|scandir|chmod|chown|symlink|stat|import_module|forName|newInstance|invoke"
    r"|valueOf|fromhex|b64decode|strptime|urlopen|getaddrinfo)(?![a-z])\w*",
)
_CONVERTS = {
    "int",
    "float",
    "Decimal",
    "UUID",
    "BigInt",
    "URL",
    "FileReader",
    "FileWriter",
    "FileInputStream",
}
_CLIENTS = re.compile(
    r"^(requests|http|https|axios|client|session|urllib|httpx)\.(get|post|put|patch|delete|head)$"
)
_HARMLESS = re.compile(r"^(re|console|log|logger|logging|self\.log)\.|^(Integer|Boolean|String)\.valueOf$")
_TRY = re.compile(r"^(try_statement|try_expression|try_with_resources_statement)$")
_FUNCTION = re.compile(r"function|method|lambda|closure|arrow|func_literal|constructor")
# Where a parameter's type says that it is there, or nobody can leave it out.
_UNTYPED = {"python", "javascript", "java", "php"}


def risks(source: Source, within: Definition | None = None) -> list[str]:
    """List what is called in a definition, or in the whole text, that can fail and is not inside a `try`."""
    return [text for text, is_tried in _fallible(source, within) if not is_tried]


def tried(source: Source) -> list[str]:
    """List what is called inside a `try` of a text and can fail."""
    return [text for text, is_tried in _fallible(source, None) if is_tried]


def _fallible(source: Source, within: Definition | None) -> Iterator[tuple[str, bool]]:
    tree = source.tree
    pending: list[tuple[Node, bool]] = [(tree.syntax.root_node, False)]
    while pending:
        node, is_tried = pending.pop()
        if within is not None and (
            tree.offset(node.end_byte) <= within.span.start or tree.offset(node.start_byte) >= within.span.end
        ):
            continue
        text = _failing(node)
        if text:
            yield text, is_tried
        for child in reversed(node.named_children):
            is_body = _TRY.match(node.type) and re.search(r"block|resource", child.type)
            pending.append((child, is_tried or bool(is_body)))


def _failing(node: Node) -> str:
    if node.type in ("await", "await_expression"):
        return _text(node)
    if node.type in ("short_var_declaration", "assignment_statement"):  # Go: an error that nobody looks at
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        is_ignored = left is not None and re.search(r"(^|,\s*)_$", _text(left)) is not None
        is_called = right is not None and any(_CALL.match(one.type) for one in right.named_children)
        return _text(right) if is_ignored and is_called and right is not None else ""
    if not _CALL.match(node.type):
        return ""
    callee = _callee(node)
    last = callee.rsplit(".", 1)[-1]
    if _HARMLESS.search(callee):
        return ""
    is_fallible = _FALLIBLE.fullmatch(last) or last in _CONVERTS or _CLIENTS.match(callee)
    return _text(node) if is_fallible else ""


def _callee(node: Node) -> str:
    """Return what is called as it is written, without its arguments."""
    arguments = node.child_by_field_name("arguments")
    end = arguments.start_byte if arguments is not None else node.end_byte
    text = (node.text or b"")[: end - node.start_byte].decode("utf-8", "replace")
    return re.sub(r"^new\s+|<.*>|\s", "", text)


def unchecked_parameters(source: Source, definition: Definition) -> list[str]:
    """List the parameters that a function uses as if they were there, and never asks whether they are."""
    language = source.language.id
    promise = contract.of(source, definition)
    if promise is None or definition.parameters is None or language not in _UNTYPED:
        return []
    header = source.text[definition.parameters.start : definition.parameters.end]
    body = source.text[definition.body.start : definition.body.end]
    found: list[str] = []
    for name in promise.parameters:
        word = rf"(?<![\w.$]){re.escape(name)}(?![\w$])"
        is_used = re.search(rf"{word}\s*[.\[(]", body) is not None
        is_asked = re.search(
            rf"{word}\s*(is\b|==|!=|&&|\|\||\?|or\b|and\b|\)\s*(\{{|return|throw))"
            rf"|(if|elif|while|not|!)\s*\(?\s*!?{word}\s*(:|\)|$)|isinstance\({word}|typeof\s+{word}"
            rf"|requireNonNull\({word}",
            body,
        )
        has_type = language == "python" and re.search(rf"{word}\s*:", header) is not None
        has_default = re.search(rf"{word}\s*(:[^,]*)?=", header) is not None
        if is_used and is_asked is None and not has_type and not has_default:
            found.append(name)
    return found


def guards(source: Source) -> list[tuple[str, bool]]:
    """List conditions under which a text does nothing but leave, and whether it leaves with an error."""
    found: list[tuple[str, bool]] = []
    pending = [source.tree.syntax.root_node]
    while pending:
        node = pending.pop()
        pending += reversed(node.named_children)
        condition, yes = node.child_by_field_name("condition"), node.child_by_field_name("consequence")
        if condition is None or yes is None or not node.type.startswith(("if_", "elif_")):
            continue
        inside = re.sub(r"^\{|\}$", "", _text(yes).strip()).strip()
        if re.match(r"(raise|throw|return|panic)\b", inside):
            found.append(
                (" ".join(_bare(condition).split()), re.match(r"raise|throw|panic", inside) is not None)
            )
    return found


def _bare(node: Node) -> str:
    while node.type == "parenthesized_expression" and node.named_child_count == 1:
        node = node.named_children[0]
    return _text(node)


def _text(node: Node) -> str:
    return (node.text or b"").decode("utf-8", "replace")
