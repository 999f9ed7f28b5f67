"""The questions that a review asks git, and nothing else of git.

Arguments are lists and references come after `--end-of-options`; `qwen_lsp/git.py` keeps a repository's own
programs from running.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from qwen_lsp import git
from qwen_lsp.errors import InputError
from qwen_lsp.git import DIFF_OPTIONS

_DIFF = (
    *DIFF_OPTIONS,
    *("--src-prefix=a/", "--dst-prefix=b/", "--unified=3", "--full-index", "--no-indent-heuristic"),
)
# What a change cannot talk git out of: every file as text, and a renamed one as a new one.
_STRICT = ("--text", "--no-renames")
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


def tree(root: Path, name: str) -> str | None:
    """Return the id of the tree that a name stands for, None where there is none."""
    return _line(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{tree}}")


def has_parent(root: Path, commit_id: str) -> bool:
    """Whether a commit has a parent in this clone."""
    return " " in (_line(root, "rev-list", "--parents", "-n1", commit_id, "--") or "")


def diff(root: Path, *arguments: str, paths: Sequence[str] = (), is_strict: bool = False) -> bytes:
    """Return a diff between what the arguments (ids and options of ours) name."""
    return git.output(root, "diff", *_DIFF, *_found(is_strict), *arguments, "--", *paths)


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
    answer = git.output(
        root, "diff", "--raw", "-z", "--no-abbrev",
        *DIFF_OPTIONS, *_found(is_strict), *arguments, "--", *paths,
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
    listed = git.output(root, "ls-files", "--others", "--exclude-standard", "-z")
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
        answer = git.output(root, "check-attr", "--stdin", "-z", *attributes, stdin=names)
    else:  # an index of its own is the one way to a commit's attributes that every git knows
        try:
            with tempfile.TemporaryDirectory() as folder:
                index = Path(folder) / "index"
                git.output(root, "read-tree", commit_id, index_file=index)
                asked = ("check-attr", "--cached", "--stdin", "-z", *attributes)
                answer = git.output(root, *asked, stdin=names, index_file=index)
        except OSError as error:
            raise InputError(f"the temporary folder cannot be written: {error.strerror}") from error
    fields = answer.split(b"\0")
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
