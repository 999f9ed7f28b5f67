"""The process behind preloaded.py: imports the server, then forks one for each that connects."""

from __future__ import annotations

import array
import atexit
import contextlib
import io
import json
import os
import select
import signal
import socket
import sys
import threading
from typing import NoReturn

import qwen_lsp.lsp.server
from qwen_lsp.__main__ import main


def serve(path: str) -> None:
    """Fork servers until standard input ends. A client that goes away takes its server with it."""
    running: dict[int, socket.socket] = {}
    wake, woken = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(woken)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(path)
        listener.listen(64)
        os.write(1, b"ready\n")
        while True:
            sources: list[int | socket.socket] = [0, wake, listener, *running.values()]
            ready = select.select(sources, [], [])[0]
            if 0 in ready:
                break
            if wake in ready:
                os.read(wake, 4096)
                _reap(running)
            if listener in ready:
                client = listener.accept()[0]
                if pid := _fork(client, [listener, *running.values()]):
                    running[pid] = client
                    with contextlib.suppress(OSError):
                        client.sendall(b"%d\n" % pid)
                else:
                    client.close()
            for pid, client in list(running.items()):
                if client in ready and not _received(client, 1):
                    os.kill(pid, signal.SIGKILL)
        for pid in running:
            os.kill(pid, signal.SIGKILL)


def _reap(running: dict[int, socket.socket]) -> None:
    while running:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if not pid:
            return
        client = running.pop(pid)
        with contextlib.suppress(OSError):
            client.sendall(b"%d\n" % os.waitstatus_to_exitcode(status))
        client.close()


def _received(client: socket.socket, size: int) -> bytes:
    """Return so many bytes of a client; fewer when it has gone away."""
    sent = b""
    with contextlib.suppress(OSError):
        while len(sent) < size and (part := client.recv(size - len(sent))):
            sent += part
    return sent


def _fork(client: socket.socket, others: list[socket.socket]) -> int:
    """Take what a client sends - its streams, then its arguments, folder and environment - and fork.

    Returns 0 where it has gone away, as an editor that ends while its server starts makes it do.
    """
    head, ancillary, _, _ = client.recvmsg(8, socket.CMSG_SPACE(12))
    if not ancillary:
        return 0
    streams = array.array("i", ancillary[0][2])
    size = int.from_bytes(head, "little")
    sent = _received(client, size)
    if len(sent) < size:
        for stream in streams:
            os.close(stream)
        return 0
    pid = os.fork()
    if pid:
        for stream in streams:
            os.close(stream)
        return pid
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for one in (client, *others):
        one.close()
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    arguments, folder, environment = json.loads(sent)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["qwen-lsp", *arguments]
    sys.stdin, sys.stdout, sys.stderr = (
        io.TextIOWrapper(open(number, mode, closefd=False), "utf-8", line_buffering=number == 2)  # noqa: SIM115
        for number, mode in ((0, "rb"), (1, "wb"), (2, "wb"))
    )
    code = 1
    try:
        main()
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    _leave(code)


def _leave(code: int) -> NoReturn:
    """End as the interpreter would: what was registered runs, what was written is written."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


if __name__ == "__main__":
    if os.fork():  # nobody's child: tests look at the children of their own process
        os._exit(0)
    assert qwen_lsp.lsp.server
    serve(sys.argv[1])
