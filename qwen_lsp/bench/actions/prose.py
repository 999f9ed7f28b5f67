"""`bench actions`, prose: documentation, annotations and translations of functions of packages.

The functions come from the Python files below a folder that the user gives. A result counts when the
file parses and its code, seen through Python's own `ast` without docstrings and annotations, is what it was.
"""

from __future__ import annotations

import ast
import io
import random
import re
import textwrap
import tokenize
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from qwen_lsp.actions.prose import in_language
from qwen_lsp.actions.task import Proposal, Task, apply
from qwen_lsp.context import named_files
from qwen_lsp.errors import InputError
from qwen_lsp.messages import Locale
from qwen_lsp.text import Document, Edit, Span, has_han

_MIN_LINES, _MAX_LINES = 4, 30
_MAX_FILES = 400


@dataclass(frozen=True, slots=True)
class Function:
    """One function of a package.

    Shape: `annotations` are those that its author wrote, by parameter, "" for the return value; they were
    taken out of the document. Empty for a function that had none.
    """

    document: Document
    span: Span
    name: str
    annotations: Mapping[str, str] = field(default_factory=dict)


def modules(folder: Path, chance: random.Random) -> Iterator[tuple[Document, ast.Module]]:
    """Yield the Python files below a folder that parse, in a random order."""
    paths = sorted(folder.rglob("*.py"))
    chance.shuffle(paths)
    for path in paths[:_MAX_FILES]:
        try:
            document = named_files.read(path)
            yield document, ast.parse(document.text)
        except (InputError, SyntaxError, ValueError):
            continue


def draw(folder: Path, n: int, seed: int) -> dict[str, list[Function]]:
    """Draw up to `n` functions for each kind.

    Shape: without documentation, without annotations, with comments; `annotated` had annotations.
    Raises: InputError when there are none at all.
    """
    found = {kind: _functions(folder, n, seed, kind) for kind in ("docstring", "types", "translate")}
    found["annotated"] = _annotated(folder, n, seed)
    if not any(found.values()):
        raise InputError(f"{folder} holds no Python function that fits")
    return found


def _functions(folder: Path, n: int, seed: int, wanted: str) -> list[Function]:
    found: list[Function] = []
    for document, tree in modules(folder, random.Random(seed)):
        fitting = [
            node
            for node in ast.walk(tree)
            if isinstance(node, ast.FunctionDef) and _fits(node, document, wanted)
        ]
        if fitting:  # one of each file: packages differ more than their functions
            found.append(Function(document, _span(document, fitting[0]), fitting[0].name))
        if len(found) == n:
            return found
    return found


def _span(document: Document, node: ast.FunctionDef) -> Span:
    return Span(document.offset(node.lineno - 1, 0), document.line_end((node.end_lineno or node.lineno) - 1))


def _annotated(folder: Path, n: int, seed: int) -> list[Function]:
    """Draw functions with annotations, up to one of each file in each round, and take those out."""
    chance = random.Random(seed)
    files_of: list[list[tuple[Document, ast.FunctionDef]]] = []
    for document, tree in modules(folder, chance):
        fitting = [
            (document, node)
            for node in ast.walk(tree)
            if isinstance(node, ast.FunctionDef) and _fits(node, document, "annotated")
        ]
        chance.shuffle(fitting)
        files_of.append(fitting)
    found: list[Function] = []
    while any(files_of) and len(found) < n:
        for fitting in files_of:
            if fitting and len(found) < n:
                found.append(_bare(*fitting.pop()))
    return found


def _bare(document: Document, node: ast.FunctionDef) -> Function:
    """Take the annotations out of a function's header."""
    edits: list[Edit] = []
    written: dict[str, str] = {}

    def at(line: int, column: int) -> int:
        text = document.line(line - 1)
        return document.offset(line - 1, len(text.encode()[:column].decode()))

    for one in every_argument(node.args):
        if one.annotation is not None:
            written[one.arg] = ast.unparse(one.annotation)
            start = at(one.lineno, one.col_offset) + len(one.arg)
            end = at(one.annotation.end_lineno or 0, one.annotation.end_col_offset or 0)
            edits.append(Edit(Span(start, end), ""))
    if node.returns is not None:
        written[""] = ast.unparse(node.returns)
        start = at(node.returns.lineno, node.returns.col_offset)
        arrow = re.search(r"\s*->[\s(]*$", document.text[:start])
        end = at(node.returns.end_lineno or 0, node.returns.end_col_offset or 0)
        edits.append(Edit(Span(arrow.start() if arrow else start, end), ""))
    span = _span(document, node)
    text = apply(document.text, sorted(edits, key=lambda edit: edit.span.start))
    end = span.end - len(document.text) + len(text)
    without = Document(document.uri, text, 0, "python", document.path)
    return Function(without, Span(span.start, end), node.name, written)


