"""The commit message of a repository's change: what is staged, or a range, in the repository's own style."""

from __future__ import annotations

from pathlib import Path

from qwen_lsp.errors import InputError
from qwen_lsp.review.change.change import from_git
from qwen_lsp.review.message import skeleton, style


def message(folder: Path, scope: str = "") -> str:
    """Write a message for what is staged in the repository that holds a folder, or for `BASE..HEAD`.

    Raises: InputError when there is no repository, or nothing is staged.
    """
    change = from_git(folder, "range", scope) if scope else from_git(folder, "staged")
    if not change.files:
        raise InputError("nothing is staged: `git add` what the message is for, or name BASE..HEAD")
    assert change.root is not None
    at = change.base if scope and change.base else "HEAD"
    return skeleton.write(change, style.of_repository(change.root, at))
