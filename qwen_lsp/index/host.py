"""The indexing process of one server: keeps the indexes of its workspace roots up to date, politely.

`child.Child` starts it with the parent's process id. It reads `Order` lines from stdin and writes `Event`
lines to stdout, both JSON; the end of stdin means that the parent is gone. It runs at low priority
and stops between two files while the parent says that somebody waits for a completion.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
import sys
import threading
from pathlib import Path
from typing import BinaryIO

import msgspec

from qwen_lsp import files, sandbox
from qwen_lsp.child import die_with_parent, wake_as_others
from qwen_lsp.index import database
from qwen_lsp.index.building import MANY_CHANGED, Builder
from qwen_lsp.index.orders import Event, Order
from qwen_lsp.index.watching import watch

log = logging.getLogger(__name__)

_NICE = 10
# Changes that come together are one update: a branch switch is thousands of them.
_SETTLE_S = 0.3
# More changed files than this are found sooner by looking at all of them.
_MANY_PATHS = 100
# However long completions go on, one file in this time is indexed.
_MAX_PAUSE_S = 0.5
_PROGRESS_FILES = 50


class _Ended(Exception):
    """Raised between two files when the parent is gone or has forgotten the root."""


class _Todo:
    """What is to be done, by root, as orders and the watchers leave it."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._orders: dict[str, Order] = {}
        self._is_free = threading.Event()
        self._is_free.set()
        self.is_over = False
        self.forgotten: set[str] = set()

    def add(self, order: Order) -> None:
        """Join an order with the one for the same root that still waits."""
        with self._changed:
            waiting = self._orders.get(order.root)
            if waiting is not None:
                paths = None
                if waiting.paths is not None and order.paths is not None:
                    paths = list(dict.fromkeys([*waiting.paths, *order.paths]))
                order = msgspec.structs.replace(order, paths=paths, rebuild=waiting.rebuild or order.rebuild)
            if order.paths is not None and len(order.paths) > _MANY_PATHS:
                order = msgspec.structs.replace(order, paths=None)
            self._orders[order.root] = order
            self.forgotten.discard(order.root)
            self._changed.notify()

    def forget(self, root: str) -> None:
        """Drop what waits for a root, and end what is being done for it."""
        with self._changed:
            self._orders.pop(root, None)
            self.forgotten.add(root)

    def pause(self, *, is_free: bool) -> None:
        """Stop, or go on."""
        (self._is_free.set if is_free else self._is_free.clear)()

    def end(self) -> None:
        """End everything."""
        with self._changed:
            self.is_over = True
            self._changed.notify()

    def take(self) -> Order | None:
        """Wait for the next order; None at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._orders or self.is_over)
            if self.is_over:
                return None
            if all(order.paths is not None for order in self._orders.values()):
                self._changed.wait_for(lambda: self.is_over, _SETTLE_S)
            return None if self.is_over else self._orders.pop(next(iter(self._orders)))

    def wait_while_paused(self, root: str) -> None:
        """Wait between two files. Raises: _Ended."""
        self._is_free.wait(_MAX_PAUSE_S)
        if self.is_over or root in self.forgotten:
            raise _Ended


def main() -> None:
    """Work until the parent is gone."""
    die_with_parent(int(sys.argv[1]))
    wake_as_others()
    _restrict()
    if hasattr(os, "nice"):
        os.nice(_NICE)
    logging.basicConfig(stream=sys.stderr, format="%(levelname).1s %(name)s: %(message)s")
    events = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    todo = _Todo()
    threading.Thread(target=_listen, args=(todo,), daemon=True).start()
    builders: dict[str, Builder] = {}
    while (order := todo.take()) is not None:
        _run(order, builders, todo, events)
        for root in [root for root in builders if root in todo.forgotten]:
            builders.pop(root).close()
    for builder in builders.values():
        builder.close()


def _restrict() -> None:
    """Let this process and what it starts, git and the parsers, write to the index and nowhere else."""
    folder = database.directory()
    with contextlib.suppress(OSError):  # then there is nowhere to write to, and each update says so
        files.private_folder(folder)
    os.environ["SQLITE_TMPDIR"] = str(folder)  # large sorts spill into files
    sandbox.read_only([folder])


def _listen(todo: _Todo) -> None:
    """Hand on the parent's orders until it is gone."""
    for line in sys.stdin.buffer:
        try:
            order = msgspec.json.decode(line, type=Order)
        except msgspec.DecodeError as error:
            log.warning("an order cannot be read: %s", error)
            continue
        if order.kind == "update":
            todo.add(order)
        elif order.kind == "forget":
            todo.forget(order.root)
        elif order.kind == "watch":
            threading.Thread(target=_watch, args=(order.root, todo), daemon=True).start()
        else:
            todo.pause(is_free=order.kind == "resume")
    todo.end()


def _watch(root: str, todo: _Todo) -> None:
    try:
        for paths in watch(Path(root), lambda: todo.is_over or root in todo.forgotten):
            todo.add(Order("update", root, paths))
    except OSError as error:  # too many folders for the system's limit
        log.warning("%s cannot be watched (%s): changes from outside are seen at the next start", root, error)


def _run(order: Order, builders: dict[str, Builder], todo: _Todo, events: BinaryIO) -> None:
    root = order.root

    def tell(event: Event) -> None:
        events.write(msgspec.json.encode(event) + b"\n")
        events.flush()

    def progress(done: int, total: int) -> None:
        if done % _PROGRESS_FILES == 0:
            tell(Event("progress", root, done, total))

    builder = builders.setdefault(root, Builder(Path(root)))
    try:
        report = builder.update(
            order.paths,
            progress=progress,
            pause=lambda: todo.wait_while_paused(root),
            must_rebuild=order.rebuild,
            is_careful=order.is_careful,
        )
        tell(Event("done", root, report=report))
        if report.changed + report.removed > MANY_CHANGED:
            builder.rank()
    except _Ended:
        pass
    except sqlite3.DatabaseError as error:
        if order.rebuild or not database.is_damage(error):
            tell(Event("failed", root, detail=str(error)))
        else:  # damaged while it was in use
            todo.add(Order("update", root, rebuild=str(error)))
    except OSError as error:
        tell(Event("failed", root, detail=str(error)))
