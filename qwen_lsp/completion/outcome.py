"""One request for a suggestion, and what comes of it: a Completion, or a Rejected with its reason.

Values only. A request is made from a snapshot before the first await; its Trace is filled on the way.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from qwen_lsp.completion import gates
from qwen_lsp.completion.insertion_point import InsertionPoint
from qwen_lsp.completion.view import View
from qwen_lsp.config import CompletionConfig
from qwen_lsp.errors import ModelError, QwenLspError
from qwen_lsp.secret_files import is_left_out
from qwen_lsp.text import Cursor, Edit, Span
from qwen_lsp.trace import Trace

Trigger = Literal["automatic", "invoked"]
Reason = Literal[
    "off",
    "superseded",
    "cancelled",
    "not wanted here",
    "excluded",
    "filtered",
    "unsure",
    "timeout",
    "engine",
    "model",
    "internal",
]
OnText = Callable[[str], None]

# The names, as `explain` and the statistics know them, of the places where only a request by hand is wanted.
_INSIDE = {"word": "inside_word", "comment": "inside_comment", "string": "inside_string"}

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Completion:
    """A suggestion: an edit of the document at `version`, with that document's line ends."""

    edit: Edit
    version: int
    trace: Trace = field(repr=False)
    alternatives: tuple[Edit, ...] = ()


@dataclass(frozen=True, slots=True)
class Rejected:
    """No suggestion, and why; `detail` is a sentence for people."""

    reason: Reason
    detail: str
    trace: Trace = field(repr=False)

    @classmethod
    def off(cls, trace: Trace) -> Rejected:
        """Say that nobody wants suggestions."""
        return cls("off", "inline completion is switched off in the settings", trace)

    @classmethod
    def excluded(cls, trace: Trace) -> Rejected:
        """Say that the file is one of those to keep away from."""
        return cls("excluded", "the file is left out by `completion.exclude` or a `.qwenignore`", trace)

    @classmethod
    def unwanted(
        cls, config: CompletionConfig, cursor: Cursor, path: str | None, trace: Trace
    ) -> Rejected | None:
        """Say why the settings want no suggestion in a document; None when they do."""
        document = cursor.document
        if not config.enabled:
            return cls.off(trace)
        if is_left_out((path, document.path or document.uri), config.exclude):
            return cls.excluded(trace)
        if document.language in config.disabled_languages:
            trace.rule = "language"
            detail = "the language is one of `completion.disabledLanguages`"
            return cls("not wanted here", detail, trace)
        return None

    @classmethod
    def inside(cls, place: str, trace: Trace) -> Rejected:
        """Say that nobody wants an automatic suggestion in the middle of a word, a comment or a string."""
        trace.rule = _INSIDE[place]
        return cls("not wanted here", f"the cursor is inside a {place}", trace)

    @classmethod
    def failed(cls, error: Exception, trace: Trace) -> Rejected:
        """Say why an exception has left nothing to suggest; one that is a fault of ours is logged."""
        if isinstance(error, ModelError):
            return cls("model", str(error), trace)
        if isinstance(error, QwenLspError):
            return cls("engine", str(error), trace)
        if isinstance(error, TimeoutError):
            return cls("timeout", "the model did not finish in `completion.timeoutMs`", trace)
        log.error("a completion failed", exc_info=error)
        return cls("internal", f"{type(error).__name__}: {error}", trace)


@dataclass(frozen=True, slots=True)
class CompletionRequest:
    """One request on its way: what was asked, what the model sees of it, and its record.

    Shape: `point` is where the cursor was, followed through what is typed meanwhile; `path` is relative to
    the repository, with forward slashes; `on_text` is called with the whole answer so far whenever it grows.
    """

    cursor: Cursor
    point: InsertionPoint
    view: View
    trace: Trace
    is_automatic: bool
    path: str | None
    on_text: OnText | None

    def edit(self, text: str) -> Edit:
        """Insert a text at the cursor, with the document's own line ends."""
        document, at = self.cursor.document, self.cursor.offset
        new_text = text.replace("\n", document.line_ending) if document.line_ending != "\n" else text
        return Edit(Span(at, at), new_text)

    def completed(self, text: str) -> Completion:
        """Suggest a text."""
        return Completion(self.edit(text), self.cursor.document.version, self.trace)

    def rejected(self, reason: Reason, detail: str, rule: str = "") -> Rejected:
        """Suggest nothing; `rule` names the filter or gate that decided."""
        self.trace.rule = rule or self.trace.rule
        return Rejected(reason, detail, self.trace)

    def danger(self, prefix: str, text: str, suffix: str) -> str | None:
        """Say what makes a text insecure here, if anything does."""
        return gates.security(prefix, text, suffix, self.view.language, self.path or "")
