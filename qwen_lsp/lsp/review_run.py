"""One review over LSP: what is reviewed, its diagnostics and quick fixes, what is set aside.

The text in the editor is what is reviewed, saved or not. A quick fix is offered only for the text that it is
for (invariant 11); `review_shown` moves it along with edits elsewhere.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

from lsprotocol import types

from qwen_lsp.context.named_files import write
from qwen_lsp.errors import InputError
from qwen_lsp.lsp import convert
from qwen_lsp.lsp.action_list import Asked
from qwen_lsp.lsp.requests.did_change_configuration import plain
from qwen_lsp.lsp.review_shown import DISMISS, ChangesSince, Shown
from qwen_lsp.messages import text
from qwen_lsp.review import reviewer, settings
from qwen_lsp.review.cache import Cache, default_file
from qwen_lsp.review.change import git
from qwen_lsp.review.change.change import Change, ChangedFile, as_added, compare, from_git
from qwen_lsp.review.change.selecting import Selection
from qwen_lsp.review.dismissals import FILE as DISMISSALS
from qwen_lsp.review.dismissals import Dismissal, with_entry
from qwen_lsp.review.find import asking
from qwen_lsp.review.find.asking import Effort
from qwen_lsp.review.find.passes import Shared, opened
from qwen_lsp.review.find.repository import Repository
from qwen_lsp.review.finding import GRADES, Finding
from qwen_lsp.review.report import pages
from qwen_lsp.review.report.report import Report
from qwen_lsp.review.report.suggestions import suggestion
from qwen_lsp.syntax.rules import all_rules
from qwen_lsp.text import Document, Edit, Span

if TYPE_CHECKING:
    from qwen_lsp.lsp.server import Server

SOURCE = "qwen-lsp"
# The model is asked no longer than somebody waits for a review.
_MODEL_SECONDS = 120.0


async def review(server: Server, options: dict[str, Any], tell: asking.Progress) -> dict[str, Any]:
    """Review what was asked for; return the answer of the command. Findings show as they come.

    What is typed meanwhile moves what is found.
    """
    with server.reviews.following() as since:
        return await _review(server, options, tell, since)


async def _review(
    server: Server, options: dict[str, Any], tell: asking.Progress, since: ChangesSince
) -> dict[str, Any]:
    uri = str(options.get("uri") or "")
    documents = dict(server.documents)
    folder = _folder(server, uri)
    only_file = options.get("scope") == "file" or (not options.get("scope") and bool(uri))
    if only_file and not uri:
        raise InputError("which file? give its `uri`")
    base = str(options.get("base") or "")
    selected = _selected(server, documents.get(uri), options)
    if selected is not None:
        change = await asyncio.to_thread(_selection, folder, documents, uri, selected)
    else:
        change = await asyncio.to_thread(_change, folder, documents, uri if only_file else "", base)
    trusted = settings.load(change.root)
    chosen = reviewer.Options(
        locale=server.locale,
        least_confidence=trusted.settings.least_confidence or reviewer.Options().least_confidence,
        selection=Selection(trusted.settings.include, trusted.settings.exclude),
        disabled=frozenset(trusted.settings.disabled),
        dismissals=trusted.dismissals,
        effort=Effort(most_seconds=_MODEL_SECONDS),
    )
    names = {path: open_uri for open_uri, path in _relative_paths(change.root, documents).items()}
    root = change.root or folder
    uris = {
        file.path: names.get(file.path) or (uri if not change.root else convert.uri_of(root / file.path))
        for file in change.files
    }

    def shared() -> Shared:
        return Shared(server.model_host, server.turn)

    cache = Cache(default_file())
    try:
        known = Repository(server.indexing.of_folder(change.root))
        async with opened(server.config, None, server.locale, known, shared) as passes:
            report = await reviewer.review(
                change,
                chosen,
                passes,
                cache,
                tell,
                lambda so_far: _show(server, so_far, uris, options, since),
            )
    finally:
        cache.close()
    _show(server, report, uris, options, since)
    standing = server.reviews.standing(uris)
    found = [standing.get((one.path, one.fingerprint)) for one in report.findings]
    return {
        "findings": [
            _json(server, one.finding, one.document, uris[one.finding.path]) for one in found if one
        ],
        "coverage": report.coverage.to_json(),
        "summary": report.summary(),
        "status": report.status,
    }


def _folder(server: Server, uri: str) -> Path:
    path = convert.path_of(uri) if uri else None
    if path is not None:
        return Path(path) if Path(path).is_dir() else Path(path).parent
    if uri:
        return Path("/")
    if server.workspace.root_path:
        return Path(server.workspace.root_path)
    for folder in server.workspace.folders.values():
        if found := convert.path_of(folder.uri):
            return Path(found)
    raise InputError("no folder is open: open one, or review a file")


def _change(folder: Path, documents: dict[str, Document], uri: str, base: str) -> Change:
    """Collect what is reviewed; a file outside of every repository is all new."""
    try:
        root = git.top(folder)
    except InputError:
        document = documents.get(uri)
        if document is None:
            raise
        name = PurePath(document.path or uri).name
        file = ChangedFile(compare(name, None, document.text), None, document.text)
        return Change(name, (file,))
    unsaved, only = {}, []
    for open_uri, path in _relative_paths(root, documents).items():
        if open_uri == uri:
            only.append(path)
        if not _is_saved(root / path, documents[open_uri].text):
            unsaved[path] = documents[open_uri].text
    if uri and not only:
        file_path = convert.path_of(uri)
        if file_path is None or not Path(file_path).resolve().is_relative_to(root.resolve()):
            raise InputError(f"{uri} is not a file of {root}")
        only.append(Path(file_path).resolve().relative_to(root.resolve()).as_posix())
    if only:
        unsaved = {path: unsaved[path] for path in only if path in unsaved}
    return from_git(root, "base" if base else "default", base, unsaved=unsaved, only=only)


def _selected(server: Server, document: Document | None, options: dict[str, Any]) -> tuple[int, int] | None:
    """Return the first and last line of the range that was asked for; None without one."""
    if document is None or not isinstance(options.get("range"), dict):
        return None
    try:
        ends = [options["range"][end] for end in ("start", "end")]
        places = [types.Position(int(end["line"]), int(end["character"])) for end in ends]
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"the `range` cannot be read: {error!r}") from error
    span = convert.span(document, types.Range(*places), server.encoding)
    # A selection of whole lines ends before the first character of the next.
    return document.line_of(span.start), document.line_of(max(span.end - 1, span.start))


def _selection(folder: Path, documents: dict[str, Document], uri: str, lines: tuple[int, int]) -> Change:
    document = documents[uri]
    try:
        root: Path | None = git.top(folder)
    except InputError:
        root = None
    path = _relative_paths(root, documents).get(uri) or PurePath(document.path or uri).name
    return Change(path, (as_added(path, document.text, *lines),), root=root)


def _relative_paths(root: Path | None, documents: dict[str, Document]) -> dict[str, str]:
    if root is None:
        return {}
    found = {}
    for uri, document in documents.items():
        if document.path is None:
            continue
        path, top = Path(document.path).resolve(), root.resolve()
        if path.is_relative_to(top):
            found[uri] = path.relative_to(top).as_posix()
    return found


def _is_saved(file: Path, text_: str) -> bool:
    try:
        return file.read_bytes() == text_.encode("utf-8", "surrogatepass")
    except OSError:
        return False


def _show(
    server: Server, report: Report, uris: dict[str, str], options: dict[str, Any], since: ChangesSince
) -> None:
    """Publish the diagnostics of what was reviewed, and take away what is no longer so."""
    is_file = options.get("scope") == "file" or (not options.get("scope") and options.get("uri"))
    stale = [str(options["uri"])] if is_file else list(server.reviews.shown)
    shown: dict[str, dict[str, Shown]] = {uri: {} for uri in stale}
    for finding in report.findings:
        uri = uris[finding.path]
        now = server.documents.get(uri)
        if entry := since.placed(finding, report.documents[finding.path], uri, now):
            shown.setdefault(uri, {})[finding.fingerprint] = entry
    server.reviews.shown.update(shown)
    for uri in shown:
        publish(server, uri)


def _json(server: Server, finding: Finding, document: Document, uri: str) -> dict[str, Any]:
    def range_(span: Span) -> Any:
        return server.protocol._converter.unstructure(convert.lsp_range(document, span, server.encoding))

    entry: dict[str, Any] = {
        "id": finding.fingerprint,
        "fingerprint": finding.fingerprint,
        "rule": finding.rule,
        "severity": finding.severity,
        "confidence": finding.confidence,
        "path": finding.path,
        "uri": uri,
        "range": range_(finding.span),
        "message": finding.message,
    }
    if finding.scenario:
        entry["scenario"] = finding.scenario
    if finding.fix is not None:
        entry["fix"] = {"range": range_(finding.fix.span), "newText": finding.fix.new_text}
        if whole := suggestion(document, finding, range(1, document.line_count + 1)):
            entry["fix"]["lines"] = whole.new_text
    return entry


def publish(server: Server, uri: str) -> None:
    """Tell the client what stands of a document."""
    shown = server.reviews.shown.get(uri, {})
    document = server.documents.get(uri)
    diagnostics = [_diagnostic(server, one.finding, one.document) for one in shown.values()]
    version = document.version if document is not None else None
    server.text_document_publish_diagnostics(
        types.PublishDiagnosticsParams(uri, diagnostics, version=version)
    )


def _diagnostic(server: Server, finding: Finding, document: Document) -> types.Diagnostic:
    page = pages.uri(finding.rule)
    return types.Diagnostic(
        range=convert.lsp_range(document, finding.span, server.encoding),
        message=f"{finding.message} {finding.scenario}".strip(),
        severity=types.DiagnosticSeverity(GRADES[finding.severity].lsp),
        source=SOURCE,
        code=finding.rule,
        code_description=types.CodeDescription(page) if page else None,
        data={"fingerprint": finding.fingerprint},
    )


def actions(server: Server, asked: Asked) -> Sequence[types.CodeAction]:
    """Offer the fix of each finding at the selection, and to dismiss it."""
    uri = asked.document.uri
    shown = server.reviews.shown.get(uri, {})
    offered: list[types.CodeAction] = []
    for diagnostic in asked.diagnostics:
        data = plain(diagnostic.data)
        one = shown.get(str(data.get("fingerprint"))) if isinstance(data, dict) else None
        if diagnostic.source != SOURCE or one is None:
            continue
        finding = one.finding
        if finding.fix is not None and one.document.text == asked.document.text:  # else it was closed
            offered.append(_fix_action(server, asked.document, diagnostic, finding, finding.fix))
        offered += (
            _dismiss_action(server, diagnostic, uri, "words.dismiss", fingerprint=finding.fingerprint),
            _dismiss_action(server, diagnostic, uri, "words.dismiss_rule", rule=finding.rule),
        )
    return offered


def _fix_action(
    server: Server, document: Document, diagnostic: types.Diagnostic, finding: Finding, edit: Edit
) -> types.CodeAction:
    rule = all_rules().get(finding.rule)
    said = rule.title.to(server.locale) if rule else edit.new_text.strip()
    change = types.TextEdit(convert.lsp_range(document, edit.span, server.encoding), edit.new_text)
    workspace = server.client_capabilities.workspace
    able = workspace.workspace_edit if workspace else None
    if able is not None and able.document_changes:
        identifier = types.OptionalVersionedTextDocumentIdentifier(uri=document.uri, version=document.version)
        made = types.WorkspaceEdit(document_changes=[types.TextDocumentEdit(identifier, [change])])
    else:
        made = types.WorkspaceEdit(changes={document.uri: [change]})
    return types.CodeAction(
        title=text("words.apply", server.locale, title=said),
        kind=types.CodeActionKind.QuickFix,
        diagnostics=[diagnostic],
        is_preferred=finding.source == "rule",
        edit=made,
    )


def _dismiss_action(
    server: Server, diagnostic: types.Diagnostic, uri: str, key: str, **what: str
) -> types.CodeAction:
    title = text(key, server.locale, rule=what.get("rule", ""))
    command = types.Command(title=title, command=DISMISS, arguments=[{**what, "uri": uri}])
    kind = types.CodeActionKind.QuickFix
    return types.CodeAction(title=title, kind=kind, diagnostics=[diagnostic], command=command)


async def dismiss(server: Server, options: dict[str, Any]) -> None:
    """Set `{fingerprint | rule | path, uri}` aside in the repository, and take its diagnostics away.

    Raises: InputError.
    """
    entry = Dismissal(*(str(options.get(key) or "") for key in ("fingerprint", "rule", "path")))
    said = next(
        (
            f"{one.finding.rule} in {one.finding.path}"
            for shown in server.reviews.shown.values()
            for one in shown.values()
            if entry.fingerprint and one.finding.fingerprint == entry.fingerprint
        ),
        "",
    )
    await asyncio.to_thread(_write_down, entry, _folder(server, str(options.get("uri") or "")), said)
    for uri, shown in server.reviews.shown.items():
        gone = [print_ for print_, one in shown.items() if entry.covers(one.finding)]
        for print_ in gone:
            del shown[print_]
        if gone:
            publish(server, uri)


def _write_down(entry: Dismissal, folder: Path, said: str) -> None:
    if entry == Dismissal():
        raise InputError("what is to be dismissed? give a `fingerprint`, a `rule` or a `path`")
    file = git.top(folder) / DISMISSALS
    try:
        before = file.read_text("utf-8")
    except FileNotFoundError:
        before = ""
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file} cannot be read: {error}") from error
    write(file, with_entry(before, entry, said).encode())
