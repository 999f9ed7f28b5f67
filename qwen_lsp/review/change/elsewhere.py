"""Files of the repository beside those of a change, as a commit or the working tree has them.

What is not there, cannot be read or is too large is None, never an error. Knows no rules.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from pathlib import Path

from qwen_lsp import files
from qwen_lsp import git as program
from qwen_lsp.errors import InputError
from qwen_lsp.review.change import git
from qwen_lsp.text import decode


def paths(root: Path, commit: str | None) -> set[str] | None:
    """List the files of a commit, or without one those of the index; None where git does not answer."""
    arguments = ("ls-tree", "-r", "-z", "--name-only", commit) if commit else ("ls-files", "-z")
    try:
        names = program.output(root, *arguments).split(b"\0")
    except InputError:
        return None
    return {name.decode("utf-8", "replace") for name in names if name}


def text(root: Path, commit: str | None, path: str, max_bytes: int) -> str | None:
    """Read a file of a commit, or without one of the working tree."""
    try:
        if commit:
            (data,) = git.blobs(root, [f"{commit}:{path}"])
        else:
            data = files.read_below(root, path, max_bytes)
        return decode(data)[0] if data is not None and len(data) <= max_bytes else None
    except (OSError, ValueError, InputError):
        return None


def occurrences(
    root: Path, commit: str | None, words: Collection[str], *, is_whole: bool, ignores_case: bool = False
) -> Counter[str] | None:
    """Count words in all texts of a commit, or without one of the working tree; None where git cannot.

    `is_whole`: they are no parts of longer words. Where it `ignores_case`, they are counted in small letters.
    """
    if not words:
        return Counter()
    patterns = [part for word in sorted(words) for part in ("-e", word)]
    options = ["-I", "-F", "-h", "-o", *(["-w"] if is_whole else []), *(["-i"] if ignores_case else [])]
    try:
        found = program.run(root, "grep", *options, *patterns, *([commit] if commit else []), "--")
    except InputError:
        return None
    if found.code not in (0, 1):  # 1: there are none
        return None
    texts = (line.decode("utf-8", "replace") for line in found.stdout.splitlines())
    return Counter(text.lower() if ignores_case else text for text in texts)
