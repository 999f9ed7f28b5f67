"""What the repository's index tells an action: what the names that a region uses mean, and which names exist.

Pure reading of an Index, bounded so that it costs milliseconds; it knows no prompts and no LSP.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import PurePosixPath

from qwen_lsp.actions import imports
from qwen_lsp.actions.task import RepositoryContext
from qwen_lsp.context.lookup import CALLED, KEYWORDS, Look
from qwen_lsp.context.place import TYPE_KINDS, place
from qwen_lsp.context.signatures import brief
from qwen_lsp.context.snippets import NOTHING
from qwen_lsp.index.reader import Index, IndexedDefinition
from qwen_lsp.text import Cursor, Document, Span

_MAX_NAMES = 30
_MAX_CHAINS = 30
_CHAIN = re.compile(r"(?<!\w)((?:[^\W\d]\w*(?:\(\))?(?:\?\.|\.|::|->))+)([^\W\d]\w*)")


def enrich(context: RepositoryContext, index: Index, path: str) -> RepositoryContext:
    """Add what an index knows; `path` is that of the task's document, relative to the index's root."""

    def signatures(document: Document, region: Span, names: set[str]) -> Sequence[str]:
        return used(index, path, document, region, names)

    def importing(name: str) -> str:
        return import_of(index, path, name)

    def is_known(name: str) -> bool:
        if path.endswith((".py", ".pyi")):  # there, what is not imported is not there
            return bool(importing(name)) or context.is_known(name)
        return bool(index.definitions_named([name], limit=1)) or context.is_known(name)

    return replace(context, signatures=signatures, is_known=is_known, importing=importing)


def import_of(index: Index, path: str, name: str) -> str:
    """Return the line by which a Python file brings in a name that one module of the repository defines."""
    if not path.endswith((".py", ".pyi")):
        return ""
    found = {
        one.path
        for one in index.definitions_named([name], limit=8, near=path)
        if not one.container and one.path.endswith(".py") and one.path != path
    }
    if len(found) != 1:
        return ""
    return f"from {imports.module_of(index.root, PurePosixPath(found.pop()))} import {name}"


def used(index: Index, path: str, document: Document, region: Span, names: set[str]) -> list[str]:
    """List the signatures of what a region uses of other files, members below their type.

    Shape: one line each, in the order of their first use; those of a type's members are indented.
    """
    look = Look(place(Cursor(document, region.end), path, index.definitions_in(path)), index, NOTHING)
    text = document.text[region.start : region.end]
    found: dict[IndexedDefinition, dict[IndexedDefinition, None]] = {}
    for name in _in_order(text, names):
        for one in look.resolve(name):
            found.setdefault(one, {})
    for chain, name in _chains(text):
        for owner in look.type_of_chain(chain):
            member = next((one for one in look.members(owner) if one.name == name), None)
            if member is not None:
                found.setdefault(owner, {})[member] = None
    lines: list[str] = []
    for one, members in found.items():
        if one.kind in TYPE_KINDS and not members:  # a type that is made: what its constructor takes
            made = [member for member in look.members(one) if member.name == "__init__"]
            members = dict.fromkeys(made)
        if one.path == path and not members:
            continue
        lines.append(_line(one))
        lines += [f"    {_line(member)}" for member in members]
    return list(dict.fromkeys(lines))


def _line(one: IndexedDefinition) -> str:
    return " ".join(brief(one.signature, one.kind).split()) if one.kind in CALLED else one.signature


def _in_order(text: str, names: set[str]) -> list[str]:
    words = dict.fromkeys(re.findall(r"[^\W\d]\w*", text))
    return [word for word in words if word in names and word not in KEYWORDS][:_MAX_NAMES]


def _chains(text: str) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield each receiver in the text, from left to right, with the member that is asked of it."""
    matches: Iterable[re.Match[str]] = _CHAIN.finditer(text)
    found = dict.fromkeys((tuple(re.findall(r"[^\W\d]\w*", match[1])), match[2]) for match in matches)
    yield from list(found)[:_MAX_CHAINS]
