"""One completion from the command line, with the prompt that an editor would make, snippets included.

`run` starts the host, completes and stops it. A file outside of a git repository is completed by itself.
Raises InputError for anything wrong with the file or the place; it prints nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qwen_lsp.completion.budget import budget
from qwen_lsp.completion.completer import Completer
from qwen_lsp.completion.outcome import Completion, Rejected
from qwen_lsp.completion.views import Snippets
from qwen_lsp.config import Config
from qwen_lsp.context.gather_once import gather_once
from qwen_lsp.context.named_files import Place, offset, read, repository, repository_path
from qwen_lsp.index.listing import refusal
from qwen_lsp.model.hosts import open_host
from qwen_lsp.model.select import chosen_model
from qwen_lsp.model.speed import load
from qwen_lsp.text import Cursor


@dataclass(frozen=True, slots=True)
class Shown:
    """A finished completion with the cursor it was made for."""

    cursor: Cursor
    path: str
    model: str
    outcome: Completion | Rejected

    def to_json(self) -> dict[str, Any]:
        """Return `items` (insertText; range in 0-based lines and code points), `reason`, `timings`."""
        outcome = self.outcome
        items = []
        if isinstance(outcome, Completion):
            document, span = self.cursor.document, outcome.edit.span
            ends = [
                (document.line_of(at), at - document.starts[document.line_of(at)])
                for at in (span.start, span.end)
            ]
            start, end = ({"line": line, "character": column} for line, column in ends)
            items.append({"insertText": outcome.edit.new_text, "range": {"start": start, "end": end}})
        is_rejected = isinstance(outcome, Rejected)
        return {
            "items": items,
            "reason": outcome.reason if isinstance(outcome, Rejected) else None,
            "detail": outcome.detail if is_rejected and isinstance(outcome, Rejected) else None,
            "model": self.model,
            "timings": outcome.trace.timings(),
        }


def run(place: Place, config: Config) -> Shown:
    """Complete once at a place, from a cold start to a stopped engine."""
    document = read(place.path)
    cursor = Cursor(document, offset(document, place))
    return asyncio.run(_complete(cursor, config))


def snippet_tokens(config: Config) -> int:
    """Return how much room for other files a prompt has with this model on this machine."""
    profile = chosen_model(config).profile
    return budget(config.completion, load(profile.name), profile).snippet_tokens


def _snippets(file: Path, config: Config) -> Snippets | None:
    """Return what shows the prompt pieces of the file's repository, as an editor that has it open would."""
    root = repository(file)
    if root is None or not config.context.index or refusal(root) or not file.is_relative_to(root):
        return None

    def files(cursor: Cursor, budget_tokens: int) -> Sequence[tuple[str, str]]:
        if budget_tokens <= 0:
            return ()
        return gather_once(cursor, root, file.relative_to(root).as_posix(), budget_tokens).files

    return files


async def _complete(cursor: Cursor, config: Config) -> Shown:
    model = chosen_model(config)
    host = open_host(config, model.path, lambda state: None)
    assert cursor.document.path is not None
    file = Path(cursor.document.path)
    path = repository_path(file)
    completer = Completer(host, model.profile, config.completion, _snippets(file, config))
    try:
        await completer.warm_up()
        if host.model:
            model = chosen_model(config, host.model)
            completer.use(model.profile)
        outcome = await completer.complete(cursor, "invoked", path)
    finally:
        await completer.close()
        await host.close()
    return Shown(cursor, path, model.profile.name, outcome)
