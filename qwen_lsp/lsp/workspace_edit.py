"""A proposal as a WorkspaceEdit: versioned, annotated and with new files, as far as the client goes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lsprotocol import types

from qwen_lsp.actions.task import FileText, Proposal
from qwen_lsp.lsp import convert
from qwen_lsp.messages import text
from qwen_lsp.text import Document, Edit

if TYPE_CHECKING:
    from qwen_lsp.lsp.server import Server

_ANNOTATION = "qwen-lsp"


def workspace_edit(
    server: Server, document: Document, proposal: Proposal, title: str, root: str
) -> types.WorkspaceEdit:
    """Write a proposal for `document` as the client understands it."""
    workspace = server.client_capabilities.workspace
    able = workspace.workspace_edit if workspace else None
    other = proposal.other
    other_uri = convert.uri_of(_on_disk(document, other, root)) if other is not None else ""
    pieces: list[tuple[str, Document, tuple[Edit, ...], bool]] = []
    if proposal.edits:
        pieces.append((document.uri, document, proposal.edits, False))
    if other is not None:
        pieces.append(
            (other_uri, other.document or Document(other_uri, ""), other.edits, other.document is None)
        )
    if able is None or not able.document_changes:
        changes = {uri: _text_edits(server, at, edits) for uri, at, edits, _ in pieces}
        return types.WorkspaceEdit(changes=changes)
    annotated = able.change_annotation_support is not None
    kinds = able.resource_operations or ()
    operations: list[types.TextDocumentEdit | types.CreateFile | types.RenameFile | types.DeleteFile] = []
    for uri, at, edits, is_new in pieces:
        if is_new and types.ResourceOperationKind.Create in kinds:
            options = types.CreateFileOptions(overwrite=False, ignore_if_exists=False)
            operations.append(
                types.CreateFile(uri, options=options, annotation_id=_ANNOTATION if annotated else None)
            )
        open_version = server.documents[uri].version if uri in server.documents else None
        identifier = types.OptionalVersionedTextDocumentIdentifier(uri=uri, version=open_version)
        text_edits = _text_edits(server, at, edits)
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
        change_annotations={_ANNOTATION: _annotation(server, title)} if annotated else None,
    )


def _annotation(server: Server, title: str) -> types.ChangeAnnotation:
    """Ask the user to look first, except where the client has shown the change while it was written."""
    return types.ChangeAnnotation(
        label=title,
        needs_confirmation=not server.client_options.stream_actions,
        description=text("command.annotation", server.locale),
    )


def _text_edits(server: Server, document: Document, edits: tuple[Edit, ...]) -> list[types.TextEdit]:
    return [
        types.TextEdit(convert.lsp_range(document, edit.span, server.encoding), edit.new_text)
        for edit in edits
    ]


def _on_disk(document: Document, other: FileText, root: str) -> Path:
    return Path(root or Path(document.path or "/").parent) / other.path
