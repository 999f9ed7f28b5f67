"""`bench actions`, prose: documentation, annotations and translations of functions of packages.

The functions come from the Python files below a folder that the user gives. A result counts when the
file parses and its code, seen through Python's own `ast` without docstrings and annotations, is what it was.
"""

from __future__ import annotations

import ast
import random
from dataclasses import dataclass
from pathlib import Path

from qwen_lsp.actions.prose import has_han, in_language
from qwen_lsp.actions.task import Proposal, Task, apply
from qwen_lsp.context import files
from qwen_lsp.errors import InputError
from qwen_lsp.messages import Locale
from qwen_lsp.text import Document, Span

_LEAST_LINES, _MOST_LINES = 4, 30
_MOST_FILES = 400


@dataclass(frozen=True, slots=True)
class Function:
    """One function of a package."""

    document: Document
    span: Span
    name: str


def draw(folder: Path, n: int, seed: int) -> dict[str, list[Function]]:
    """Draw up to `n` functions for each kind: without documentation, without annotations, with comments.

    Raises: InputError when there are none at all.
    """
    found = {kind: _functions(folder, n, seed, kind) for kind in ("docstring", "types", "translate")}
    if not any(found.values()):
        raise InputError(f"{folder} holds no Python function that fits")
    return found


def _functions(folder: Path, n: int, seed: int, wanted: str) -> list[Function]:
    paths = sorted(folder.rglob("*.py"))
    random.Random(seed).shuffle(paths)
    found: list[Function] = []
    for path in paths[:_MOST_FILES]:
        try:
            document = files.read(path)
            tree = ast.parse(document.text)
        except (InputError, SyntaxError, ValueError):
            continue
        fitting = [
            node
            for node in ast.walk(tree)
            if isinstance(node, ast.FunctionDef) and _fits(node, document, wanted)
        ]
        if fitting:  # one of each file: packages differ more than their functions
            node = fitting[0]
            span = Span(
                document.offset(node.lineno - 1, 0), document.line_end((node.end_lineno or node.lineno) - 1)
            )
            found.append(Function(document, span, node.name))
        if len(found) == n:
            return found
    return found


def _fits(node: ast.FunctionDef, document: Document, wanted: str) -> bool:
    n_lines = (node.end_lineno or node.lineno) - node.lineno + 1
    if not _LEAST_LINES <= n_lines <= _MOST_LINES:
        return False
    text = "\n".join(
        document.line(number) for number in range(node.lineno - 1, node.end_lineno or node.lineno)
    )
    if wanted == "types":
        return (
            bool(node.args.args)
            and node.returns is None
            and all(arg.annotation is None for arg in node.args.args)
        )
    if wanted == "translate":
        return "# " in text and not has_han(text)
    return ast.get_docstring(node) is None


def task(kind: str, function: Function, locale: Locale) -> Task:
    """Make the task for one function."""
    return Task(
        kind, function.document, function.span, path=Path(function.document.path or "").name, locale=locale
    )


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a proposal is worth."""

    parses: bool
    is_same_code: bool
    is_in_language: bool


def verdict(task_: Task, proposal: Proposal) -> Verdict:
    """Judge a proposal without the product's own checks."""
    before = task_.document.text
    after = apply(before, proposal.edits)
    try:
        is_same = bare(after) == bare(before)
    except SyntaxError:
        return Verdict(False, False, False)
    new = "\n".join(edit.new_text for edit in proposal.edits)
    return Verdict(True, is_same, task_.kind == "types" or in_language(new, task_.locale))


def bare(text: str) -> str:
    """Return a module's code without docstrings, annotations and imports from `typing`."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            node.returns = None
            arguments = node.args
            for one in (
                *arguments.posonlyargs,
                *arguments.args,
                *arguments.kwonlyargs,
                arguments.vararg,
                arguments.kwarg,
            ):
                if one is not None:
                    one.annotation = None
        body = getattr(node, "body", None)
        if isinstance(body, list):
            kept = [entry for entry in body if not _is_left_out(entry)]
            body[:] = kept
    return ast.dump(tree)


def _is_left_out(node: ast.AST) -> bool:
    if isinstance(node, ast.ImportFrom):
        return node.module == "typing"
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )
