"""The order in which a fill-in-the-middle prompt says what is before and after the hole. Pure."""

from __future__ import annotations

from qwen_lsp.model.catalog import ControlTokens


def render(tokens: ControlTokens, layout: str, before: str, after: str) -> str:
    """Write the prompt.

    Shape: `layout` is `spm` (empty FIM prefix; the middle starts with the real prefix) or `psm` (the
    documented order).
    """
    if layout == "psm":
        return f"{tokens.fim_prefix}{before}{tokens.fim_suffix}{after}{tokens.fim_middle}"
    return f"{tokens.fim_prefix}{tokens.fim_suffix}{after}{tokens.fim_middle}{before}"
