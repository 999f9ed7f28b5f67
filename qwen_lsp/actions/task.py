"""What is asked of the model at a selection, and what may come of it: Task in, an Outcome out.

All values are frozen. A task carries the text it was made for, so its edits are for that version and no
other. It knows no LSP and no prompts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from qwen_lsp.action_settings import CustomAction
from qwen_lsp.messages import Locale
from qwen_lsp.syntax.languages import Language, find
from qwen_lsp.text import Document, Edit, Span

KINDS = (
    "fix",
    "explain",
    "docstring",
    "test",
    "simplify",
    "extract",
    "rename",
    "types",
    "errors",
    "optimise",
    "translate",
    "edit",
)


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """What some tool says is wrong at a place; `related` are its further remarks."""

    span: Span
    message: str
    source: str = ""
    related: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Task:
    """One action at one selection.

    Shape: `kind` is one of KINDS or the name of `custom`; `path` is relative to the repository, with
    forward slashes; `root` the repository's folder, "" where there is none; `locale` the language to
    write prose in, for `translate` the one to translate into; `is_trusted`: code of `root` may be run.
    """

    kind: str
    document: Document
    span: Span
    path: str = ""
    root: str = ""
    instruction: str = ""
    diagnostics: tuple[Diagnostic, ...] = ()
    locale: Locale = "en"
    custom: CustomAction | None = None
    is_trusted: bool = False

    @property
    def is_for_reading(self) -> bool:
        """Whether the answer is a text for the user, and no edit."""
        return self.custom.output == "text" if self.custom is not None else self.kind == "explain"

    @property
    def language(self) -> Language | None:
        """The document's language."""
        return find(self.document.language, self.document.path)


def _no_signatures(document: Document, region: Span, names: set[str]) -> Sequence[str]:
    return ()


def _nothing_open(path: Path) -> Document | None:
    return None


def _never(*_: object) -> bool:
    return False


def _no_import(name: str) -> str:
    return ""


@dataclass(frozen=True, slots=True)
class RepositoryContext:
    """What the rest of the program knows; by default nothing beyond the document itself.

    `signatures(document, region, names)` tells what names used in a region mean elsewhere in the repository;
    `is_known(name)` says whether anything there is called so, and `importing(name)` how a file brings it in,
    "" where that is not known or not needed; `open_document(path)` gives another file as the editor has it.
    """

    signatures: Callable[[Document, Span, set[str]], Sequence[str]] = _no_signatures
    is_known: Callable[[str], bool] = _never
    importing: Callable[[str], str] = _no_import
    open_document: Callable[[Path], Document | None] = _nothing_open


@dataclass(frozen=True, slots=True)
class FileText:
    """Text for another file: a new one, or appended to one that exists (`document`)."""

    path: str
    document: Document | None
    edits: tuple[Edit, ...]


@dataclass(frozen=True, slots=True)
class Proposal:
    """Edits of the task's document, in order and apart from one another, and of at most one other file."""

    edits: tuple[Edit, ...]
    other: FileText | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """Markdown for the user to read."""

    markdown: str


@dataclass(frozen=True, slots=True)
class Refused:
    """Nothing is fit to be applied. `reason` is a key `refused.*` of messages; `detail` is code or a name."""

    reason: str
    detail: str = ""


Outcome = Proposal | Explanation | Refused


def apply(text: str, edits: Sequence[Edit]) -> str:
    """Return the text with edits made, which are in order and do not overlap."""
    parts: list[str] = []
    at = 0
    for edit in edits:
        parts += (text[at : edit.span.start], edit.new_text)
        at = edit.span.end
    return "".join((*parts, text[at:]))
