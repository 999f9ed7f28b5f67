"""The git commands that a review runs, and nothing else of git.

Arguments are lists, references come after `--end-of-options`, and nothing that a repository configures
(external diff programs, text converters, file system monitors) is run.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from qwen_lsp.errors import InputError

_SAFE = ("-c", "core.fsmonitor=false", "-c", "core.quotePath=true", "-c", "core.pager=cat")
_DIFF = (
    *("--no-color", "--no-ext-diff", "--no-textconv", "--src-prefix=a/", "--dst-prefix=b/"),
    *("--unified=3", "--full-index", "--submodule=short", "--no-indent-heuristic"),
    "--ignore-submodules=dirty",
)
# What a change cannot talk git out of: every file as text, and a renamed one as a new one.
_STRICT = ("--text", "--no-renames")
_TIMEOUT_S = 120
_OBJECT = re.compile(rb"^[0-9a-f]+ (\w+) (\d+)\n")


def run(
    root: Path, *arguments: str, stdin: bytes | None = None, extra: Mapping[str, str] | None = None
) -> bytes:
    """Run git in a folder and return what it writes; `extra` is added to its environment.

    Raises: InputError with git's own last line when it fails, or when there is no git.
    """
    command = ["git", "-C", str(root), *_SAFE, *arguments]
    # A replaced object would show another text than the one that is built.
    environment = {**os.environ, "GIT_NO_REPLACE_OBJECTS": "1", **(extra or {})}
    try:
        done = subprocess.run(
            command, input=stdin, capture_output=True, timeout=_TIMEOUT_S, check=False, env=environment
        )
    except FileNotFoundError as error:
        raise InputError("git is not on PATH: install it, or give the change with --diff FILE") from error
    except subprocess.TimeoutExpired as error:
        raise InputError(f"git {arguments[0]} took longer than {_TIMEOUT_S} s in {root}") from error
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise InputError(f"git {arguments[0]}: {said[-1] if said else f'exit code {done.returncode}'}")
    return done.stdout


def _line(root: Path, *arguments: str) -> str | None:
    """Return the one line that a question has for an answer, None where git says no."""
    try:
        return run(root, *arguments).decode("utf-8", "replace").strip() or None
    except InputError:
        return None


def top(folder: Path) -> Path:
    """Return the root of the working tree that holds a folder.

    Raises: InputError when it is in none.
    """
    found = _line(folder, "rev-parse", "--show-toplevel")
    if found is None:
        run(folder, "--version")  # no git at all is another answer
        raise InputError(
            f"{folder} is not in a git repository: go to one, or give the change with --diff FILE or --stdin"
        )
    return Path(found)


def commit(root: Path, name: str) -> str:
    """Return the id of the commit that a name stands for.

    Raises: InputError when there is none.
    """
    found = _line(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
    if found is None:
        raise InputError(f"git knows no commit {name!r}: fetch it, or name another")
    return found.splitlines()[-1]


def empty_tree(root: Path) -> str:
    """Return the id of the tree without files, in the hash of this repository."""
    return run(root, "hash-object", "-t", "tree", "--stdin", stdin=b"").decode().strip()


def head(root: Path) -> str | None:
    """Return the commit that is checked out, None before the first one."""
    return _line(root, "rev-parse", "--verify", "--quiet", "HEAD")


def default_branch(root: Path) -> str | None:
    """Return the branch that work is merged into: the remote's own, else main or master; None for neither."""
    names = [_line(root, "symbolic-ref", "--quiet", "refs/remotes/origin/HEAD")]
    names += [
        "refs/remotes/origin/main",
        "refs/remotes/origin/master",
        "refs/heads/main",
        "refs/heads/master",
    ]
    known = (name for name in names if name and _line(root, "rev-parse", "--verify", "--quiet", name))
    return next(known, None)


def merge_base(root: Path, one: str, other: str) -> str | None:
    """Return the commit where two lines of work parted; None when this clone does not reach back so far."""
    return _line(root, "merge-base", one, other)


