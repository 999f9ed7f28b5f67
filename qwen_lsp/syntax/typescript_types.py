"""Whether a text is a TypeScript type whose names are all known in the file or the language."""

from __future__ import annotations

from qwen_lsp.syntax.code import Source
from qwen_lsp.syntax.languages import Language
from qwen_lsp.syntax.tree import parse

_GLOBAL = frozenset(
    (
        *(
            "Array",
            "ReadonlyArray",
            "Promise",
            "Record",
            "Map",
            "Set",
            "WeakMap",
            "WeakSet",
            "Date",
            "RegExp",
        ),
        *("Error", "Partial", "Required", "Readonly", "Pick", "Omit", "Iterable", "Iterator", "Generator"),
        *(
            "AsyncGenerator",
            "AsyncIterable",
            "Function",
            "Object",
            "String",
            "Uint8Array",
            "ArrayBuffer",
            "URL",
        ),
    )
)


def known(source: Source) -> frozenset[str]:
    """Name the types that a file may use: the language's, and what it defines or imports with a capital.

    `$ZodError` and `_Options` have one, too.
    """
    return _GLOBAL | {name for name in source.bound() if name.lstrip("$_")[:1].isupper()}


def holds(text: str, language: Language, names: frozenset[str]) -> bool:
    """Whether a text is one type, made of known names."""
    head = "type Only = "
    tree = parse(f"{head}{text};", language)
    if "/*" in text or "//" in text or tree is None or tree.syntax.root_node.has_error:
        return False
    root = tree.syntax.root_node
    if root.named_child_count != 1 or root.named_children[0].type != "type_alias_declaration":
        return False
    pending = [root.named_children[0].child_by_field_name("value")]
    while pending:
        node = pending.pop()
        if node is None or node.type in ("comment", "type_query", "template_literal_type"):
            return False
        if node.type in ("type_identifier", "identifier") and (node.text or b"").decode() not in names:
            parent = node.parent
            is_member = parent is not None and parent.type == "nested_type_identifier"
            is_member = is_member and parent is not None and parent.child_by_field_name("name") == node
            is_label = parent is not None and parent.type == "required_parameter"
            if not is_member and not is_label:
                return False
        pending += node.children
    return True
