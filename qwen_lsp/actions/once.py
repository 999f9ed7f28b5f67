"""One action from the command line, through the same code as in an editor.

`parse_range` reads FILE:L1[:C1]-L2[:C2]; `run` starts the host, acts and stops it. It writes no file and
prints nothing; `patch.py` and the command line do.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qwen_lsp import trust
from qwen_lsp.actions import repository
from qwen_lsp.actions import run as runner
from qwen_lsp.actions.model import ModelSession, OnProgress
from qwen_lsp.actions.task import (
    KINDS,
    Diagnostic,
    Explanation,
    FileText,
    Outcome,
    Proposal,
    Refused,
    RepositoryContext,
    Task,
)
from qwen_lsp.config import Config
from qwen_lsp.context import named_files
from qwen_lsp.context.named_files import Place
from qwen_lsp.errors import InputError
from qwen_lsp.index.reader import Index
from qwen_lsp.messages import Locale, text
from qwen_lsp.model.hosts import open_host
from qwen_lsp.model.select import chosen_model
from qwen_lsp.secret_files import is_left_out
from qwen_lsp.text import Document, Edit, Span


@dataclass(frozen=True, slots=True)
class Range:
    """A range in a file. Units: lines and columns from 1, columns in characters; None: the whole line."""

    path: Path
    first: int
    first_column: int | None
    last: int
    last_column: int | None


@dataclass(frozen=True, slots=True)
class Done:
    """A finished action, the task it was and what it cost (milliseconds, tokens per second)."""

    task: Task
    model: str
    outcome: Outcome
    first_text_ms: float | None
    total_ms: float
    generated_tokens: int
    generated_ms: float

    @property
    def message(self) -> str:
        """Why there is nothing to apply, "" when there is."""
        outcome = self.outcome
        if not isinstance(outcome, Refused):
            return ""
        return text(f"refused.{outcome.reason}", self.task.locale, detail=outcome.detail).strip()

    def to_json(self) -> dict[str, Any]:
        """Return `edits` (0-based lines, code points), `files`, `markdown`, `reason`, `timings` and more."""
        outcome = self.outcome
        proposal = outcome if isinstance(outcome, Proposal) else Proposal(())
        return {
            "kind": self.task.kind,
            "edits": _edits(self.task.document, proposal.edits),
            "files": [_file(proposal.other)] if proposal.other is not None else [],
            "markdown": outcome.markdown if isinstance(outcome, Explanation) else None,
            "reason": outcome.reason if isinstance(outcome, Refused) else None,
            "message": self.message or None,
            "model": self.model,
            "timings": {
                "first_text_ms": None if self.first_text_ms is None else round(self.first_text_ms, 1),
                "total_ms": round(self.total_ms, 1),
                "generated_tokens": self.generated_tokens,
                "generated_ms": round(self.generated_ms, 1),
            },
        }


def _file(other: FileText) -> dict[str, Any]:
    document = other.document or Document("", "")
    return {
        "path": other.path,
        "creates": other.document is None,
        "edits": _edits(document, other.edits),
    }


def _edits(document: Document, edits: Sequence[Edit]) -> list[dict[str, Any]]:
    def place(offset: int) -> dict[str, int]:
        line = document.line_of(offset)
        return {"line": line, "character": offset - document.starts[line]}

    return [
        {
            "range": {"start": place(edit.span.start), "end": place(edit.span.end)},
            "newText": edit.new_text,
        }
        for edit in edits
    ]


def parse_range(text_: str) -> Range:
    """Read FILE:L1[:C1]-L2[:C2]; also FILE:L1 alone. The file's name may itself hold colons."""
    match = re.fullmatch(r"(.+?):(\d+)(?::(\d+))?(?:-(\d+)(?::(\d+))?)?", text_)
    if match is None:
        raise InputError(f"{text_!r} is not FILE:LINE-LINE, such as src/app.py:12-20 or src/app.py:12:5-20:9")
    first, last = int(match[2]), int(match[4] or match[2])
    column, last_column = match[3], match[5]
    if not match[4]:  # a place is a selection of nothing
        last_column = column
    return Range(
        Path(match[1]),
        first,
        int(column) if column else None,
        last,
        int(last_column) if last_column else None,
    )


def select(document: Document, range_: Range) -> Span:
    """Turn a range into a span. Raises: InputError naming the limit that it passes."""
    start = named_files.offset(document, Place(range_.path, range_.first, range_.first_column or 1))
    if range_.last_column is not None:
        end = named_files.offset(document, Place(range_.path, range_.last, range_.last_column))
    else:
        named_files.offset(document, Place(range_.path, range_.last, 1))
        end = document.line_end(range_.last - 1)
    if end < start:
        raise InputError(f"the range of {range_.path.name} ends before it begins")
    return Span(start, end)


def task_of(
    kind: str,
    range_: Range,
    config: Config,
    *,
    instruction: str = "",
    locale: Locale = "en",
    problem: str = "",
) -> Task:
    """Make the task. Raises: InputError for an unknown kind or a wrong range."""
    custom = config.actions.named(kind)
    if kind not in KINDS and custom is None:
        own = [action.name for action in config.actions.custom]
        raise InputError(f"there is no action {kind!r}; there are {', '.join([*KINDS, *own])}")
    if kind == "edit" and not instruction.strip():
        raise InputError("say what is to be changed: --instruction TEXT")
    document = named_files.read(range_.path)
    span = select(document, range_)
    assert document.path is not None
    root = named_files.repository(Path(document.path))
    diagnostics = (Diagnostic(span, problem),) if problem else ()
    return Task(
        kind,
        document,
        span,
        path=named_files.repository_path(Path(document.path)),
        root=str(root) if root else "",
        is_trusted=root is not None and trust.is_trusted(root),
        instruction=instruction,
        diagnostics=diagnostics,
        locale=locale,
        custom=custom,
    )


def run(task: Task, config: Config, on_progress: OnProgress | None = None) -> Done:
    """Act once, from a cold start to a stopped engine.

    Raises: EndpointError or ModelError when there is no model to be had.
    """
    return asyncio.run(_run(task, config, on_progress))


async def _run(task: Task, config: Config, on_progress: OnProgress | None) -> Done:
    if is_left_out((task.path, task.document.path), config.completion.exclude):
        return Done(task, "", Refused("excluded"), None, 0.0, 0, 0.0)
    model = chosen_model(config)
    host = open_host(config, model.path, lambda state: None, "chat")
    try:
        client = await host.ready()
        session = ModelSession(
            client,
            client.context_tokens(config.engine.context_tokens),
            config.actions.timeout_ms,
            on_progress,
        )
        with _knowledge(task) as context:
            outcome = await runner.run(task, session, context)
    finally:
        await host.close()
    exchanges = session.exchanges
    return Done(
        task,
        model.profile.name,
        outcome,
        exchanges[0].first_text_ms if exchanges else None,
        sum(exchange.total_ms for exchange in exchanges),
        sum(exchange.reply.timings.generated_tokens for exchange in exchanges),
        sum(exchange.reply.timings.generated_ms for exchange in exchanges),
    )


@contextmanager
def _knowledge(task: Task) -> Iterator[RepositoryContext]:
    """What the index of the repository knows, if an editor or `qwen-lsp index` has made one."""
    root = Path(task.root) if task.root else None
    if root is None:
        yield RepositoryContext()
        return
    index = Index(root)
    try:
        yield repository.enrich(RepositoryContext(), index, task.path)
    finally:
        index.close()
