"""What a compiler would say against code that the grammar takes: results of Go, checked exceptions of Java.

Only what is certain from one file. Compare what is found before and after an edit.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import tree_sitter

from qwen_lsp.syntax.code import Source

_GO_FUNCTIONS = {"function_declaration", "method_declaration", "func_literal"}
# Types of Go that can't be nil.
_NEVER_NIL = re.compile(r"string|bool|u?int\d*|uintptr|float\d+|complex\d+|byte|rune")
# Exceptions of Java that a method must declare or catch. Source: java.base, java.sql, org.json on Android.
_CHECKED_NAMES = """
    Exception Throwable IOException FileNotFoundException MalformedURLException UnsupportedEncodingException
    SQLException InterruptedException ClassNotFoundException TimeoutException ExecutionException
    ParseException URISyntaxException GeneralSecurityException NoSuchAlgorithmException
    InvalidKeyException JSONException CloneNotSupportedException NoSuchMethodException NoSuchFieldException
    IllegalAccessException InstantiationException InvocationTargetException SAXException RemoteException
    NamingException
"""
_CHECKED = frozenset(_CHECKED_NAMES.split())


def faults(source: Source) -> set[str]:
    """Return what does not compile, as the text of the place."""
    root = source.tree.syntax.root_node
    if source.language.id == "go":
        return {_text(node) for node in _walk(root) if node.type == "return_statement" and _is_wrong(node)}
    if source.language.id == "java":
        return {_text(node) for node in _walk(root) if node.type == "throw_statement" and _is_unlisted(node)}
    return set()


def _is_wrong(statement: tree_sitter.Node) -> bool:
    """Whether a `return` of Go gives another number of values than its function, or nil for a plain type."""
    function = _above(statement, _GO_FUNCTIONS)
    given = statement.named_children[0].named_children if statement.named_children else []
    given = [one for one in given if one.type != "comment"]
    if function is None:
        return False
    result = function.child_by_field_name("result")
    if result is None:
        return bool(given)
    types, is_named = _results(result)
    if not given:
        return not is_named
    if len(given) == 1 and given[0].type == "call_expression" and len(types) > 1:
        return False
    if len(given) != len(types):
        return True
    return any(
        one.type == "nil" and _NEVER_NIL.fullmatch(kind) for one, kind in zip(given, types, strict=True)
    )


def _results(result: tree_sitter.Node) -> tuple[list[str], bool]:
    if result.type != "parameter_list":
        return [_text(result)], False
    types: list[str] = []
    is_named = False
    for one in result.named_children:
        kind = one.child_by_field_name("type")
        names = one.children_by_field_name("name")
        is_named = is_named or bool(names)
        types += [_text(kind) if kind is not None else ""] * max(len(names), 1)
    return types, is_named


def _is_unlisted(statement: tree_sitter.Node) -> bool:
    """Whether a `throw` of Java throws what its method neither declares nor catches."""
    made = statement.named_children[0] if statement.named_children else None
    kind = made.child_by_field_name("type") if made is not None else None
    if kind is None or _text(kind) not in _CHECKED:
        return False
    method = _above(statement, {"method_declaration", "constructor_declaration", "lambda_expression"})
    if method is None or method.type == "lambda_expression":
        return False
    listed = next((child for child in method.children if child.type == "throws"), None)
    names = set(re.findall(r"\w+", _text(listed))) if listed is not None else set()
    is_declared = bool(names & {_text(kind), "Exception", "Throwable"}) or "IOException" in names
    return not is_declared and not _is_in_try(statement, method)


def _is_in_try(statement: tree_sitter.Node, method: tree_sitter.Node) -> bool:
    inner, outer = statement, statement.parent
    while outer is not None and outer != method:
        is_try = outer.type in ("try_statement", "try_with_resources_statement")
        if is_try and outer.child_by_field_name("body") == inner:
            return True
        inner, outer = outer, outer.parent
    return False


def _above(node: tree_sitter.Node, types: set[str]) -> tree_sitter.Node | None:
    outer = node.parent
    while outer is not None and outer.type not in types:
        outer = outer.parent
    return outer


def _walk(node: tree_sitter.Node) -> Iterator[tree_sitter.Node]:
    pending = [node]
    while pending:
        one = pending.pop()
        yield one
        pending += reversed(one.children)


def _text(node: tree_sitter.Node) -> str:
    return (node.text or b"").decode("utf-8", "replace")
