"""A definition with its place in a repository, and the text of an open editor, which stands for a file.

Pure: what was found in the text, looked up by name and by container as the index does it for files.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property

from qwen_lsp.index.extract import Extract
from qwen_lsp.text import Span


@dataclass(frozen=True, slots=True)
class IndexedDefinition:
    """A definition and the file it stands in."""

    path: str
    name: str
    kind: str
    signature: str
    doc: str
    span: Span
    container: str


class Overlay:
    """The text of an open editor and what was found in it."""

    def __init__(self, path: str, text: str, found: Extract) -> None:
        self.text = text
        self.found = found
        self._path = path

    @cached_property
    def definitions(self) -> list[IndexedDefinition]:
        """Its definitions in their order."""
        return [
            IndexedDefinition(self._path, d.name, d.kind, d.signature, d.doc, d.span, d.container)
            for d in self.found.definitions
        ]

    @cached_property
    def by_name(self) -> dict[str, list[IndexedDefinition]]:
        """Its definitions by their names."""
        found: dict[str, list[IndexedDefinition]] = defaultdict(list)
        for one in self.definitions:
            found[one.name].append(one)
        return found

    @cached_property
    def by_container(self) -> dict[str, list[IndexedDefinition]]:
        """Its definitions by what they stand directly inside of, "" for the text itself."""
        found: dict[str, list[IndexedDefinition]] = defaultdict(list)
        for one in self.definitions:
            found[one.container].append(one)
        return found
