"""How the places of one session look to its model: window, snippets of other files, prompt.

State: the model's profile and the windows, which stay where they are while the user types. It knows no
engine; the budget, which the engine's speed decides, is the caller's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from qwen_lsp.completion.budget import Budget, beside
from qwen_lsp.completion.view import View, view_of
from qwen_lsp.completion.window import Windows
from qwen_lsp.config import CompletionConfig
from qwen_lsp.model.catalog import Profile
from qwen_lsp.text import Cursor

# What helps from other files at a cursor, (path, text), within a number of tokens; it stays the same while
# the cursor stays in one scope.
Snippets = Callable[[Cursor, int], Sequence[tuple[str, str]]]


class Views:
    """The views of all documents."""

    def __init__(self, profile: Profile, config: CompletionConfig, snippets: Snippets | None = None) -> None:
        self.profile = profile
        self._config = config
        self._snippets = snippets
        self._windows = Windows()

    def at(self, cursor: Cursor, path: str | None, budget: Budget) -> View:
        """Return the view of a place; `path` is relative to the repository, with forward slashes."""
        files = self._snippets(cursor, budget.snippet_tokens) if self._snippets else ()
        window = self._windows.around(cursor, beside(budget) if files else budget)
        return view_of(cursor, path, self.profile, self._config, budget, files, window)

    def forget(self, uri: str) -> None:
        """Drop what is kept of a closed document."""
        self._windows.forget(uri)
