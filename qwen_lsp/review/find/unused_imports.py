"""Which imports of Python that a file does not use are left over, and which are there for somebody else.

An import also runs a module, which registers itself, gives its name on to those who import it from here, or
tries whether something is installed. Only what is none of that is a warning.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection

from qwen_lsp import git as git_of
from qwen_lsp.review.change import elsewhere, git
from qwen_lsp.review.change.change import Change
from qwen_lsp.text import Document, decode

_LEFT = re.compile(r"^`([\w.]+)(?: as (\w+))?` imported but unused\.?$")
_STATEMENT = re.compile(r"^([ \t]*)(?:from|import)\b")
_TYPES_ONLY = re.compile(r"\s*if\s+(?:\w+\.)?TYPE_CHECKING\s*:")
# Who reads these files imports what they define: fixtures, models that register themselves, settings.
_FOR_OTHERS = re.compile(
    r"(?:^|/)(?:conftest|compat\w*|_compat\w*|typing|_typing|settings\w*|env|api|\w*imports?)\.py$|\.pyi$"
)
# A module that only imports gives on what it imports.
_DEFINES = re.compile(
    r"^[ \t]*(?:async\s+)?(?:def|class|if|for|with|try)\b|^[A-Za-z_][\w.]*(?:\[[^\n]*\])?\s*(?:=|\()", re.M
)
# What each migration begins with, whether it needs it or not.
_OF_A_TEMPLATE = re.compile(r"alembic\.op$|sqlalchemy\b|django\.db\.(?:migrations|models)$")
_MIGRATION = re.compile(r"^(?:down_revision\b|class Migration\b)", re.M)
# A file that says so of one import gives more of them on.
_GIVES_ON = re.compile(r"(?i)#.*\bnoqa:[^\n]*\bF401\b|\bre-?exports?\b|\bre-?exported\b")
_TOLD_OFF = re.compile(r"(?i)#\s*(?:noqa|pylint:\s*disable)")
_MAX_FILES = 40


def is_left(document: Document, message: str, row: int) -> bool:
    """Whether an import that ruff calls unused at a line from 1 is left over, as far as its file tells."""
    match = _LEFT.match(message)
    if match is None or not _DEFINES.search(document.text) or _FOR_OTHERS.search(document.path or ""):
        return False
    path, alias = match.groups()
    if _GIVES_ON.search(document.text):
        return False
    if _OF_A_TEMPLATE.match(path) and _MIGRATION.search(document.text):
        return False
    lines = [document.line(number) for number in range(min(row, document.line_count))]
    at = next((n for n in range(len(lines) - 1, -1, -1) if _STATEMENT.match(lines[n])), None)
    if at is None or any(_TOLD_OFF.search(line) for line in lines[at:]):
        return False
    statement = _STATEMENT.match(lines[at])
    indent = len(statement[1]) if statement else 0
    if indent and not _is_for_types(lines[:at], indent):
        return False
    is_module = lines[at].lstrip().startswith("import")
    if is_module and "." in path and alias is None:
        return False
    name = alias or path.split(".")[-1]
    return len(re.findall(rf"\b{re.escape(name)}\b", document.text)) == 1


def _is_for_types(above: list[str], indent: int) -> bool:
    for line in reversed(above):
        if line.strip() and len(line) - len(line.lstrip()) < indent:
            return bool(_TYPES_ONLY.match(line))
    return False


def paths(change: Change) -> set[str]:
    """List the files of the repository after a change."""
    listed = elsewhere.paths(change.root, change.head) if change.root is not None else None
    return (listed or set()) | {one.path for one in change.files}


def is_for_others(change: Change, known: Collection[str], path: str, message: str) -> bool:
    """Whether an import is a module of the repository (its files: `known`), or another file reads it here."""
    match = _LEFT.match(message)
    if match is None or change.root is None:
        return True
    imported = match[1].lstrip(".")
    ending = imported.replace(".", "/")
    wanted = (f"/{ending}.py", f"/{ending}/__init__.py")
    if any(f"/{one}".endswith(wanted) for one in known):
        return True
    name, stem = match[2] or imported.split(".")[-1], posixpath.basename(path).removesuffix(".py")
    pattern = re.compile(
        rf"\b{re.escape(stem)}\.{re.escape(name)}\b"
        rf"|\bfrom\s+[\w.]*\b{re.escape(stem)}\s+import\s+(?:\*|(?:\([^)]*|[^\n(]*)\b{re.escape(name)}\b)"
    )
    mine = [one.after or "" for one in change.files if one.path != path and one.path.endswith(".py")]
    return any(pattern.search(text) for text in (*mine, *_with(change, path, stem, name)))


def _with(change: Change, path: str, stem: str, name: str) -> list[str]:
    """Read the files of the base that name this module and the import."""
    if change.root is None or not change.base:
        return []
    both = ("--all-match", "-e", stem, "-e", name)
    found = git_of.run(
        change.root, "grep", "-l", "-z", "-w", "-F", *both, change.base, "--", "*.py", "*.ipynb"
    )
    names = [one.decode("utf-8", "replace") for one in found.stdout.split(b"\0") if one]
    others = [one for one in names if one != f"{change.base}:{path}"][:_MAX_FILES]
    return [decode(data)[0] for data in git.blobs(change.root, others) if data]
