"""`qwenLsp/explain`: what became of the last completion request of a document, and why (invariant 7)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qwen_lsp.lsp.server import Server

EXPLAIN = "qwenLsp/explain"


def register(server: Server) -> None:
    """Add the handler."""

    @server.feature(EXPLAIN)
    def explain(params: Any) -> dict[str, Any] | None:
        """Answer with the trace of the document's last request, or null when there was none.

        Shape: `reason` is empty where something was suggested; `timings` as in `complete --json`.
        """
        trace = server.last_trace(params.textDocument.uri)
        return trace.to_json() if trace else None
