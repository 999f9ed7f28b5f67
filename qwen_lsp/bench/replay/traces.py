"""Recorded editing: a file, the repository around it, and the edits of one person with their times.

Owns the format (docs/traces.md): JSON lines, one trace a line. `read` and `write` are its functions,
`of_row` turns a hole of an infilling set into a trace, `laid_out` puts a trace's repository on the disk.
Knows no server and no model; what it reads came from others, so every path is checked.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

from qwen_lsp.bench.infill.rows import Row
from qwen_lsp.bench.replay.typist import JUMP_LEAD_MS, LEAD_MS, TimedEdit, rhythm, typed
from qwen_lsp.errors import InputError
from qwen_lsp.syntax import languages
from qwen_lsp.text import Document, Edit, Span

# A larger file is data, and a trace that takes along a dependency folder would copy it for each replay.
_MAX_FILE_BYTES = 1_000_000
_NOT_COPIED = frozenset({".git", ".hg", ".venv", "venv", "node_modules", "__pycache__"})


@dataclass(frozen=True, slots=True)
class Place:
    """Where the cursor rests before the jump to the first edit: an offset of the text, and for how long."""

    offset: int
    stay_ms: float


@dataclass(frozen=True, slots=True)
class Trace:
    """One person typing in one file.

    Shape: `path` is relative to the repository, with forward slashes; `text` is the file before the first
    edit. The repository's other files come from `files` and from `folder`. `visited` names those that the
    user had open before, in that order; `places` are those of this file where the cursor rests at first.
    `half` says what the trace is for, "" where nothing is split.
    """

    id: str
    path: str
    language: str
    text: str
    edits: tuple[TimedEdit, ...]
    files: Mapping[str, str] = field(default_factory=dict)
    folder: Path | None = None
    visited: tuple[str, ...] = ()
    places: tuple[Place, ...] = ()
    half: str = ""

    @property
    def cursor(self) -> int:
        """The offset at which the user starts."""
        return self.edits[0].start

    @property
    def final_text(self) -> str:
        """The file after the last edit."""
        document = Document("", self.text)
        for edit in self.edits:
            document = document.with_edit(Edit(Span(edit.start, edit.end), edit.text), 0)
        return document.text


def read(path: Path) -> list[Trace]:
    """Read a file of traces.

    Raises: InputError naming the file, and the line where there is one.
    """
    traces: list[Trace] = []
    try:
        with path.open(encoding="utf-8-sig", newline="\n") as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    where = f"{path}:{number}"
                    traces.append(_checked(_trace(_object(line, where), path, where), where))
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8: {error.reason}") from error
    if not traces:
        raise InputError(f"{path}: holds no traces")
    return traces


def _object(line: str, where: str) -> dict[str, Any]:
    try:
        data = json.loads(line)
    except ValueError as error:
        raise InputError(f"{where}: not JSON: {error}") from error
    if not isinstance(data, dict):
        raise InputError(f"{where}: a trace is an object, not {type(data).__name__}")
    return data


def _trace(data: dict[str, Any], file: Path, where: str) -> Trace:
    path = _text(data, "path", where)
    language = languages.find("", path)
    files = data.get("files") or {}
    folder = data.get("folder")
    if not isinstance(files, dict) or not all(isinstance(text, str) for text in files.values()):
        raise InputError(f"{where}: `files` is an object of texts")
    if folder is not None and not isinstance(folder, str):
        raise InputError(f"{where}: `folder` is {type(folder).__name__}, not a string")
    visited = data.get("visited") or []
    if not isinstance(visited, list) or not all(isinstance(name, str) for name in visited):
        raise InputError(f"{where}: `visited` is a list of paths")
    for name in (path, *files, *visited):
        _check_relative(name, where)
    return Trace(
        id=str(data.get("id") or f"{path}:{where.rpartition(':')[2]}"),
        path=path,
        language=str(data.get("language") or (language.id if language else "plaintext")),
        text=_text(data, "text", where),
        edits=tuple(_edit(entry, where) for entry in _list(data, "edits", where)),
        files=files,
        folder=_folder(file.parent / folder, where) if folder is not None else None,
        visited=tuple(visited),
        places=tuple(_place(entry, where) for entry in data.get("places") or ()),
        half=str(data.get("half") or ""),
    )


def _text(data: dict[str, Any], key: str, where: str) -> str:
    value = data.get(key)
    if not isinstance(value, str):
        raise InputError(f"{where}: `{key}` is missing or not a string")
    return value


def _list(data: dict[str, Any], key: str, where: str) -> list[Any]:
    value = data.get(key)
    if not isinstance(value, list) or not value:
        raise InputError(f"{where}: `{key}` is missing, empty or not a list")
    return value


def _edit(entry: Any, where: str) -> TimedEdit:
    match entry:
        case [int() | float() as at_ms, int() as start, int() as end, str() as text]:
            return TimedEdit(at_ms, start, end, text)
    raise InputError(f"{where}: an edit is [at_ms, start, end, text], not {json.dumps(entry)[:80]}")


def _place(entry: Any, where: str) -> Place:
    match entry:
        case [int() as offset, int() | float() as stay_ms]:
            return Place(offset, stay_ms)
    raise InputError(f"{where}: a place is [offset, stay_ms], not {json.dumps(entry)[:80]}")


def _check_relative(name: str, where: str) -> None:
    """Refuse a path that could lead out of the folder that the trace is laid out in, on any system."""
    parts = PurePosixPath(name).parts
    if not parts or name.startswith("/") or ".." in parts or "\\" in name or ":" in name or "\0" in name:
        raise InputError(f"{where}: {name!r} is not a path inside the repository")


def _folder(folder: Path, where: str) -> Path:
    if not folder.is_dir():
        raise InputError(f"{where}: there is no folder {folder}")
    return folder


def _checked(trace: Trace, where: str) -> Trace:
    """Refuse edits that no editor could make."""
    for text in (trace.text, *trace.files.values(), *(edit.text for edit in trace.edits)):
        if any("\ud800" <= char <= "\udfff" for char in text):
            raise InputError(f"{where}: holds half a surrogate pair, which no file can")
    length, before_ms = len(trace.text), 0.0
    for place in trace.places:
        if not 0 <= place.offset <= length or place.stay_ms < 0:
            raise InputError(f"{where}: the place {place.offset} is outside of the text, of {length} chars")
    for edit in trace.edits:
        if not 0 <= edit.start <= edit.end <= length:
            raise InputError(f"{where}: [{edit.start}, {edit.end}) is outside of the text, of {length} chars")
        if edit.at_ms < before_ms:
            raise InputError(f"{where}: the edit at {edit.at_ms} ms comes after one at {before_ms} ms")
        length += len(edit.text) - (edit.end - edit.start)
        before_ms = edit.at_ms
    return trace


def write(path: Path, traces: Iterable[Trace]) -> None:
    """Write traces to a file; a folder is named relative to it."""
    lines = [_line(trace, path.parent) for trace in traces]
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8", newline="\n")


def _line(trace: Trace, beside: Path) -> str:
    folder = os.path.relpath(trace.folder, beside) if trace.folder else None
    data = {
        "id": trace.id,
        "path": trace.path,
        "language": trace.language,
        "folder": Path(folder).as_posix() if folder else None,
        "files": dict(trace.files),
        "visited": list(trace.visited),
        "places": [[place.offset, place.stay_ms] for place in trace.places],
        "half": trace.half or None,
        "text": trace.text,
        "edits": [[edit.at_ms, edit.start, edit.end, edit.text] for edit in trace.edits],
    }
    return json.dumps(
        {key: value for key, value in data.items() if value not in (None, {}, [])}, ensure_ascii=False
    )


def of_row(row: Row, key_ms: float, seed: int, max_chars: int) -> Trace | None:
    """Turn a hole into a trace: the middle is typed into it, whole lines after an Enter.

    Returns None where not even the middle's first line fits `max_chars`.
    """
    language = languages.find({"py": "python", "js": "javascript"}.get(row.language, row.language), None)
    path = f"solution{language.extensions[0] if language else '.txt'}"
    before, added, after = row.prefix, row.middle, row.suffix
    if row.kind != "span":
        added = cut_lines(added.removesuffix("\n"), max_chars)
        if before.endswith("\n"):  # the hole is whole lines: press Enter at the end of the line above
            before, added, after = before[:-1], "\n" + added, "\n" + after
        else:
            after = "\n" + after if row.middle.endswith("\n") else after
    elif len(added) > max_chars:
        added = cut_lines(added, max_chars)
    if not added.strip():
        return None
    rng = random.Random(f"{seed}:{row.id}")
    edits = typed(added, len(before), key_ms, rng)
    return Trace(row.id, path, language.id if language else "plaintext", before + after, edits)


def cut_lines(text: str, max_chars: int) -> str:
    """Return the first whole lines that fit, without the line end of the last."""
    if len(text) <= max_chars:
        return text
    return text[: max(text.rfind("\n", 0, max_chars + 1), 0)].rstrip("\r\n")


def retimed(trace: Trace, key_ms: float, seed: int) -> Trace:
    """Return the trace with every pause recomputed by our own rhythm; what is edited stays the same."""
    rng = random.Random(f"{seed}:{trace.id}")
    lead_ms = JUMP_LEAD_MS if trace.places else LEAD_MS
    times = rhythm([edit.text for edit in trace.edits], key_ms, rng, lead_ms=lead_ms)
    pairs = zip(trace.edits, times, strict=True)
    return replace(trace, edits=tuple(replace(edit, at_ms=at_ms) for edit, at_ms in pairs))


@contextmanager
def laid_out(trace: Trace) -> Iterator[tuple[Path, Path]]:
    """Put the trace's repository into a folder of its own; yield the folder and the trace's file.

    The file is there as before the first edit.
    """
    with tempfile.TemporaryDirectory() as folder:
        root = Path(os.path.realpath(folder)) / "repository"  # links in it would make other URIs
        root.mkdir()
        if trace.folder is not None:
            shutil.copytree(trace.folder, root, ignore=_left_behind, dirs_exist_ok=True)
        for name, text in {**trace.files, trace.path: trace.text}.items():
            file = root / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8", newline="")
        yield root, root / trace.path


def _left_behind(folder: str, names: list[str]) -> set[str]:
    # Links are left out, because the file that is written through one may lie anywhere.
    return {
        name for name in names if name in _NOT_COPIED or name.startswith(".") or _is_odd(Path(folder, name))
    }


def _is_odd(path: Path) -> bool:
    return path.is_symlink() or (path.is_file() and path.stat().st_size > _MAX_FILE_BYTES)
