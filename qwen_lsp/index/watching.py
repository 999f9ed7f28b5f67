"""Changes below a root as the system reports them, for clients that cannot watch files for us."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from watchfiles import DefaultFilter
from watchfiles import watch as watch_files

from qwen_lsp.index.listing import IGNORE_FILES

_POLL_MS = 1000


def watch(root: Path, is_over: Callable[[], bool]) -> Iterator[list[str] | None]:
    """Yield the paths that changed together; None where all files have to be looked at.

    Raises: OSError when the system cannot watch so many folders.
    """
    git_head = root / ".git" / "HEAD"
    for changes in watch_files(
        root,
        watch_filter=_Filter(),
        rust_timeout=_POLL_MS,
        yield_on_timeout=True,
        raise_interrupt=False,
        ignore_permission_denied=True,
    ):
        if is_over():
            return
        files = [Path(file) for _, file in changes]
        if any(file.name in IGNORE_FILES or file == git_head or file.is_dir() for file in files):
            yield None
        elif files:
            yield [file.relative_to(root).as_posix() for file in files if file.is_relative_to(root)]


class _Filter(DefaultFilter):
    """What the library leaves out by default (version control, caches, installed packages), but not HEAD."""

    def __call__(self, change: object, path: str) -> bool:
        return path.endswith("/.git/HEAD") or super().__call__(change, path)  # type: ignore[arg-type]
