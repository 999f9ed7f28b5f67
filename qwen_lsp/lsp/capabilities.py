"""What the client can do, read once from `initialize` into a frozen value.

`ClientOptions` is what clients of ours add to the standard; nothing unless they say so.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

from lsprotocol import types
from pygls.capabilities import ServerCapabilitiesBuilder

log = logging.getLogger(__name__)

# Beside the settings, a client's initializationOptions may say what it can do.
CLIENT_KEY = "client"


@dataclass(frozen=True, slots=True)
class ClientOptions:
    """What a client of ours can do beyond the standard.

    `stream_completion`: it shows `qwenLsp/inlineCompletion/partial`. `status`: it shows `qwenLsp/status`.
    `explain`: it shows what `qwenLsp.explain` returns, so that no message need pop up.
    `stream_actions`: it draws `qwenLsp/stream`. `apply_actions`: it applies the edit that `qwenLsp.action`
    returns. `render_markdown`: it shows the Markdown that `qwenLsp.action` returns.
    """

    stream_completion: bool = False
    status: bool = False
    explain: bool = False
    stream_actions: bool = False
    apply_actions: bool = False
    render_markdown: bool = False


_OPTION_NAMES = {
    "streamCompletion": "stream_completion",
    "status": "status",
    "explain": "explain",
    "streamActions": "stream_actions",
    "applyActions": "apply_actions",
    "renderMarkdown": "render_markdown",
}


def client_options(value: Any) -> ClientOptions:
    """Read the options of a client; what is not `true` or not known is no option."""
    options = value if isinstance(value, dict) else {}
    if unknown := sorted(set(options) - set(_OPTION_NAMES)):
        log.warning("unknown client options: %s", ", ".join(unknown))
    return ClientOptions(**{name: options.get(key) is True for key, name in _OPTION_NAMES.items()})


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What the client can do. `encoding` is that of positions, as it was agreed.

    `registers_*` and `announces_*`: it takes a registration after `initialize`.
    """

    encoding: str = "utf-16"
    inline_completion: bool = False
    registers_completion: bool = False
    answers_configuration: bool = False
    announces_configuration: bool = False
    announces_files: bool = False
    progress: bool = False
    show_document: bool = False
    execute_command: bool = False
    resolves_edits: bool = False
    tags_actions: bool = False
    document_changes: bool = False
    annotates_changes: bool = False
    creates_files: bool = False


def capabilities(client: types.ClientCapabilities) -> Capabilities:
    """Read what a client can do."""

    def has(name: str) -> Any:
        value: Any = client
        for part in name.split("."):
            value = getattr(value, part, None)
        return value

    resolved = has("text_document.code_action.resolve_support.properties") or ()
    tags = has("text_document.code_action.tag_support.value_set") or ()
    kinds = has("workspace.workspace_edit.resource_operations") or ()
    return Capabilities(
        encoding=types.PositionEncodingKind(ServerCapabilitiesBuilder.choose_position_encoding(client)).value,
        inline_completion=has("text_document.inline_completion") is not None,
        registers_completion=bool(has("text_document.completion.dynamic_registration")),
        answers_configuration=bool(has("workspace.configuration")),
        announces_configuration=bool(has("workspace.did_change_configuration.dynamic_registration")),
        announces_files=bool(has("workspace.did_change_watched_files.dynamic_registration")),
        progress=bool(has("window.work_done_progress")),
        show_document=bool(has("window.show_document.support")),
        execute_command=has("workspace.execute_command") is not None,
        resolves_edits="edit" in resolved,
        tags_actions=types.CodeActionTag.LlmGenerated in tags,
        document_changes=bool(has("workspace.workspace_edit.document_changes")),
        annotates_changes=has("workspace.workspace_edit.change_annotation_support") is not None,
        creates_files=types.ResourceOperationKind.Create in kinds,
    )
