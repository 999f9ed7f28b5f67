"""Whether a Python name that a linter calls undefined can have a value after all.

A linter sees names that a file binds. This looks for what binds them otherwise, and for uses that never run.
It reads one text and knows no linter.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Literal

from qwen_lsp.syntax.python_names import parsed

Doubt = Literal["none", "some", "defined"]

# Put there by gettext's `install`, notebooks, Spark's shells, type checkers.
_INSTALLED = frozenset(
    ("_", "N_", "ngettext", "gettext", "get_ipython", "display", "dbutils", "spark", "sc", "sqlContext")
) | {"reveal_type", "reveal_locals", "__class__"}
_DYNAMIC = re.compile(
    r"\b(?:globals|vars|locals)\(\)\s*(?:\[|\.update|\.setdefault)|\bexec\(|\bexecfile\(|\bbuiltins\.\w+\s*=|"
    r"\bsetattr\(\s*(?:builtins|sys\.modules)|\bimport \*"
)


def doubt(text: str, name: str, line: int) -> Doubt:
    """Say how sure it is that a name of a line (from 1) has no value when the line runs.

    `defined`: something binds it that linters do not see, or its absence is handled. `some`: it is bound in
    another scope, or only names a type.
    """
    if name in _INSTALLED or _DYNAMIC.search(text):
        return "defined"
    tree = parsed(text)
    if tree is None:
        return "some"
    if any(_is_handled(node, line) for node in ast.walk(tree) if isinstance(node, ast.Try)):
        return "defined"
    if name in set(_bound(tree)):
        return "some"
    annotations = {id(node) for whole in _annotations(tree) for node in ast.walk(whole)}
    runs = any(
        isinstance(node, ast.Name) and node.id == name and node.lineno == line and id(node) not in annotations
        for node in ast.walk(tree)
    )
    return "none" if runs else "some"


def is_free(text: str, name: str) -> bool:
    """Whether a text reads a name that it does not bind."""
    tree = parsed(text)
    if tree is None or name in set(_bound(tree)):
        return False
    return any(isinstance(node, ast.Name) and node.id == name for node in ast.walk(tree))


def _is_handled(node: ast.Try, line: int) -> bool:
    """Whether a `try` around a line expects that a name is not there."""
    first, last = node.body[0].lineno, node.body[-1].end_lineno or 0
    return first <= line <= last and any("'NameError'" in ast.dump(one) for one in node.handlers)


def _bound(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            yield node.id
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.alias):
            yield (node.asname or node.name).split(".")[0]
        elif isinstance(node, ast.Global | ast.Nonlocal):
            yield from node.names


def _annotations(tree: ast.AST) -> Iterator[ast.expr]:
    for node in ast.walk(tree):
        found = None
        if isinstance(node, ast.AnnAssign | ast.arg):
            found = node.annotation
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            found = node.returns
        if found is not None:
            yield found
