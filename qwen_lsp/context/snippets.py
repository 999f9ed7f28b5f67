"""The values that travel from the sources to the prompt: a snippet, its score in parts, what became of it.

Pure data; it knows neither the index nor prompts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from qwen_lsp.text import Span

Source = Literal[
    "receiver",  # what may stand after the dot that the cursor is behind
    "definition",  # of a name used near the cursor
    "member",  # of a type in scope
    "enclosing",  # the type around the cursor, where the prompt does not show it
    "import",  # what an imported file offers
    "caller",
    "test",
    "edit",  # changed a moment ago
    "copied",
    "viewed",
    "similar",  # shares identifiers
    "diagnostic",  # named in a message on the cursor's lines
]
Dropped = Literal["", "budget", "shown", "duplicate", "similar"]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A piece of code that may help, as one source offers it.

    Shape: `text` has LF line ends; `span` is that of the code in the file, which `text` may shorten.
    `group` is the line that the piece stands below when it is written out, such as `class Order:`.
    `nearness` says how close the reason for it is to the cursor, from 0 to 1.
    """

    path: str
    span: Span
    text: str
    source: Source
    nearness: float = 1.0
    name: str = ""
    group: str = ""


@dataclass(frozen=True, slots=True)
class Snippet:
    """A candidate after ranking and packing.

    Shape: `parts` sum up to `score`. Of an `is_name_only` one there was room for no more than its name.
    `dropped` is empty for what the model gets; `budget`: no room; `shown`: the prompt has it anyway;
    `duplicate`: another snippet covers it; `similar`: too much like the text at the cursor, which the
    model would repeat. Units: `tokens` is an estimate on the high side.
    """

    path: str
    span: Span
    text: str
    source: Source
    score: float
    parts: Mapping[str, float]
    tokens: int
    dropped: Dropped = ""
    name: str = ""
    group: str = ""
    is_name_only: bool = False


@dataclass(frozen=True, slots=True)
class Gathered:
    """Everything that was considered for one place, the best first, and what of it goes into the prompt.

    Shape: `files` are the kept ones as they are written, (path, text), the best last, nearest to the cursor.
    `late` names the sources that were skipped because the time was up. Units: milliseconds.
    """

    snippets: tuple[Snippet, ...] = ()
    files: tuple[tuple[str, str], ...] = ()
    tokens: int = 0
    elapsed_ms: float = 0.0
    late: tuple[str, ...] = ()
    problem: str = ""

    @property
    def kept(self) -> list[Snippet]:
        """What goes into the prompt."""
        return [snippet for snippet in self.snippets if not snippet.dropped]

    def to_json(self) -> dict[str, Any]:
        """Return everything as plain JSON values; spans are in code points."""
        return {
            "snippets": [_snippet_json(snippet) for snippet in self.snippets],
            "files": [{"path": path, "text": text} for path, text in self.files],
            "tokens": self.tokens,
            "elapsedMs": round(self.elapsed_ms, 2),
            "late": list(self.late),
            "problem": self.problem,
        }


def _snippet_json(snippet: Snippet) -> dict[str, Any]:
    return {
        "path": snippet.path,
        "start": snippet.span.start,
        "end": snippet.span.end,
        "name": snippet.name,
        "text": snippet.text,
        "source": snippet.source,
        "score": snippet.score,
        "parts": dict(snippet.parts),
        "tokens": snippet.tokens,
        "kept": not snippet.dropped,
        "dropped": snippet.dropped or None,
        "nameOnly": snippet.is_name_only,
    }


@dataclass(frozen=True, slots=True)
class Recent:
    """What the user did lately, the newest first; see recent.py."""

    edits: Sequence[Candidate] = ()
    copied: Sequence[Candidate] = ()
    viewed: Sequence[Candidate] = ()
    diagnostics: Sequence[str] = field(default=())


NOTHING = Recent()
