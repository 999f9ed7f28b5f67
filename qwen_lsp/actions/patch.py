"""A proposal as the bytes of a patch that `git apply` takes, or as the new bytes of each file.

Files keep their encoding and their byte order mark.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from pathlib import Path

from qwen_lsp.actions.task import Proposal, Task, apply
from qwen_lsp.errors import InputError
from qwen_lsp.text import decode


def changed_files(task: Task, proposal: Proposal) -> Iterator[tuple[Path, str, bytes | None, bytes]]:
    """Yield the path on disk, the path in the repository, the old bytes (None: a new file) and the new ones.

    Raises: InputError when the file is no longer what the task was made for.
    """
    assert task.document.path is not None
    path = Path(task.document.path)
    data = path.read_bytes()
    old, encoding = decode(data)
    if old != task.document.text:
        raise InputError(f"{path.name} has changed meanwhile: run the action again")
    if proposal.edits:
        yield path, task.path, data, apply(old, proposal.edits).encode(encoding)
    if proposal.other is not None:
        other = proposal.other
        on_disk = Path(task.root or path.parent) / other.path
        if other.document is None:
            yield on_disk, other.path, None, apply("", other.edits).encode()
        else:
            data = on_disk.read_bytes()
            old, encoding = decode(data)
            yield on_disk, other.path, data, apply(old, other.edits).encode(encoding)


def patch(task: Task, proposal: Proposal) -> bytes:
    """Write the proposal as a patch.

    Raises: InputError for a file that git takes for binary.
    """
    return b"".join(_file(name, old, new) for _, name, old, new in changed_files(task, proposal))


def _file(name: str, old: bytes | None, new: bytes) -> bytes:
    if b"\0" in new:
        raise InputError(f"{name} is UTF-16, which git takes for binary: use --apply")
    before, after = _lines(old or b""), _lines(new)
    quoted_old, quoted_new = _quoted(f"a/{name}"), _quoted(f"b/{name}")
    head = [f"diff --git {quoted_old} {quoted_new}\n".encode()]
    if old is None:
        head.append(b"new file mode 100644\n")
    tab = "\t" if " " in name else ""
    head.append(b"--- /dev/null\n" if old is None else f"--- {quoted_old}{tab}\n".encode())
    head.append(f"+++ {quoted_new}{tab}\n".encode())
    body: list[bytes] = []
    for line in list(difflib.diff_bytes(difflib.unified_diff, before, after, n=3))[2:]:
        body.append(line if line.endswith(b"\n") else line + b"\n\\ No newline at end of file\n")
    return b"".join((*head, *body)) if body else b""


def _lines(data: bytes) -> list[bytes]:
    """Split as git does: at LF only."""
    return [line + b"\n" for line in data.split(b"\n")[:-1]] + [data.split(b"\n")[-1]] * bool(
        data.split(b"\n")[-1]
    )


def _quoted(name: str) -> str:
    """Quote a path as git does, where it must be."""
    if not any(char in '"\\' or ord(char) < 32 for char in name):
        return name
    escaped = "".join(
        f"\\{char}" if char in '"\\' else f"\\{ord(char):03o}" if ord(char) < 32 else char for char in name
    )
    return f'"{escaped}"'
