"""A unified diff as frozen values: Patch, FilePatch, Hunk, Line. Lines are numbered from 1, as diffs do.

`unidiff` reads the hunks. Git's extended headers are read here, because they quote and escape paths,
and because one broken file must not cost the others: each file is parsed, and decoded, by itself.
This module knows no git, no disk and no review.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from unidiff.errors import UnidiffParseError
from unidiff.patch import PatchSet

from qwen_lsp.text import decode

Kind = Literal["added", "removed", "context"]
Status = Literal["added", "deleted", "modified", "renamed", "copied"]

_DEV_NULL = "/dev/null"
_SUBMODULE, _SYMLINK = "160000", "120000"
_FILE_START = re.compile(rb"^diff --(?:git|cc|combined) ", re.MULTILINE)
_PLAIN_START = re.compile(rb"^--- [^\n]*\n\+\+\+ [^\n]*\n@@ ", re.MULTILINE)
_HUNK = re.compile(r"^@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@")
_ESCAPE = re.compile(rb'\\([abfnrtv"\\]|[0-7]{3})')
_ESCAPED = {b"a": 7, b"b": 8, b"f": 12, b"n": 10, b"r": 13, b"t": 9, b"v": 11, b'"': 34, b"\\": 92}


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a hunk without its line end; `old` and `new` are its numbers, None on the other side."""

    kind: Kind
    text: str
    old: int | None
    new: int | None


@dataclass(frozen=True, slots=True)
class Hunk:
    """Neighbouring changes with the lines around them."""

    old_start: int
    new_start: int
    new_length: int
    lines: tuple[Line, ...]

    @property
    def added(self) -> frozenset[int]:
        """Numbers of the lines that the new side has and the old one has not."""
        return frozenset(line.new for line in self.lines if line.kind == "added" and line.new)


@dataclass(frozen=True)
class FilePatch:
    """What happened to one file. `path` is its name afterwards (before, when it was deleted)."""

    path: str
    old_path: str
    status: Status
    hunks: tuple[Hunk, ...] = ()
    kind: Literal["text", "binary", "submodule", "symlink", "combined"] = "text"

    @cached_property
    def added(self) -> frozenset[int]:
        """Numbers of all added lines, on the new side."""
        return frozenset(number for hunk in self.hunks for number in hunk.added)

    @cached_property
    def removed(self) -> tuple[Line, ...]:
        """All removed lines."""
        return tuple(line for hunk in self.hunks for line in hunk.lines if line.kind == "removed")


@dataclass(frozen=True, slots=True)
class Broken:
    """A part of the diff that could not be read."""

    path: str
    detail: str


@dataclass(frozen=True, slots=True)
class Patch:
    """A whole diff; `broken` lists what could not be read, so that nothing is lost in silence."""

    files: tuple[FilePatch, ...] = ()
    broken: tuple[Broken, ...] = ()


@dataclass
class _Header:
    """The lines of one file before its first hunk."""

    fields: dict[str, str] = field(default_factory=dict)
    hunks_at: int = 0


def parse(data: bytes) -> Patch:
    """Read a diff as git or diff -u write it. Never raises; a diff without changes is an empty Patch."""
    files: list[FilePatch] = []
    broken: list[Broken] = []
    for piece in _pieces(data):
        text, _ = decode(
            piece.replace(b"\0", b"\xef\xbf\xbd")
        )  # a NUL would make it binary, and text is asked
        lines = text.split("\n")
        if lines and not lines[-1]:
            lines.pop()
        header = _header(lines)
        try:
            files.append(_file(header, lines))
        except (UnidiffParseError, ValueError, IndexError) as error:
            broken.append(Broken(_paths(header)[1] or "?", str(error) or type(error).__name__))
    return Patch(tuple(files), tuple(broken))


def _pieces(data: bytes) -> Iterator[bytes]:
    """Cut a diff where a file starts. Lines of a hunk have a sign before them, so none looks like a start."""
    starts = [match.start() for match in _FILE_START.finditer(data)]
    if not starts:
        starts = list(_plain_starts(data))
    for start, end in zip(starts, [*starts[1:], len(data)], strict=False):
        yield data[start:end]


def _plain_starts(data: bytes) -> Iterator[int]:
    """Find the files of a diff without git's headers.

    A removed line `-- x` followed by an added `++ y` looks like a header, so lines are counted as the
    hunk before announced them.
    """
    at = 0
    while match := _PLAIN_START.search(data, at):
        yield match.start()
        at = match.end() - 3
        while (end := _hunk_end(data, at)) is not None:
            at = end


def _hunk_end(data: bytes, at: int) -> int | None:
    """Return where the hunk at `at` ends by its own count, None where there is no hunk."""
    line_end = data.find(b"\n", at)
    if line_end < 0 or not (counts := _HUNK.match(data[at:line_end].decode("ascii", "replace"))):
        return None
    old, new = (int(count) if count is not None else 1 for count in counts.groups())
    at = line_end + 1
    while (old > 0 or new > 0) and at < len(data):
        sign = data[at : at + 1]
        old -= sign in (b" ", b"-", b"\n", b"\r")
        new -= sign in (b" ", b"+", b"\n", b"\r")
        line_end = data.find(b"\n", at)
        at = line_end + 1 if line_end >= 0 else len(data)
    if data[at : at + 1] == b"\\":
        line_end = data.find(b"\n", at)
        at = line_end + 1 if line_end >= 0 else len(data)
    return at


