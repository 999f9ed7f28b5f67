"""`qwenLsp/explain` and the command of that name: what became of the last request, and why (invariant 7).

The request answers with the whole record of the document's last completion and a sentence for people.
The command shows the sentence too, so it works in clients that know nothing of us.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lsprotocol import types

from qwen_lsp.messages import rule, text
from qwen_lsp.trace import Trace

if TYPE_CHECKING:
    from qwen_lsp.lsp.server import Server

EXPLAIN = "qwenLsp/explain"
COMMAND = "qwenLsp.explain"


def register(server: Server) -> None:
    """Add the request and the command."""

    @server.feature(EXPLAIN)
    def explain(params: Any) -> dict[str, Any] | None:
        """Answer for a document; null when nothing was asked in it."""
        answer = _explained(server, str(params.textDocument.uri))
        return answer if answer["outcome"] != "none" else None

    @server.command(COMMAND)
    def explain_command(*arguments: Any) -> dict[str, Any]:
        """Answer for the document that the first argument names; without one, for the last one asked in."""
        uri = arguments[0] if arguments and isinstance(arguments[0], str) else server.asked_uri
        answer = _explained(server, uri)
        if not server.client_options.explain:
            said = " ".join(part for part in (answer["summary"], answer["remedy"]) if part)
            server.window_show_message(types.ShowMessageParams(types.MessageType.Info, f"qwen-lsp: {said}"))
        return answer


def _explained(server: Server, uri: str) -> dict[str, Any]:
    """Return the trace of a document's last request in words and figures.

    Shape: `outcome` is `none`, `waiting`, `shown` or the reason why nothing was shown; `stage` is what a
    waiting request waits for: `loading`, `waiting`, `reading` or `writing`; `summary` and `remedy` are in
    the client's language; the rest is the Trace, absent before the first request.
    """
    trace = server.last_trace(uri)
    status = server.status.current()
    is_loading = server.host is not None and server.host.state.phase == "starting"
    if server.asking[uri]:
        outcome, summary = (
            "waiting",
            text("explain.loading" if is_loading else "explain.waiting", server.locale),
        )
    elif trace is None:
        outcome, summary = "none", text("explain.none", server.locale)
    else:
        outcome, summary = trace.reason or "shown", _summary(server, trace)
    # What ails the server also explains why nothing was ever asked or shown.
    has_remedy = outcome in ("none", "waiting", "engine", "model", "timeout", "off")
    return {
        **(trace.to_json() if trace is not None else {}),
        "uri": uri,
        "outcome": outcome,
        "stage": _stage(server, uri) if server.asking[uri] else "",
        "summary": summary,
        "remedy": status.remedy if has_remedy else "",
    }


def _stage(server: Server, uri: str) -> str:
    """Return what a request under way waits for."""
    if server.host is not None and server.host.state.phase == "starting":
        return "loading"
    return server.completer.stage


def _summary(server: Server, trace: Trace) -> str:
    """Write the sentence for one trace."""
    locale, config = server.locale, server.config.completion
    if trace.reason in ("engine", "model"):
        return _failure(server, trace)
    if trace.reason == "off":
        return text("status.off", locale)
    key = trace.reason
    if not key:
        is_memory, is_name = trace.source == "cache", trace.source == "names"
        key = "names" if is_name else "cached" if is_memory else "early" if trace.is_partial else "shown"
    return text(
        f"explain.{key}",
        locale,
        ms=trace.total_ms,
        seconds=config.timeout_ms / 1000,
        rule=rule(trace.rule, trace.detail, locale),
        sure=trace.first_word or 0.0,
        least=config.least_confidence,
    )


def _failure(server: Server, trace: Trace) -> str:
    """What the status says is wrong, if it still is; else what was wrong then."""
    status = server.status.current()
    if status.state == "error":
        return status.message
    key = "status.failed" if trace.reason == "engine" else "status.bad_model"
    return text(key, server.locale, detail=trace.detail)
