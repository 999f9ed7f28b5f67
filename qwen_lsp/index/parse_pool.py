"""Reads and parses files into the rows that the index keeps of them, here or in processes beside this one.

Many files are spread over some child processes (`main` here), which end with this one. A file on which a
child dies costs that child and that file. Only plain values cross between them.
"""

from __future__ import annotations

import gc
import logging
import marshal
import os
import struct
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue
from typing import IO, Any, NamedTuple

from qwen_lsp import sandbox
from qwen_lsp.child import die_with_parent, open_pipe
from qwen_lsp.index import source as reading
from qwen_lsp.index.extract import extract, module_stem
from qwen_lsp.index.source import Stat

log = logging.getLogger(__name__)

# Fewer files are done sooner than a process starts.
MANY_FILES = 150
_SLICE_FILES = 12
_MAX_PROCESSES = 4
# Slices that may wait for the writer: no child may idle while it writes some thousand files.
_MAX_WAITING = 200
# Syntax nodes come by the ten thousand and hold no circles: looking for some takes a tenth of the time.
_GC_OBJECTS = 200_000
_LENGTH = struct.Struct("<I")


class Wanted(NamedTuple):
    """A file to look at, and what was known of it: its hash and why it was skipped."""

    path: str
    hash: bytes = b""
    skipped: str = ""


class ParsedFile(NamedTuple):
    """What there is to say of a file.

    Shape: `is_same`: it is what was known, and nothing follows. `definitions`: (name, kind, start, end,
    container, signature, doc); `references`: (name, offset); `imports`: (module, name, alias, offset,
    stem); `chunks`: (start, end, number of words, words).
    """

    path: str
    size_bytes: int
    mtime_ns: int
    inode: int
    hash: bytes = b""
    language: str = ""
    skipped: str = ""
    problem: str = ""
    is_same: bool = False
    definitions: Sequence[tuple[str, str, int, int, str, str, str]] = ()
    references: Sequence[tuple[str, int]] = ()
    imports: Sequence[tuple[str, str | None, str | None, int, str]] = ()
    chunks: Sequence[tuple[int, int, int, str]] = ()


def take(root: str, wanted: Wanted) -> ParsedFile | None:
    """Look at one file; None when it is gone."""
    path = wanted.path
    source = reading.read(root, path)
    if source is None:
        return None
    marks = source.stat
    parsed = ParsedFile(
        path, marks.size_bytes, marks.mtime_ns, marks.inode, source.hash, source.language, source.skipped
    )
    if source.hash and (source.hash, source.skipped) == (wanted.hash, wanted.skipped):
        return parsed._replace(is_same=True)
    if source.skipped:
        return parsed
    try:
        found = extract(source.text, source.language, path)
    except Exception:  # a fault of ours must cost no more than this file
        log.exception("%s cannot be parsed apart", path)
        return parsed._replace(skipped="crash")
    return parsed._replace(
        problem=found.problem,
        definitions=[
            (d.name, d.kind, d.span.start, d.span.end, d.container, d.signature, d.doc)
            for d in found.definitions
        ],
        references=list(found.references.items()),
        imports=[(i.module, i.name, i.alias, i.offset, module_stem(i.module, i.name)) for i in found.imports],
        chunks=[(span.start, span.end, len(words), " ".join(words)) for span, words in found.chunks],
    )


def parse_all(
    root: str, wanted: Sequence[Wanted], pause: Callable[[], None], *, is_careful: bool = False
) -> Generator[tuple[str, ParsedFile | None], None, None]:
    """Look at files, and yield each one's path with what there is to say of it, in their order.

    Its child processes end with it: whoever may leave it early closes it.

    `is_careful` leaves the parsing of few files to a child process, too: something has died before.
    """
    if len(wanted) < MANY_FILES and not is_careful:
        for one in wanted:
            pause()
            yield one.path, take(root, one)
        return
    size = 1 if is_careful else _SLICE_FILES
    slices = [wanted[at : at + size] for at in range(0, len(wanted), size)]
    processes = min(_MAX_PROCESSES, os.cpu_count() or 1, len(slices))
    idle: SimpleQueue[_Child] = SimpleQueue()
    children = [_Child(root) for _ in range(processes)]
    for child in children:
        idle.put(child)

    def work(part: Sequence[Wanted]) -> list[ParsedFile | None]:
        child = idle.get()
        try:
            return child.take(part)
        finally:
            idle.put(child)

    pending: deque[tuple[Sequence[Wanted], Future[list[ParsedFile | None]]]] = deque()
    try:
        with ThreadPoolExecutor(processes) as threads:
            for part in slices:
                pause()
                pending.append((part, threads.submit(work, part)))
                while len(pending) > processes + _MAX_WAITING or (pending and pending[0][1].done()):
                    yield from _results(*pending.popleft())
            while pending:
                yield from _results(*pending.popleft())
    finally:
        for child in children:
            child.close()


def _results(
    part: Sequence[Wanted], future: Future[list[ParsedFile | None]]
) -> Iterator[tuple[str, ParsedFile | None]]:
    return zip((one.path for one in part), future.result(), strict=True)


class _Child:
    """A process that takes files; started on first need, and again when a file has killed it."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._process: subprocess.Popen[bytes] | None = None

    def take(self, part: Sequence[Wanted]) -> list[ParsedFile | None]:
        """Take some files; the one that kills the process is skipped."""
        try:
            return self._ask(part)
        except (EOFError, OSError):
            self.close()
        if len(part) == 1:
            log.warning("reading %s has killed its process", part[0].path)
            marks = reading.stat_of(f"{self._root}/{part[0].path}") or Stat(0, 0, 0)
            return [ParsedFile(part[0].path, marks.size_bytes, marks.mtime_ns, marks.inode, skipped="crash")]
        return [parsed for one in part for parsed in self.take([one])]

    def _ask(self, part: Sequence[Wanted]) -> list[ParsedFile | None]:
        if self._process is None:
            self._process = open_pipe("qwen_lsp.index.parse_pool", str(os.getpid()))
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        _send(self._process.stdin, (self._root, [tuple(one) for one in part]))
        answer = _receive(self._process.stdout)
        return [None if values is None else ParsedFile(*values) for values in answer]

    def close(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.communicate()


def _send(stream: IO[bytes], value: Any) -> None:
    data = marshal.dumps(value)
    stream.write(_LENGTH.pack(len(data)) + data)
    stream.flush()


def _receive(stream: IO[bytes]) -> Any:
    """Read one message. Raises: EOFError when the other side is gone."""
    head = stream.read(_LENGTH.size)
    data = stream.read(_LENGTH.unpack(head)[0]) if len(head) == _LENGTH.size else b""
    if not data:
        raise EOFError
    return marshal.loads(data)


def main() -> None:
    """Take what the parent asks for until it is gone."""
    die_with_parent(int(sys.argv[1]))
    sandbox.read_only()
    sandbox.limit_memory()
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    gc.set_threshold(_GC_OBJECTS)
    try:
        while True:
            root, part = _receive(sys.stdin.buffer)
            parsed = []
            for values in part:
                sandbox.limit_cpu()
                parsed.append(take(root, Wanted(*values)))
            _send(answers, [None if one is None else tuple(one) for one in parsed])
    except (EOFError, BrokenPipeError, KeyboardInterrupt):
        os._exit(0)
