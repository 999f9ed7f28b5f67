"""The indexing process: joins orders, waits while somebody needs the machine, ends with its parent."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, Queue

import msgspec
import pytest

from qwen_lsp.child import open_pipe
from qwen_lsp.index.host import _Todo
from qwen_lsp.index.orders import Event, Order
from qwen_lsp.index.reader import Index
from tests.support.workspace import Write, commit_all, git

DEADLINE_S = 60.0


class Host:
    """A real indexing process."""

    def __init__(self) -> None:
        self.process = open_pipe("qwen_lsp.index.host", str(os.getpid()))
        self.events: Queue[Event] = Queue()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.events.put(msgspec.json.decode(line, type=Event))

    def send(self, *orders: Order) -> None:
        assert self.process.stdin is not None
        for order in orders:
            self.process.stdin.write(msgspec.json.encode(order) + b"\n")
        self.process.stdin.flush()

    def done(self) -> Event:
        """Return the next event that ends an update."""
        while (event := self.events.get(timeout=DEADLINE_S)).kind == "progress":
            pass
        return event

    def changed(self, least: int) -> int:
        """Add up what updates changed until it is enough."""
        n_changed = 0
        while n_changed < least:
            report = self.done().report
            assert report is not None
            n_changed += report.changed
        return n_changed


@contextmanager
def running() -> Iterator[Host]:
    host = Host()
    try:
        yield host
    finally:
        assert host.process.stdin is not None
        host.process.stdin.close()
        assert host.process.wait(DEADLINE_S) == 0
        assert host.process.stdout is not None
        host.process.stdout.close()


def many(count: int) -> dict[str, str | bytes]:
    return {f"m{n}.py": f"def f{n}(): ...\n" for n in range(count)}


def test_it_waits_while_a_completion_is_needed(write: Write) -> None:
    root = str(write(many(140)))
    with running() as host:
        host.send(Order("pause"), Order("update", root))
        with pytest.raises(Empty):  # at one file in half a second this takes a minute
            host.events.get(timeout=2)
        host.send(Order("resume"))
        event = host.done()
        assert event.kind == "done"
        assert event.report is not None
        assert event.report.files == 140


@pytest.mark.parametrize("n", [200, pytest.param(1000, marks=pytest.mark.slow)])
def test_many_changed_files_are_one_update(write: Write, n: int) -> None:
    root = write(many(n))
    commit_all(root)
    with running() as host:
        host.send(Order("update", str(root)))
        host.done()
        for number in range(n):
            (root / f"m{number}.py").write_text(f"def g{number}(): ...\n")
        orders = [
            Order("update", str(root), [f"m{number}.py" for number in range(at, at + 50)])
            for at in range(0, n, 50)
        ]
        host.send(*orders)
        assert host.changed(n) == n
        git(root, "checkout", "-q", ".")
        host.send(Order("update", str(root)))
        assert host.changed(n) == n, "an order of the first change may have waited until now"
    index = Index(root)
    assert index.definitions_named(["f150"])
    assert not index.definitions_named(["g150"])
    index.close()


def test_orders_that_wait_are_joined() -> None:
    todo = _Todo()
    todo.add(Order("update", "/a", ["x", "y"]))
    todo.add(Order("update", "/a", ["y", "z"]))
    assert todo.take() == Order("update", "/a", ["x", "y", "z"])
    todo.add(Order("update", "/a", ["x"]))
    todo.add(Order("update", "/a"))
    assert todo.take() == Order("update", "/a")
    todo.add(Order("update", "/a", [str(n) for n in range(5000)]))
    assert todo.take() == Order("update", "/a")
    todo.add(Order("update", "/a"))
    todo.add(Order("update", "/b"))
    todo.forget("/a")
    assert todo.take() == Order("update", "/b")
    todo.end()
    assert todo.take() is None


def test_a_root_that_is_gone_harms_nobody(write: Write, tmp_path: Path) -> None:
    root = write(many(3))
    with running() as host:
        host.send(Order("update", str(tmp_path / "gone")), Order("update", str(root)))
        assert {host.done().root, host.done().root} == {str(tmp_path / "gone"), str(root)}


def test_it_ends_in_the_middle_when_its_parent_is_gone(write: Write) -> None:
    root = write(many(2000))
    with running() as host:
        host.send(Order("pause"), Order("update", str(root)))
    with running() as host:
        host.send(Order("update", str(root)))
        report = host.done().report
        assert report is not None
        assert report.files == 2000
