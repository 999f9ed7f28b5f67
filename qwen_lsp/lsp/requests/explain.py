"""`qwenLsp/explain` and the command of that name: what became of the last request, and why (invariant 7).

The request answers with the whole record of the document's last completion and a sentence for people.
The command shows the sentence too, so it works in clients that know nothing of us.
"""

from __future__ import annotations

from typing import Any

from pygls.lsp.server import LanguageServer

from qwen_lsp.completion.display import percentages
from qwen_lsp.lsp import convert
from qwen_lsp.lsp.client import Client
from qwen_lsp.lsp.session import Session
from qwen_lsp.lsp.status import Reporter
from qwen_lsp.lsp.suggest import Suggester
from qwen_lsp.messages import rule, text
from qwen_lsp.trace import Trace

EXPLAIN = "qwenLsp/explain"
COMMAND = "qwenLsp.explain"


def register(
    server: LanguageServer, session: Session, client: Client, status: Reporter, suggester: Suggester
) -> None:
    """Add the request and the command."""
    explainer = _Explainer(session, client, status, suggester)

    @server.feature(EXPLAIN)
    def explain(params: Any) -> dict[str, Any] | None:
        """Answer for a document; null when nothing was asked in it."""
        answer = explainer.explained(convert.document_uri(params))
        return answer if answer["outcome"] != "none" else None

    @server.command(COMMAND)
    def explain_command(*arguments: Any) -> dict[str, Any]:
        """Answer for the document that the first argument names; without one, for the last one asked in."""
        uri = arguments[0] if arguments and isinstance(arguments[0], str) else suggester.last_uri
        answer = explainer.explained(uri)
        if not client.options.explain:
            client.show_message(" ".join(part for part in (answer["summary"], answer["remedy"]) if part))
        return answer


class _Explainer:
    def __init__(self, session: Session, client: Client, status: Reporter, suggester: Suggester) -> None:
        self._session = session
        self._client = client
        self._status = status
        self._suggester = suggester

    def explained(self, uri: str) -> dict[str, Any]:
        """Return the trace of a document's last request in words and figures.

        Shape: `outcome` is `none`, `waiting`, `shown` or the reason why nothing was shown; `stage` is what a
        waiting request waits for: `loading`, `waiting`, `reading` or `writing`; `summary` and `remedy` are in
        the client's language; the rest is the Trace, absent before the first request.
        """
        trace = self._suggester.last_trace(uri)
        status = self._status.current()
        is_loading = self._session.host_state("completion").phase == "starting"
        if self._suggester.is_asking(uri):
            outcome, summary = (
                "waiting",
                text("explain.loading" if is_loading else "explain.waiting", self._client.locale),
            )
        elif trace is None:
            outcome, summary = "none", text("explain.none", self._client.locale)
        else:
            outcome, summary = trace.reason or "shown", self._summary(trace)
        # What ails the server also explains why nothing was ever asked or shown.
        has_remedy = outcome in ("none", "waiting", "engine", "model", "timeout", "off")
        return {
            **(trace.to_json() if trace is not None else {}),
            "uri": uri,
            "outcome": outcome,
            "stage": self._stage() if self._suggester.is_asking(uri) else "",
            "summary": summary,
            "remedy": status.remedy if has_remedy else "",
        }

    def _stage(self) -> str:
        """Return what a request under way waits for."""
        is_loading = self._session.host_state("completion").phase == "starting"
        return "loading" if is_loading else self._session.completer.slot.stage

    def _summary(self, trace: Trace) -> str:
        """Write the sentence for one trace."""
        locale, config = self._client.locale, self._session.config.completion
        if trace.reason in ("engine", "model"):
            return self._failure(trace)
        if trace.reason == "off":
            return text("status.off", locale)
        key = trace.reason
        if not key:
            by_source = {"cache": "cached", "names": "names"}
            key = by_source.get(trace.source, "early" if trace.is_partial else "shown")
        sure, needed = percentages(trace.first_word or 0.0, trace.min_confidence or config.min_confidence)
        return text(
            f"explain.{key}",
            locale,
            ms=trace.total_ms,
            seconds=config.timeout_ms / 1000,
            rule=rule(trace.rule, trace.detail, locale),
            sure=sure,
            needed=needed,
        )

    def _failure(self, trace: Trace) -> str:
        """What the status says is wrong, if it still is; else what was wrong then."""
        status = self._status.current()
        if status.state == "error":
            return status.message
        key = "status.failed" if trace.reason == "engine" else "status.bad_model"
        return text(key, self._client.locale, detail=trace.detail)
