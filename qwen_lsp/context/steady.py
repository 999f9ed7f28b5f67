"""Keeps the chosen context of each document while the cursor stays in one scope (the prompt must not change).

State: for each document what was gathered last, and for which scope. A jump to another scope gathers at
once, typing never does; `refresh` is for moments when nobody types. It knows nothing of prompts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from qwen_lsp.context.gather import gather
from qwen_lsp.context.place import scope_key
from qwen_lsp.context.snippets import Gathered, Recent
from qwen_lsp.index.reader import Index
from qwen_lsp.text import Cursor

_FOLLOWING_CHARS = 200
# What is skipped for being late while a key waits is made up for in the next pause.
_TYPING_MS, _IDLE_MS = 30.0, 200.0

Files = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class _Chosen:
    """What a document's prompts carry, and the scope, budget and following text that it was chosen for."""

    scope: tuple[str, ...]
    budget_tokens: int
    gathered: Gathered
    following: str


class SteadyContext:
    """The context of one root's documents. `recent` is asked for what the user did lately, by document."""

    def __init__(
        self, index: Index, estimate: Callable[[str], int], recent: Callable[[], Recent] = Recent
    ) -> None:
        self._index = index
        self._estimate = estimate
        self._recent = recent
        self._chosen: dict[str, _Chosen] = {}

    def files(self, cursor: Cursor, path: str, budget_tokens: int) -> Files:
        """Return the files to show with their texts: the same ones until the cursor jumps to another scope.

        Who types a new function enters its scope too, but the prompt that was read must not be lost then.
        """
        if budget_tokens <= 0:
            return ()
        chosen = self._chosen.get(path)
        if chosen is not None and chosen.budget_tokens == budget_tokens:
            following = _following(cursor)
            if following == chosen.following:
                return chosen.gathered.files
            if scope_key(cursor) == chosen.scope:
                self._chosen[path] = replace(chosen, following=following)
                return chosen.gathered.files
        return self._choose(cursor, path, scope_key(cursor), budget_tokens, _TYPING_MS).gathered.files

    def refresh(self, cursor: Cursor, path: str, budget_tokens: int, *, is_cheap: bool) -> bool:
        """Gather again, when nobody types; tell whether the prompts will change.

        Unless reading a whole prompt is cheap, only where typing has entered another scope, something was
        skipped for being late, or nothing was found, as before the folder is indexed.
        """
        before = self._chosen.get(path)
        scope = scope_key(cursor)
        is_settled = (
            before is not None
            and before.scope == scope
            and not before.gathered.late
            and bool(before.gathered.files)
        )
        if budget_tokens <= 0 or (is_settled and not is_cheap):
            return False
        after = self._choose(cursor, path, scope, budget_tokens, _IDLE_MS)
        return before is None or before.gathered.files != after.gathered.files

    def last(self, path: str) -> Gathered | None:
        """Return what was gathered last for a document, to explain a prompt."""
        chosen = self._chosen.get(path)
        return chosen.gathered if chosen is not None else None

    def forget(self, path: str) -> None:
        """Drop what is kept of a closed document."""
        self._chosen.pop(path, None)

    def _choose(
        self, cursor: Cursor, path: str, scope: tuple[str, ...], budget_tokens: int, deadline_ms: float
    ) -> _Chosen:
        gathered = gather(
            cursor,
            path,
            self._index,
            budget_tokens,
            self._estimate,
            recent=self._recent(),
            deadline_ms=deadline_ms,
        )
        chosen = self._chosen[path] = _Chosen(scope, budget_tokens, gathered, _following(cursor))
        return chosen


def _following(cursor: Cursor) -> str:
    """The text after the cursor, as far as it tells typing from a jump."""
    return cursor.document.text[cursor.offset : cursor.offset + _FOLLOWING_CHARS]
