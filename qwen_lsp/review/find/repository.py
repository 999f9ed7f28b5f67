"""What the index of a repository knows of a changed piece: signatures of what it calls, which names exist.

Reading never waits for an index to be made: without one, nothing is known and nothing is lost.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

from qwen_lsp.context.signatures import brief
from qwen_lsp.index.reader import Index
from qwen_lsp.review.change.units import Unit

_CALLED = re.compile(r"([^\W\d]\w*)\s*\(")
_MAX_SIGNATURES = 3
# A name with more meanings than this says nothing without its type.
_MAX_MEANINGS = 2
_CALLABLE = {"function", "method", "class", "macro"}


@dataclass(frozen=True, slots=True)
class Repository:
    """An index, or none."""

    index: Index | None = None

    def has(self, name: str) -> bool:
        """Whether the repository defines a name anywhere."""
        return self.index is not None and bool(self.index.definitions_named([name], limit=1))

    def enrich(self, unit: Unit) -> Unit:
        """Return a unit with the signatures of what its changed lines call and does not show itself."""
        if self.index is None:
            return unit
        lines = "\n".join(unit.document.line(number - 1) for number in sorted(unit.changed))
        names = dict.fromkeys(_CALLED.findall(lines))
        signatures: list[str] = []
        for name in names:
            found = [
                entry
                for entry in self.index.definitions_named([name], limit=_MAX_MEANINGS + 1)
                if entry.kind in _CALLABLE
            ]
            if 0 < len(found) <= _MAX_MEANINGS:
                signatures += [brief(entry.signature, entry.kind) for entry in found]
        shown = [one for one in dict.fromkeys(signatures) if one not in unit.text]
        return replace(unit, signatures=tuple(shown[:_MAX_SIGNATURES]))


NOTHING = Repository()


def at(root: Path | None) -> Repository:
    """Return what is known of a folder by the index that was made of it earlier."""
    if root is None:
        return NOTHING
    index = Index(root)
    return Repository(index if index.file.is_file() else None)