def _header(lines: list[str]) -> _Header:
    header = _Header(hunks_at=len(lines))
    for number, line in enumerate(lines):
        if line.startswith("@@"):
            header.hunks_at = number
            break
        for key in (
            *("diff --git ", "diff --cc ", "diff --combined ", "--- ", "+++ "),
            *("rename from ", "rename to ", "copy from ", "copy to "),
            *("old mode ", "new mode ", "new file mode ", "deleted file mode ", "index "),
            *("Binary files ", "GIT binary patch"),
        ):
            if line.startswith(key):
                header.fields.setdefault(key.strip(), line[len(key) :].rstrip("\r"))
    return header


def _paths(header: _Header) -> tuple[str, str]:
    """Return the names before and after; "" where the header has none."""
    fields = header.fields
    for old, new in (("rename from", "rename to"), ("copy from", "copy to")):
        if old in fields and new in fields:
            return _unquoted(fields[old]), _unquoted(fields[new])
    if "---" in fields and "+++" in fields:
        before, after = (_stripped(_unquoted(fields[key].split("\t")[0])) for key in ("---", "+++"))
    else:
        before, after = _git_line(fields.get("diff --git", ""))
        if not after:
            before = after = _unquoted(fields.get("diff --cc", fields.get("diff --combined", "")))
    return (after if before == _DEV_NULL else before), (before if after == _DEV_NULL else after)


def _git_line(names: str) -> tuple[str, str]:
    """Split `a/NAME b/NAME`, whose names are the same when no other header line tells them."""
    if names.startswith('"'):
        quoted = re.match(r'"(?:[^"\\]|\\.)*+"', names)
        pair = (quoted[0], names[quoted.end() :].strip()) if quoted else ("", "")
        return _stripped(_unquoted(pair[0])), _stripped(_unquoted(pair[1]))
    half = len(names) // 2
    if len(names) % 2 and names[half] == " ":
        return _stripped(names[:half]), _stripped(names[half + 1 :])
    before, _, after = names.partition(" ")
    return _stripped(before), _stripped(_unquoted(after))


def _unquoted(name: str) -> str:
    """Undo git's quoting of a path: C escapes and octal bytes between double quotes."""
    if not (len(name) > 1 and name.startswith('"') and name.endswith('"')):
        return name
    raw = _ESCAPE.sub(_unescaped, name[1:-1].encode())
    return raw.decode("utf-8", "surrogateescape")


def _unescaped(match: re.Match[bytes]) -> bytes:
    code = match.group(1)
    return bytes([_ESCAPED[code] if code in _ESCAPED else int(code, 8) & 0xFF])


def _stripped(name: str) -> str:
    """Drop git's `a/` and `b/` (and the letters of diff.mnemonicPrefix)."""
    return name[2:] if re.match(r"[abciow]/", name) else name


def _file(header: _Header, lines: list[str]) -> FilePatch:
    fields = header.fields
    old_path, path = _paths(header)
    if not path:
        raise ValueError("no file name")
    if {"diff --cc", "diff --combined"} & set(fields):
        return FilePatch(path, path, "modified", kind="combined")
    status: Status = "modified"
    if "new file mode" in fields or fields.get("---", "").startswith(_DEV_NULL):
        status = "added"
    elif "deleted file mode" in fields or fields.get("+++", "").startswith(_DEV_NULL):
        status = "deleted"
    elif "rename to" in fields or ("copy to" not in fields and old_path != path):
        status = "renamed"
    elif "copy to" in fields:
        status = "copied"
    modes = {
        fields.get(key, "").split(" ")[-1]
        for key in ("old mode", "new mode", "new file mode", "deleted file mode", "index")
    }
    if "Binary files" in fields or "GIT binary patch" in fields:
        return FilePatch(path, old_path, status, kind="binary")
    if _SUBMODULE in modes or _SYMLINK in modes:
        kind: Literal["submodule", "symlink"] = "submodule" if _SUBMODULE in modes else "symlink"
        return FilePatch(path, old_path, status, kind=kind)
    return FilePatch(path, old_path, status, tuple(_hunks(lines[header.hunks_at :])))


def _hunks(lines: list[str]) -> Iterator[Hunk]:
    if not lines:
        return
    body = ["--- a\n", "+++ b\n", *(f"{line}\n" for line in lines)]
    hunks = PatchSet(body)[0]
    inside = {line.diff_line_no for hunk in hunks for line in hunk}
    heads = sum(line.startswith("@@") for number, line in enumerate(body, 1) if number not in inside)
    if heads != len(hunks):  # the library skips a head that it cannot read, and its lines with it
        raise ValueError("a hunk has no readable head")
    for hunk in hunks:
        kept = []
        for line in hunk:
            kind: Kind = "added" if line.is_added else "removed" if line.is_removed else "context"
            if line.source_line_no is not None or line.target_line_no is not None:
                kept.append(
                    Line(
                        kind,
                        line.value.rstrip("\n").removesuffix("\r"),
                        line.source_line_no,
                        line.target_line_no,
                    )
                )
        yield Hunk(hunk.source_start, hunk.target_start, hunk.target_length, tuple(kept))
