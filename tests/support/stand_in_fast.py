"""A stand-in for llama-server that starts in a few milliseconds: for tests that start and kill it often.

Run as a script by an interpreter that imports nothing else; it uses the standard library alone. While its
folder holds a file `out-of-memory`, which counts down, it is killed in the middle of loading.
"""

import contextlib
import os
import signal
import socket
import sys
import threading

ANSWER = (
    b'data: {"content":"return","stop":false}\n\ndata: {"content":" 1","stop":false}\n\n'
    b'data: {"content":"","stop":true,"stop_type":"eos"}\n\n'
)


def serve(connection: socket.socket, key: str) -> None:
    with connection:
        data = b""
        while b"\r\n\r\n" not in data:
            part = connection.recv(65536)
            if not part:
                return
            data += part
        head, _, body = data.partition(b"\r\n\r\n")
        fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
        while len(body) < int(fields.get(b"content-length", b"0")):
            body += connection.recv(65536)
        path = head.split(b" ")[1]
        if path == b"/health":
            send(connection, b"200 OK", b'{"status":"ok"}')
        elif f"bearer {key}".lower().encode() != fields.get(b"authorization"):
            send(connection, b"401 Unauthorized", b"{}")
        elif path == b"/completion":
            send(connection, b"200 OK", ANSWER)
        else:
            send(connection, b"404 Not Found", b"{}")


def send(connection: socket.socket, status: bytes, body: bytes) -> None:
    connection.sendall(
        b"HTTP/1.1 " + status + b"\r\nContent-Length: " + str(len(body)).encode() + b"\r\n\r\n" + body
    )


def is_killed_while_loading(folder: str) -> bool:
    file = os.path.join(folder, "out-of-memory")
    if not os.path.exists(file):
        return False
    with open(file) as opened:
        left = int(opened.read() or 0)
    with open(file, "w") as opened:
        opened.write(str(left - 1))
    return left > 0


def main() -> None:
    folder = os.path.dirname(os.path.abspath(sys.argv[0]))
    if is_killed_while_loading(folder):
        os.kill(os.getpid(), signal.SIGKILL)
    with open(sys.argv[sys.argv.index("--api-key-file") + 1]) as file:
        key = file.read()
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", int(sys.argv[sys.argv.index("--port") + 1])))
    listener.listen(64)
    reported = os.path.join(folder, "answer.json")
    with open(f"{reported}.{os.getpid()}", "w") as opened:
        opened.write(f'{{"pid": {os.getpid()}}}')
    os.replace(f"{reported}.{os.getpid()}", reported)
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=quietly, args=(connection, key), daemon=True).start()


def quietly(connection: socket.socket, key: str) -> None:
    with contextlib.suppress(OSError):  # who asked has gone
        serve(connection, key)


if __name__ == "__main__":
    main()