def every_argument(arguments: ast.arguments) -> list[ast.arg]:
    """List all parameters, whatever their kind."""
    every = [
        *arguments.posonlyargs,
        *arguments.args,
        *arguments.kwonlyargs,
        arguments.vararg,
        arguments.kwarg,
    ]
    return [one for one in every if one is not None]


def _fits(node: ast.FunctionDef, document: Document, wanted: str) -> bool:
    n_lines = (node.end_lineno or node.lineno) - node.lineno + 1
    if not _MIN_LINES <= n_lines <= _MAX_LINES:
        return False
    text = "\n".join(
        document.line(number) for number in range(node.lineno - 1, node.end_lineno or node.lineno)
    )
    if wanted == "annotated":
        is_method = bool(node.args.args) and node.args.args[0].arg in ("self", "cls")
        asked = every_argument(node.args)[is_method:]
        return bool(asked) and node.returns is not None and all(one.annotation for one in asked)
    if wanted == "types":
        return (
            bool(node.args.args)
            and node.returns is None
            and all(arg.annotation is None for arg in node.args.args)
        )
    if wanted == "translate":
        return not has_han(text) and any(map(_is_sentence, _comments(text)))
    return ast.get_docstring(node) is None


def _comments(text: str) -> list[str]:
    try:
        lines = io.StringIO(textwrap.dedent(text) + "\n").readline
        return [one.string for one in tokenize.generate_tokens(lines) if one.type == tokenize.COMMENT]
    except (tokenize.TokenError, SyntaxError):
        return []


def _is_sentence(comment: str) -> bool:
    """Whether a comment says something to people: three words, and none of the marks that tools read."""
    is_mark = re.match(r"#\W*(noqa|pragma|type:|pylint|fmt:|mypy|todo\b)", comment, re.IGNORECASE)
    return is_mark is None and len(re.findall(r"[A-Za-z]{2,}", comment)) >= 3


def task(kind: str, function: Function, locale: Locale) -> Task:
    """Make the task for one function."""
    return Task(
        kind,
        function.document,
        function.span,
        path=Path(function.document.path or "").name,
        locale=locale,
        is_trusted=True,
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
            for one in every_argument(node.args):
                one.annotation = None
        body = getattr(node, "body", None)
        if isinstance(body, list):
            kept = [entry for entry in body if not _is_left_out(entry)]
            body[:] = kept
    return ast.dump(tree)


def _is_left_out(node: ast.AST) -> bool:
    if isinstance(node, ast.ImportFrom):
        return node.module in ("typing", "collections.abc")
    if isinstance(node, ast.If):  # `if TYPE_CHECKING:` holds imports for annotations alone
        return isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def agreement(function: Function, after: str) -> tuple[int, int, int]:
    """Count the annotations of the author, those given in their place, and those that mean the same."""
    first = function.document.text[: function.span.start].count("\n") + 1
    nodes = [
        node
        for node in ast.walk(ast.parse(after))
        if isinstance(node, ast.FunctionDef) and node.name == function.name
    ]
    node = min(nodes, key=lambda one: abs(one.lineno - first))
    given = {one.arg: one.annotation for one in every_argument(node.args)} | {"": node.returns}
    pairs = [(text, given.get(name)) for name, text in function.annotations.items()]
    same = sum(one is not None and _plain(text) == _plain(ast.unparse(one)) for text, one in pairs)
    return len(pairs), sum(one is not None for _, one in pairs), same


_OLD_NAMES = {"List": "list", "Dict": "dict", "Tuple": "tuple", "Set": "set", "FrozenSet": "frozenset"}


def _plain(annotation: str) -> str:
    """Write a type in one form: without quotes, modules, old names, `Optional` and `Union`."""

    def form(node: ast.expr) -> set[str]:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return form(ast.parse(node.value, mode="eval").body)
        if isinstance(node, ast.BinOp):
            return form(node.left) | form(node.right)
        if isinstance(node, ast.Attribute):
            node = ast.Name(node.attr)
        if isinstance(node, ast.Name):
            return {_OLD_NAMES.get(node.id, node.id)}
        if not isinstance(node, ast.Subscript):
            return {ast.unparse(node)}
        base = "|".join(form(node.value))
        parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        if base in ("Optional", "Union"):
            return set().union(*map(form, parts)) | ({"None"} if base == "Optional" else set())
        return {f"{base}[{', '.join('|'.join(sorted(form(part))) for part in parts)}]"}

    return "|".join(sorted(form(ast.parse(annotation, mode="eval").body)))
