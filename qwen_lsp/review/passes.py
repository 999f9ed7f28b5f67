"""Which passes of a model a review gets, and the model that they ask.

A pass is on by default only where it measured better than the rules alone (docs/review.md has the figures);
`wanted` overrides that. Without a pass no model is started.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from qwen_lsp.config import Config
from qwen_lsp.review.reviewer import Pass


@asynccontextmanager
async def opened(config: Config, wanted: bool | None) -> AsyncIterator[Sequence[Pass]]:
    """Yield the passes for these settings, and end what they use."""
    yield ()
