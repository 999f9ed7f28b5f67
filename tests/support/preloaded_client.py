"""The program behind preloaded.py: hands its streams to the process that forks, ends as its server does."""

import _socket
import array
import json
import os
import signal
import sys

connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
connection.connect(sys.argv[1])
sent = json.dumps([sys.argv[2:], os.getcwd(), dict(os.environ)]).encode()
connection.sendmsg(
    [len(sent).to_bytes(8, "little")],
    [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, array.array("i", [0, 1, 2]).tobytes())],
)
connection.sendall(sent)
pid, _, rest = connection.recv(64).partition(b"\n")
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    signal.signal(number, lambda number, _: os.kill(int(pid), number))
null = os.open(os.devnull, os.O_RDWR)
for stream in (0, 1, 2):  # the server's now: who reads them sees its end
    os.dup2(null, stream)
code = int(rest or connection.recv(64))
if code < 0:
    signal.signal(-code, signal.SIG_DFL)
    os.kill(os.getpid(), -code)
sys.exit(code)
