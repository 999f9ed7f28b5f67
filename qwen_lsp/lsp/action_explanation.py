"""What an action explains, shown as the client can: by itself, as a document, or as a message.

State: one temporary folder, made on first need, which goes with the session.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import tempfile
from pathlib import Path
from typing import Any

from qwen_lsp.actions.task import Explanation
from qwen_lsp.lsp import convert
from qwen_lsp.lsp.client import Client
from qwen_lsp.messages import text

log = logging.getLogger(__name__)


class Explanations:
    """Shows explanations to one client."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._numbers = itertools.count(1)

    async def show(self, explanation: Explanation) -> dict[str, Any]:
        """Show an explanation; return what the command answers."""
        if self._client.options.render_markdown:
            return {"markdown": explanation.markdown}
        if self._client.capabilities.show_document:
            file = await asyncio.to_thread(self._write, explanation.markdown)
            if file is not None and await self._client.show_document(convert.uri_of(file)):
                return {"message": text("action.explained", self._client.locale, file=file)}
        self._client.show_message(explanation.markdown)
        return {"markdown": explanation.markdown}

    def close(self) -> None:
        """Remove what was written."""
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    def _write(self, markdown: str) -> Path | None:
        """Write a text to a file of its own; None where there is no room for one."""
        try:
            if self._folder is None:
                self._folder = tempfile.TemporaryDirectory(prefix="qwen-lsp-", ignore_cleanup_errors=True)
            number = next(self._numbers)
            file = Path(self._folder.name) / ("explanation.md" if number == 1 else f"explanation-{number}.md")
            file.write_text(markdown + "\n", "utf-8")
        except OSError as error:
            log.warning("an explanation cannot be written: %s", error)
            return None
        return file
