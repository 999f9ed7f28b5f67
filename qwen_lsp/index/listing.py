"""Which files of a workspace root may be looked at: git's own answer, or a walk that honours `.gitignore`.

`.qwenignore` files, written like `.gitignore`, leave out more. Nothing is opened here, symbolic links are
not followed, and nothing above the root is named. Paths are relative, with forward slashes, sorted.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from pathspec import GitIgnoreSpec

from qwen_lsp import files, git, globs
from qwen_lsp.errors import InputError
from qwen_lsp.secret_files import is_excluded

OWN_IGNORE_FILE = ".qwenignore"
IGNORE_FILES = (".gitignore", OWN_IGNORE_FILE)

_MAX_IGNORE_BYTES = 1_000_000
_MAX_NESTED = 8  # repositories inside of repositories
_MAX_PROBLEMS = 20
# Never entered where git does not say: version control, caches and installed packages.
_SKIPPED_FOLDERS = {"node_modules", "__pycache__", "venv", "bower_components", "__pypackages__"}
_SHOWN_HIDDEN = {".github"}
_SUBMODULE = re.compile(r"^[ \t]*path[ \t]*=[ \t]*+(.+)$", re.MULTILINE)


@dataclass(slots=True)
class Listing:
    """The files under a root, and what could not be listed."""

    paths: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def note(self, problem: str) -> None:
        """Keep a problem; a thousand of one kind say no more than twenty."""
        if len(self.problems) < _MAX_PROBLEMS:
            self.problems.append(problem)


def refusal(root: Path) -> str:
    """Say why a folder is not indexed although it was opened; "" when it is."""
    real = Path(os.path.realpath(root))
    if not real.is_dir():
        return "it is not a folder"
    if real.parent == real:
        return "it is the root of the file system"
    if real == Path(os.path.realpath(Path.home())):
        return "it is your home folder"
    return ""


def list_files(root: Path) -> Listing:
    """List the files of a root that nothing says to ignore."""
    listing = Listing()
    found = _list(root, "", listing, _MAX_NESTED)
    specs = _Specs(root, (OWN_IGNORE_FILE,), listing)
    for path in sorted({path for path in found if not specs.ignores_below(path)}):
        if is_excluded(path):
            continue
        if path.isprintable():
            listing.paths.append(path)
        else:
            listing.note(f"{path!a}: a name that cannot be shown")
    return listing


def is_ignored(root: Path, path: str) -> bool:
    """Tell whether a `.qwenignore` leaves out a file; the ignore files are read again when they change."""
    marks = []
    for folder in _folders_above(path):
        try:
            status = os.stat(root / folder / OWN_IGNORE_FILE)
        except (OSError, ValueError):
            continue
        marks.append((status.st_mtime_ns, status.st_size))
    return bool(marks) and _is_ignored(root, path, tuple(marks))


@lru_cache(512)
def _is_ignored(root: Path, path: str, marks: tuple[tuple[int, int], ...]) -> bool:
    return _Specs(root, (OWN_IGNORE_FILE,), Listing()).ignores_below(path)


def _list(root: Path, prefix: str, listing: Listing, depth: int) -> Iterator[str]:
    """Yield the files below `root/prefix`: by git where it is a repository, else by a walk."""
    listed = _git_files(root / prefix, listing)
    if listed is None:
        yield from _walk(root, prefix, listing)
        return
    modules = "\n".join(_lines(root, f"{prefix}.gitmodules"))
    submodules = {path.rstrip() for path in _SUBMODULE.findall(modules)}
    for name in listed:
        path = f"{prefix}{name}"
        # A submodule is listed by its name, a repository that is not one with a slash at its end.
        if name.endswith("/") or name in submodules:
            if depth and files.is_below(root, path):
                yield from _list(root, f"{path.rstrip('/')}/", listing, depth - 1)
        else:
            yield path


def _git_files(folder: Path, listing: Listing) -> Sequence[str] | None:
    """Return what git tracks or would track below a folder; None where git cannot say."""
    try:
        done = git.run(
            folder, "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate"
        )
    except InputError as error:
        if git.is_repository(folder):
            listing.note(f"git: {error}")
        return None
    errors = os.fsdecode(done.stderr).strip().splitlines()
    if done.code:
        if errors and "not a git repository" not in errors[0]:
            listing.note(f"git: {errors[0]}")
        return None
    for line in errors:
        listing.note(f"git: {line}")
    names = [os.fsdecode(name) for name in done.stdout.split(b"\0") if name]
    # Empty also means that a repository further up ignores this folder, which the user has opened.
    return names or None


def _walk(root: Path, prefix: str, listing: Listing) -> Iterator[str]:
    specs = _Specs(root, IGNORE_FILES, listing)
    pending = [prefix]
    while pending:
        folder = pending.pop()
        try:
            with os.scandir(root / folder) as entries:
                found = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            listing.note(f"{folder or '.'}: cannot be listed: {error.strerror}")
            continue
        specs.enter(folder, {entry.name for entry in found})
        for entry in found:
            path = f"{folder}{entry.name}"
            if entry.is_dir(follow_symlinks=False):
                hidden = entry.name.startswith(".") and entry.name not in _SHOWN_HIDDEN
                is_left_out = hidden or entry.name in _SKIPPED_FOLDERS or _is_virtual(entry.path)
                if not is_left_out and not specs.ignores(f"{path}/"):
                    pending.append(f"{path}/")
            elif not specs.ignores(path):
                yield path


def _is_virtual(folder: str) -> bool:
    return os.path.exists(os.path.join(folder, "pyvenv.cfg"))


class _Specs:
    """The ignore files of the folders seen so far."""

    def __init__(self, root: Path, names: Sequence[str], listing: Listing) -> None:
        self._root = root
        self._names = names
        self._listing = listing
        self._by_folder: dict[str, GitIgnoreSpec | None] = {}

    def enter(self, folder: str, names: set[str] | None = None) -> GitIgnoreSpec | None:
        """Read the ignore files of a folder; `names`, its content, saves the look."""
        if folder not in self._by_folder:
            lines: list[str] = []
            for name in self._names:
                if names is None or name in names:
                    lines += _lines(self._root, f"{folder}{name}")
            spec, left_out = globs.spec(lines)
            for line in left_out:
                self._listing.note(f"{folder or '.'}: a pattern is left out, it would take too long: {line}")
            self._by_folder[folder] = spec if lines else None
        return self._by_folder[folder]

    def ignores(self, path: str) -> bool:
        """Say whether a file, or a folder with a slash at its end, is ignored; the deepest word counts."""
        for folder in _folders_above(path):
            spec = self._by_folder.get(folder)
            if spec is not None:
                verdict = spec.check_file(path[len(folder) :]).include
                if verdict is not None:
                    return bool(verdict)
        return False

    def ignores_below(self, path: str) -> bool:
        """Say the same for a file in folders that nobody has entered."""
        for folder in _folders_above(path):
            self.enter(folder)
        return self.ignores(path)


def _folders_above(path: str) -> list[str]:
    """Return the folders that hold a path, the deepest first; "" is the root."""
    parts = path.rstrip("/").split("/")[:-1]
    return ["/".join(parts[:count]) + "/" if count else "" for count in range(len(parts), -1, -1)]


def _lines(root: Path, path: str) -> list[str]:
    try:
        return files.read_below(root, path, _MAX_IGNORE_BYTES).decode("utf-8", "replace").splitlines()
    except OSError:
        return []
