"""Real git repositories for tests of reviews."""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path

from qwen_lsp.review import reviewer
from qwen_lsp.review.change.change import from_git
from qwen_lsp.review.finding import Finding

WHO = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false")


def git(root: Path, *arguments: str) -> str:
    command = ["git", "-C", str(root), *WHO, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def repository(root: Path, files: dict[str, str | bytes], *, options: tuple[str, ...] = ()) -> Path:
    """Make a repository on `main` with one commit."""
    root.mkdir(parents=True, exist_ok=True)
    git(root, "init", "-q", "-b", "main", *options)
    write(root, files)
    git(root, "add", "-A")
    git(root, "commit", "-qm", "one")
    return root


def write(root: Path, files: dict[str, str | bytes]) -> None:
    for name, text in files.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text if isinstance(text, bytes) else text.encode())


def committed_and_reviewed(
    root: Path, files: dict[str, str | bytes], change: dict[str, str | bytes]
) -> list[Finding]:
    """Commit files, then a change to them; return the findings of the change."""
    repository(root, files)
    write(root, change)
    git(root, "add", "-A")
    git(root, "commit", "-qm", "change")
    return list(asyncio.run(reviewer.review(from_git(root, "range", "HEAD^..HEAD"))).findings)
