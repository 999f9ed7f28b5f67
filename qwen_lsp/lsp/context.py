"""What the repository and the user's recent doings add to the prompts of this session.

State: for each indexed root the chosen context and the rings of recent activity; one timer. The chosen
context of a document changes when the cursor enters another scope, else only when nobody types
(context/steady.py), and then the new prompt is read ahead.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path

from qwen_lsp.context.recent import RecentActivity
from qwen_lsp.context.snippets import Recent
from qwen_lsp.context.steady import SteadyContext
from qwen_lsp.index.reader import Index
from qwen_lsp.lsp.indexing import Indexing
from qwen_lsp.lsp.notebooks import Notebooks
from qwen_lsp.lsp.session import Session
from qwen_lsp.model.tokens import estimate
from qwen_lsp.text import Change, Cursor, Document

# A prompt read in this time is read again whenever something better is to be shown.
_CHEAP_MS = 1500.0
# The context is chosen again when nothing has been asked for so long.
_IDLE_S = 2.0


class _Root:
    """The context of one indexed root."""

    def __init__(self, index: Index, steady: SteadyContext, recent: RecentActivity) -> None:
        self.index = index
        self.steady = steady
        self.recent = recent


class SessionContext:
    """The context of all documents of a session; documents outside of indexed folders have none."""

    def __init__(self, session: Session, notebooks: Notebooks, indexing: Indexing) -> None:
        self._session = session
        self._notebooks = notebooks
        self._indexing = indexing
        self._roots: dict[Path, _Root] = {}
        self._diagnostics: tuple[str, ...] = ()
        self._asked: tuple[Cursor, int] | None = None
        self._timer: asyncio.TimerHandle | None = None

    def files(self, cursor: Cursor, budget_tokens: int) -> Sequence[tuple[str, str]]:
        """Return what the prompt at a cursor shows of other files; see `completer.Snippets`."""
        found = self._find(cursor.document)
        if found is None:
            return ()
        if self._notebooks.document(cursor.document.uri) is cursor.document:
            self._asked = cursor, budget_tokens
            self._rest()
        root, path = found
        return root.steady.files(cursor, path, budget_tokens)

    def names(self, cursor: Cursor, beginning: str) -> Mapping[str, int]:
        """Return the names of the repository that begin so; see `completion.names.NamesOf`."""
        found = self._find(cursor.document)
        return found[0].index.names_beginning(beginning) if found is not None else {}

    def edited(self, change: Change) -> None:
        """Note a change of an open document."""
        if change.edits and (found := self._find(change.after)) is not None:
            found[0].recent.edited(found[1], change)

    def copied(self, document: Document, text: str) -> None:
        """Note what was cut or copied."""
        if (found := self._find(document)) is not None:
            found[0].recent.copied(found[1], text)

    def focused(self, cursor: Cursor, diagnostics: Sequence[str] = ()) -> None:
        """Note where the cursor has settled, and what the editor's other tools say of these lines."""
        self._diagnostics = tuple(diagnostics)
        if (found := self._find(cursor.document)) is not None:
            found[0].recent.viewed(found[1], cursor.document, cursor.offset)

    def forget(self, document: Document) -> None:
        """Drop what was chosen for a closed document; what was done in it is remembered."""
        if (found := self._find(document)) is not None:
            found[0].steady.forget(found[1])

    def close(self) -> None:
        """Stop waiting for a pause in typing."""
        if self._timer is not None:
            self._timer.cancel()

    def _find(self, document: Document) -> tuple[_Root, str] | None:
        if (place := self._indexing.place(document)) is None:
            return None
        index, path = place
        root = self._roots.get(index.root)
        if root is None or root.index is not index:  # opened again: only what the user did is remembered
            recent = root.recent if root is not None else RecentActivity()
            root = _Root(index, SteadyContext(index, estimate, lambda: self._now(recent)), recent)
            self._roots[index.root] = root
        return root, path

    def _now(self, recent: RecentActivity) -> Recent:
        return recent.now(self._diagnostics)

    def _rest(self) -> None:
        self.close()
        self._timer = asyncio.get_running_loop().call_later(_IDLE_S, self._refresh)

    def _refresh(self) -> None:
        """Choose again for the place that was asked last, and read the prompt if it has changed."""
        if self._asked is None:
            return
        cursor, budget_tokens = self._asked
        document = cursor.document
        if self._notebooks.document(document.uri) is not document:
            return  # typed on since: the next request begins another pause
        found = self._find(document)
        if found is not None and self._steady_changed(found, cursor, budget_tokens):
            self._session.completer.prefill(cursor, self._session.relative_path(document))

    def _steady_changed(self, found: tuple[_Root, str], cursor: Cursor, budget_tokens: int) -> bool:
        """Choose again, and tell whether the prompt changes; within one scope only if it is read quickly."""
        is_cheap = self._session.completer.slot.cold_prompt_ms < _CHEAP_MS
        return found[0].steady.refresh(cursor, found[1], budget_tokens, is_cheap=is_cheap)
