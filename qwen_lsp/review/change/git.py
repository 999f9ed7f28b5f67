"""The questions that a review asks git, and nothing else of git.

Arguments are lists and references come after `--end-of-options`; `qwen_lsp/git.py` keeps a repository's own
programs from running.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from qwen_lsp import git
from qwen_lsp.errors import InputError
from qwen_lsp.git import DIFF_OPTIONS

_DIFF = (
    *DIFF_OPTIONS,
    *("--src-prefix=a/", "--dst-prefix=b/"),
    *("--find-renames", "--unified=3", "--full-index", "--no-indent-heuristic"),
)
_OBJECT = re.compile(rb"^[0-9a-f]+ (\w+) (\d+)\n")


def _line(root: Path, *arguments: str) -> str | None:
    """Return the one line that a question has for an answer, None where git says no."""
    done = git.run(root, *arguments)
    return done.stdout.decode("utf-8", "replace").strip() or None if done.code == 0 else None


def top(folder: Path) -> Path:
    """Return the root of the working tree that holds a folder.

    Raises: InputError when it is in none.
    """
    found = git.top(folder)
    if found is None:
        raise InputError(
            f"{folder} is not in a git repository: go to one, or give the change with --diff FILE or --stdin"
        )
    return found


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
    return git.output(root, "hash-object", "-t", "tree", "--stdin").decode().strip()


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


def diff(root: Path, *arguments: str, paths: Sequence[str] = ()) -> bytes:
    """Return a diff between what the arguments (ids and options of ours) name."""
    return git.output(root, "diff", *_DIFF, *arguments, "--", *paths)


def untracked(root: Path) -> list[str]:
    """List the files that are new and not ignored."""
    listed = git.output(root, "ls-files", "--others", "--exclude-standard", "-z")
    return [name.decode("utf-8", "surrogateescape") for name in listed.split(b"\0") if name]


def generated(root: Path, paths: Sequence[str]) -> set[str]:
    """Return the paths that .gitattributes calls `linguist-generated` or `linguist-vendored`."""
    if not paths:
        return set()
    names = b"\0".join(path.encode("utf-8", "surrogateescape") for path in paths)
    attributes = ("linguist-generated", "linguist-vendored")
    fields = git.output(root, "check-attr", "--stdin", "-z", *attributes, stdin=names).split(b"\0")
    triples = zip(fields[0::3], fields[1::3], fields[2::3], strict=False)
    return {
        path.decode("utf-8", "surrogateescape") for path, _, value in triples if value in (b"set", b"true")
    }


def blobs(root: Path, names: Sequence[str]) -> list[bytes | None]:
    """Read objects such as `COMMIT:path` or `:path` in one go; None for what is not there."""
    askable = [name if "\n" not in name else "-" for name in names]
    asked = "".join(f"{name}\n" for name in askable).encode("utf-8", "surrogateescape")
    answer = git.output(root, "cat-file", "--batch", stdin=asked)
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
