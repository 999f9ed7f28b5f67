"""`qwenLsp.forgetReview`: the command that takes every finding away."""

from __future__ import annotations

from typing import Any

from pygls.lsp.server import LanguageServer

from qwen_lsp.lsp.review_shown import FORGET
from qwen_lsp.lsp.reviewing import Reviewing


def register(server: LanguageServer, reviewing: Reviewing) -> None:
    """Add the command."""

    @server.command(FORGET)
    def forget(*arguments: Any) -> None:
        """Take everything away that was found."""
        reviewing.forget()
