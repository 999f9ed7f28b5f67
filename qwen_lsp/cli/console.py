"""What is drawn on a terminal: colours, tables and bars are ours, every text in them is made visible.

Apart from echo.py, because rich takes longer to load than a server may to start.
"""

from __future__ import annotations

from collections.abc import Iterable

from rich import console
from rich.console import ConsoleOptions, RenderableType
from rich.segment import Segment

from qwen_lsp.visible import visible


class Console(console.Console):
    """rich's console, with every text made visible."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Render as rich does; only its own control codes stay as they are."""
        for segment in super().render(renderable, options):
            is_clean = segment.control or (segment.text.isascii() and segment.text.isprintable())
            yield segment if is_clean else Segment(visible(segment.text), segment.style)
