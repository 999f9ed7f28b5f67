"""The quick fixes of what a review has found, and the actions that dismiss it.

A fix is offered only for the text that it is for (invariant 11); `review_shown.py` moves it along.
"""

from __future__ import annotations

from collections.abc import Sequence

from lsprotocol import types

from qwen_lsp.lsp import convert
from qwen_lsp.lsp.action_list import Asked
from qwen_lsp.lsp.client import Client, plain
from qwen_lsp.lsp.review_diagnostics import SOURCE
from qwen_lsp.lsp.review_shown import DISMISS, Reviews
from qwen_lsp.messages import text
from qwen_lsp.review.finding import Finding
from qwen_lsp.syntax.rules import all_rules
from qwen_lsp.text import Document, Edit


def review_actions(client: Client, reviews: Reviews, asked: Asked) -> Sequence[types.CodeAction]:
    """Offer the fix of each finding at the selection, and to dismiss it."""
    uri = asked.document.uri
    shown = reviews.shown.get(uri, {})
    offered: list[types.CodeAction] = []
    for diagnostic in asked.diagnostics:
        data = plain(diagnostic.data)
        one = shown.get(str(data.get("fingerprint"))) if isinstance(data, dict) else None
        if diagnostic.source != SOURCE or one is None:
            continue
        finding = one.finding
        if finding.fix is not None and one.document.text == asked.document.text:  # else it was closed
            offered.append(_fix_action(client, asked.document, diagnostic, finding, finding.fix))
        offered += (
            _dismiss_action(client, diagnostic, uri, "words.dismiss", fingerprint=finding.fingerprint),
            _dismiss_action(client, diagnostic, uri, "words.dismiss_rule", rule=finding.rule),
        )
    return offered


def _fix_action(
    client: Client, document: Document, diagnostic: types.Diagnostic, finding: Finding, edit: Edit
) -> types.CodeAction:
    rule = all_rules().get(finding.rule)
    title = rule.title.to(client.locale) if rule else edit.new_text.strip()
    change = types.TextEdit(convert.lsp_range(document, edit.span, client.encoding), edit.new_text)
    if client.capabilities.document_changes:
        identifier = types.OptionalVersionedTextDocumentIdentifier(uri=document.uri, version=document.version)
        made = types.WorkspaceEdit(document_changes=[types.TextDocumentEdit(identifier, [change])])
    else:
        made = types.WorkspaceEdit(changes={document.uri: [change]})
    return types.CodeAction(
        title=text("words.apply", client.locale, title=title),
        kind=types.CodeActionKind.QuickFix,
        diagnostics=[diagnostic],
        is_preferred=finding.source == "rule",
        edit=made,
    )


def _dismiss_action(
    client: Client, diagnostic: types.Diagnostic, uri: str, key: str, **what: str
) -> types.CodeAction:
    title = text(key, client.locale, rule=what.get("rule", ""))
    command = types.Command(title=title, command=DISMISS, arguments=[{**what, "uri": uri}])
    kind = types.CodeActionKind.QuickFix
    return types.CodeAction(title=title, kind=kind, diagnostics=[diagnostic], command=command)
