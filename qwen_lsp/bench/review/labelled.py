"""`bench review --labelled`: how many of the problems that people marked in pull requests are found.

The set is a file in the format of AACR-Bench: an array of pull requests, each with two commits and with
comments on lines. `source_commit` is of the branch that the pull request is for, `target_commit` its own last
one. The clones of the repositories lie in one folder, by name. Where a clone lacks the last commit, as after
a squash, the merged commit that names the pull request stands for it; a pull request that has neither is left
out, and counted. A label is hit by what is shown on its lines or next to them; whether that says the same is
for a reader to decide, so hits are written with both texts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from qwen_lsp import git
from qwen_lsp.bench.review.history import AS_SHOWN
from qwen_lsp.errors import InputError
from qwen_lsp.review import reviewer
from qwen_lsp.review.change.change import from_git
from qwen_lsp.review.finding import Finding


class Label(msgspec.Struct, frozen=True):
    """One comment. Units: lines from 1, of the side that it names; 0 where there is none."""

    path: str
    note: str
    side: str = "right"
    from_line: int | None = None
    to_line: int | None = None
    category: str = ""

    def is_near(self, found: Finding) -> bool:
        """Whether a finding stands on the lines of the label or next to them."""
        first, last = self.from_line or self.to_line or 0, self.to_line or self.from_line or 0
        is_new_side = self.side.lower() != "left"
        return (
            is_new_side
            and found.path == self.path
            and found.start_line <= last + 1
            and found.end_line >= first - 1
        )


class PullRequest(msgspec.Struct, frozen=True, rename={"url": "githubPrUrl"}):
    """One pull request: its address, the branch it is for as it was, its last commit, its labels."""

    url: str
    source_commit: str
    target_commit: str
    comments: tuple[Label, ...]

    @property
    def number(self) -> str:
        """Its number in its repository."""
        return self.url.split("/")[6]

    @property
    def repository(self) -> str:
        """The name of its repository, without the owner."""
        return self.url.split("/")[4]


@dataclass(frozen=True, slots=True)
class Reviewed:
    """What was said of one pull request: findings as shown, remarks, and which labels each of both hit."""

    pull_request: PullRequest
    shown: tuple[Finding, ...]
    remarks: tuple[Finding, ...]

    def hits(self, found: Sequence[Finding]) -> Iterator[tuple[Label, Finding]]:
        """Yield each label that is hit, with the first finding that does."""
        for label in self.pull_request.comments:
            one = next((entry for entry in found if label.is_near(entry)), None)
            if one is not None:
                yield label, one


def read(file: Path) -> list[PullRequest]:
    """Read a labelled set. Raises: InputError when it is none."""
    try:
        return msgspec.json.decode(file.read_bytes(), type=list[PullRequest])
    except msgspec.DecodeError as error:
        raise InputError(f"{file} is no labelled set: {error}") from error


def run(pull_requests: Sequence[PullRequest], clones: Path) -> Iterator[Reviewed]:
    """Review the pull requests whose change a clone has."""
    for one in pull_requests:
        root = (clones / one.repository).resolve()
        if not root.is_dir() or (commits := _commits(root, one)) is None:
            continue
        change = from_git(root, "range", "..".join(commits))
        report = asyncio.run(reviewer.review(change, AS_SHOWN))
        yield Reviewed(one, report.findings, report.remarks)


def _commits(root: Path, one: PullRequest) -> tuple[str, str] | None:
    """Return where a pull request left its branch, and its end; None where the clone does not have them."""
    left = git.run(root, "merge-base", one.source_commit, one.target_commit)
    if not left.code:
        return left.stdout.decode().strip(), one.target_commit
    mark = f"(#{one.number})"
    named = git.run(root, "log", "--format=%H %s", "--fixed-strings", f"--grep={mark}", "HEAD")
    lines = named.stdout.decode("utf-8", "replace").splitlines()
    merged = [line.split()[0] for line in lines if line.endswith(mark)]
    return (f"{merged[-1]}^", merged[-1]) if merged else None


def summary(rows: Sequence[Reviewed], n_in_the_set: int) -> str:
    """Write what was hit, with both texts, and how many of the labels that is."""
    lines = []
    n_labels = n_shown = n_hit = n_remarked = 0
    for row in rows:
        hit = list(row.hits(row.shown))
        n_labels += len(row.pull_request.comments)
        n_shown += len(row.shown)
        n_hit += len(hit)
        n_remarked += len(list(row.hits((*row.shown, *row.remarks))))
        for label, found in hit:
            place = f"{row.pull_request.url} {found.path}:{found.start_line}"
            lines.append(f"hit\t{place}\t{found.rule}: {found.message}\t{' '.join(label.note.split())[:160]}")
    lines.append(
        f"{len(rows)} of {n_in_the_set} pull requests, {n_labels} labels: {n_hit} have one of {n_shown} "
        f"findings on or next to their lines, with remarks {n_remarked}"
    )
    return "\n".join(lines) + "\n"