def tree(root: Path, name: str) -> str | None:
    """Return the id of the tree that a name stands for, None where there is none."""
    return _line(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{tree}}")


def has_parent(root: Path, commit_id: str) -> bool:
    """Whether a commit has a parent in this clone."""
    return " " in (_line(root, "rev-list", "--parents", "-n1", commit_id, "--") or "")


def diff(root: Path, *arguments: str, paths: Sequence[str] = (), is_strict: bool = False) -> bytes:
    """Return a diff between what the arguments (ids and options of ours) name."""
    return run(root, "diff", *_DIFF, *_found(is_strict), *arguments, "--", *paths)


def _found(is_strict: bool) -> tuple[str, ...]:
    return _STRICT if is_strict else ("--find-renames",)


@dataclass(frozen=True, slots=True)
class Listed:
    """One changed file as git lists it. The ids are those of blobs, "" where unknown."""

    old_id: str
    new_id: str
    old_path: str
    path: str


def listed(root: Path, *arguments: str, paths: Sequence[str] = (), is_strict: bool = False) -> list[Listed]:
    """List the files of the diff that `diff` returns, with names of any bytes."""
    answer = run(
        root, "diff", "--raw", "-z", "--no-abbrev", *_DIFF[:3], "--ignore-submodules=dirty",
        *_found(is_strict), *arguments, "--", *paths,
    )  # fmt: skip
    fields = answer.split(b"\0")
    found, at = [], 0
    while at + 1 < len(fields):
        _, _, old_id, new_id, status = fields[at].decode("ascii", "replace").split(" ")
        names = fields[at + 1 : at + (3 if status[0] in "RC" else 2)]
        at += 1 + len(names)
        old, new = (name.decode("utf-8", "surrogateescape") for name in (names[0], names[-1]))
        old_id, new_id = ("" if not one.strip("0") else one for one in (old_id, new_id))
        found.append(Listed(old_id, new_id, old, new))
    return found


def untracked(root: Path) -> list[str]:
    """List the files that are new and not ignored."""
    listed = run(root, "ls-files", "--others", "--exclude-standard", "-z")
    return [name.decode("utf-8", "surrogateescape") for name in listed.split(b"\0") if name]


def generated(root: Path, paths: Sequence[str], commit_id: str | None = None) -> set[str]:
    """Return the paths that .gitattributes calls `linguist-generated` or `linguist-vendored`.

    With `commit_id` the attributes are those of that commit, else those of the working tree.
    """
    if not paths:
        return set()
    names = b"\0".join(path.encode("utf-8", "surrogateescape") for path in paths)
    attributes = ("linguist-generated", "linguist-vendored")
    if commit_id is None:
        answer = run(root, "check-attr", "--stdin", "-z", *attributes, stdin=names)
    else:  # an index of its own is the one way to a commit's attributes that every git knows
        with tempfile.TemporaryDirectory() as folder:
            index = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
            run(root, "read-tree", commit_id, extra=index)
            answer = run(
                root, "check-attr", "--cached", "--stdin", "-z", *attributes, stdin=names, extra=index
            )
    fields = answer.split(b"\0")
    triples = zip(fields[0::3], fields[1::3], fields[2::3], strict=False)
    return {
        path.decode("utf-8", "surrogateescape") for path, _, value in triples if value in (b"set", b"true")
    }


def blobs(root: Path, names: Sequence[str]) -> list[bytes | None]:
    """Read objects such as `COMMIT:path` or `:path` in one go; None for what is not there."""
    askable = [name if "\n" not in name else "-" for name in names]
    asked = "".join(f"{name}\n" for name in askable).encode("utf-8", "surrogateescape")
    answer = run(root, "cat-file", "--batch", stdin=asked)
    found: list[bytes | None] = []
    at = 0
    for _ in names:
        if match := _OBJECT.match(answer[at : at + 200]):
            size = int(match.group(2))
            start = at + match.end()
            found.append(answer[start : start + size] if match.group(1) == b"blob" else None)
            at = start + size + 1
        else:
            found.append(None)
            at = answer.find(b"\n", at) + 1
    return found
