"""Names that are used where no declaration of theirs reaches: declared in a block, and used after it.

Only for languages whose blocks are scopes. Node types of all grammars are matched by their common words, as
in `code`. What is inherited is not known: compare what is found before and after an edit.
"""

from __future__ import annotations

import re

import tree_sitter

from qwen_lsp.syntax.code import Source, is_bound, is_key, is_member

_SCRIPTS = {"javascript", "typescript", "typescriptreact"}
_LANGUAGES = _SCRIPTS | {"java", "go", "c", "cpp", "csharp", "rust"}
_SCOPE = re.compile(
    r"(^|_)(block|body|program|source_file|compilation_unit|translation_unit)$"
    r"|^(for|while|if|do|switch|type_switch|expression_switch|select|enhanced_for|foreach|using|fixed|lock|match"
    r"|for_in|for_range|try|try_with_resources)_(statement|expression)$"
    r"|^(catch_clause|.*case|.*case_clause|.*_arm|switch_section|switch_block_statement_group)$"
    r"|lambda|arrow_function|closure|func_literal"
    r"|(function|method|constructor|class|struct|interface|record|enum|trait|impl)_\w+$|compound_statement"
)
_DEFINES = re.compile(r"(declaration|definition|item|specifier)$")
_DEFINED = re.compile(r"function|method|class|struct|interface|record|enum|trait|constructor|type")
_FUNCTION = re.compile(r"function|method|arrow|constructor|program")


def unreachable(source: Source) -> set[str]:
    """Name what the text declares, and uses where it is not declared."""
    if source.language.id not in _LANGUAGES:
        return set()
    has_var = source.language.id in _SCRIPTS
    scopes: dict[str, set[int]] = {}
    used: list[tuple[str, tree_sitter.Node]] = []
    pending = [source.tree.syntax.root_node]
    while pending:
        node = pending.pop()
        pending += node.children
        if node.child_count or node.type not in ("identifier", "shorthand_property_identifier_pattern"):
            continue
        name = (node.text or b"").decode("utf-8", "replace")
        if node.type != "identifier" or is_bound(node):
            scopes.setdefault(name, set()).add(_scope_of(node, has_var=has_var))
        elif not is_member(node) and not is_key(node):
            used.append((name, node))
    return {name for name, node in used if name in scopes and not _around(node) & scopes[name]}


def _scope_of(node: tree_sitter.Node, *, has_var: bool) -> int:
    """Return the scope that a declared name belongs to."""
    inner, parent = node, node.parent
    is_variable = False  # of JavaScript, which blocks do not hold
    while parent is not None:
        is_own = inner == node and parent.child_by_field_name("name") == node
        is_variable = is_variable or (parent.type == "variable_declaration" and has_var)
        is_scope = _SCOPE.search(parent.type) is not None and not (
            is_own and _DEFINED.search(parent.type) and _DEFINES.search(parent.type)
        )
        if is_scope and (not is_variable or _FUNCTION.search(parent.type)):
            return parent.id
        inner, parent = parent, parent.parent
    return inner.id


def _around(node: tree_sitter.Node) -> set[int]:
    found: set[int] = set()
    parent = node.parent
    while parent is not None:
        found.add(parent.id)
        parent = parent.parent
    return found
