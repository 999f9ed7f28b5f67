"""What is reviewed: the change of a folder or of a file, with the text that the editor has of it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from lsprotocol import types

from qwen_lsp import files
from qwen_lsp.errors import InputError
from qwen_lsp.lsp import convert
from qwen_lsp.review.change import git
from qwen_lsp.review.change.change import Change, ChangedFile, as_added, compare, from_git
from qwen_lsp.review.finding import SEVERITIES
from qwen_lsp.syntax.rules import Severity
from qwen_lsp.text import Document


@dataclass(frozen=True, slots=True)
class Scope:
    """What is to be reviewed: the `uri` of a file or folder, a `base` to compare with, a range of lines.

    `min_severity` is None where the client leaves it to the settings.
    """

    uri: str = ""
    base: str = ""
    is_file: bool = False
    range: Any = None
    min_severity: Severity | None = None


def scope(options: dict[str, Any]) -> Scope:
    """Read the arguments of the command.

    Raises: InputError.
    """
    uri = str(options.get("uri") or "")
    is_file = options.get("scope") == "file" or (not options.get("scope") and bool(uri))
    if is_file and not uri:
        raise InputError("which file? give its `uri`")
    range_ = options.get("range") if isinstance(options.get("range"), dict) else None
    severity = options.get("minSeverity")
    if severity is not None and severity not in SEVERITIES:
        raise InputError(f"minSeverity is one of {', '.join(SEVERITIES)}")
    return Scope(uri, str(options.get("base") or ""), is_file, range_, severity)


async def collect(
    asked: Scope, folder: Path, documents: dict[str, Document], encoding: str
) -> tuple[Change, dict[str, str]]:
    """Return the change, and the URI of each of its paths. Git runs beside the event loop.

    Raises: InputError.
    """
    lines = _lines(documents.get(asked.uri), asked.range, encoding)
    if lines is not None:
        change = await asyncio.to_thread(_selection, folder, documents, asked.uri, lines)
    else:
        only = asked.uri if asked.is_file else ""
        change = await asyncio.to_thread(_change, folder, documents, only, asked.base)
    names = {path: uri for uri, path in _relative_paths(change.root, documents).items()}
    root = change.root or folder
    uris = {
        file.path: names.get(file.path)
        or (asked.uri if not change.root else convert.uri_of(root / file.path))
        for file in change.files
    }
    return change, uris


def folder_of(uri: str, folders: tuple[str, ...]) -> Path:
    """Return the folder that a URI, or else the workspace, is in.

    Raises: InputError.
    """
    path = convert.path_of(uri) if uri else None
    if path is not None:
        return Path(path) if Path(path).is_dir() else Path(path).parent
    if uri:
        return Path("/")
    if folders:
        return Path(folders[0])
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


def _lines(document: Document | None, range_: Any, encoding: str) -> tuple[int, int] | None:
    """Return the first and last line of the range that was asked for; None without one."""
    if document is None or range_ is None:
        return None
    try:
        ends = [range_[end] for end in ("start", "end")]
        places = [types.Position(int(end["line"]), int(end["character"])) for end in ends]
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"the `range` cannot be read: {error!r}") from error
    span = convert.span(document, types.Range(*places), encoding)
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
        data = text_.encode("utf-8", "surrogatepass")
        return files.read(file, len(data)) == data
    except OSError:
        return False
