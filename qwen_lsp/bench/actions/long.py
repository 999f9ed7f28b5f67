"""`bench actions`, long functions: a misspelt name repaired, writing all of it and only where it changes.

The functions come from the Python files below a folder that the user gives; one use of a local variable
is misspelt, and the diagnostic is what a linter says of that. A result counts when the text is as it was.
"""

from __future__ import annotations

import ast
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from qwen_lsp.actions.task import Diagnostic, Task
from qwen_lsp.bench.actions.prose import modules
from qwen_lsp.text import Document, Span

_MIN_LINES, _MAX_LINES = 40, 120
_MIN_CHARS = 4


@dataclass(frozen=True, slots=True)
class Misspelt:
    """A function with a misspelt name: the task, and the text as it was."""

    name: str
    task: Task
    text: str


def draw(folder: Path, n: int, seed: int) -> list[Misspelt]:
    """Draw up to `n` functions of 40 to 120 lines, one of each file."""
    chance = random.Random(seed)
    found: list[Misspelt] = []
    for document, tree in modules(folder, chance):
        long = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and _is_long(node)]
        chance.shuffle(long)
        made = next((one for node in long if (one := _misspelt(document, node, chance)) is not None), None)
        if made is not None:
            found.append(made)
        if len(found) == n:
            break
    return found


def _is_long(node: ast.FunctionDef) -> bool:
    return _MIN_LINES <= (node.end_lineno or node.lineno) - node.lineno + 1 <= _MAX_LINES


def _misspelt(document: Document, function: ast.FunctionDef, chance: random.Random) -> Misspelt | None:
    uses = list(_uses(function))
    if not uses:
        return None
    use = chance.choice(uses)
    at = chance.randrange(1, len(use.id) - 1)
    typo = use.id[:at] + use.id[at + 1] + use.id[at] + use.id[at + 2 :]
    line = document.line(use.lineno - 1)
    start = document.offset(use.lineno - 1, len(line.encode()[: use.col_offset].decode()))
    span = Span(start, start + len(use.id))
    if typo in document.text or document.text[span.start : span.end] != use.id:
        return None
    text = document.text[: span.start] + typo + document.text[span.end :]
    broken = Document(document.uri, text, 0, "python", document.path)
    problem = Diagnostic(span, f"undefined name '{typo}'", "pyflakes")
    path = Path(document.path or "")
    task = Task("fix", broken, Span(start, start), path.name, diagnostics=(problem,))
    return Misspelt(f"{path.parent.name}/{path.name}: {function.name}", task, document.text)


def _uses(function: ast.FunctionDef) -> Iterator[ast.Name]:
    """Yield the uses of local variables."""
    names = [node for node in ast.walk(function) if isinstance(node, ast.Name)]
    local = {node.id for node in names if isinstance(node.ctx, ast.Store)}
    for node in names:
        if isinstance(node.ctx, ast.Load) and node.id in local and len(node.id) >= _MIN_CHARS:
            yield node
