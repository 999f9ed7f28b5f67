"""A proposal as a WorkspaceEdit: versioned, annotated and with new files, as far as the client goes."""

from __future__ import annotations

from pathlib import Path

from lsprotocol import types

from qwen_lsp.actions.task import FileText, Proposal
from qwen_lsp.lsp import convert
from qwen_lsp.lsp.client import Client
from qwen_lsp.lsp.session import Session
from qwen_lsp.messages import text
from qwen_lsp.text import Document, Edit

_ANNOTATION = "qwen-lsp"


def workspace_edit(
    session: Session, client: Client, document: Document, proposal: Proposal, title: str, root: str
) -> types.WorkspaceEdit:
    """Write a proposal for `document` as the client understands it."""
    able = client.capabilities
    other = proposal.other
    other_uri = convert.uri_of(_on_disk(document, other, root)) if other is not None else ""
    pieces: list[tuple[str, Document, tuple[Edit, ...], bool]] = []
    if proposal.edits:
        pieces.append((document.uri, document, proposal.edits, False))
    if other is not None:
        pieces.append(
            (other_uri, other.document or Document(other_uri, ""), other.edits, other.document is None)
        )
    if not able.document_changes:
        changes = {uri: _text_edits(client.encoding, at, edits) for uri, at, edits, _ in pieces}
        return types.WorkspaceEdit(changes=changes)
    annotated = able.annotates_changes
    operations: list[types.TextDocumentEdit | types.CreateFile | types.RenameFile | types.DeleteFile] = []
    for uri, at, edits, is_new in pieces:
        if is_new and able.creates_files:
            options = types.CreateFileOptions(overwrite=False, ignore_if_exists=False)
            operations.append(
                types.CreateFile(uri, options=options, annotation_id=_ANNOTATION if annotated else None)
            )
        open_version = session.documents[uri].version if uri in session.documents else None
        identifier = types.OptionalVersionedTextDocumentIdentifier(uri=uri, version=open_version)
        text_edits = _text_edits(client.encoding, at, edits)
        operations.append(
            types.TextDocumentEdit(
                identifier,
                [
                    types.AnnotatedTextEdit(_ANNOTATION, edit.range, edit.new_text) if annotated else edit
                    for edit in text_edits
                ],
            )
        )
    return types.WorkspaceEdit(
        document_changes=operations,
        change_annotations={_ANNOTATION: _annotation(client, title)} if annotated else None,
    )


def _annotation(client: Client, title: str) -> types.ChangeAnnotation:
    """Ask the user to look first, except where the client has shown the change while it was written."""
    return types.ChangeAnnotation(
        label=title,
        needs_confirmation=not client.options.stream_actions,
        description=text("command.annotation", client.locale),
    )


def _text_edits(encoding: str, document: Document, edits: tuple[Edit, ...]) -> list[types.TextEdit]:
    return [types.TextEdit(convert.lsp_range(document, edit.span, encoding), edit.new_text) for edit in edits]


def _on_disk(document: Document, other: FileText, root: str) -> Path:
    return Path(root or Path(document.path or "/").parent) / other.path
