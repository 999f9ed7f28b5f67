"""`bench review --history`: what the rules say of commits that people merged, and what labels say of that.

A label is a line `rule, commit, useful|noise|wrong`, separated by tabs; a rule is worth the share of its
labelled findings that are useful. What a reader is not shown unasked, the remarks, is counted apart. No model
is asked.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from qwen_lsp import git
from qwen_lsp.errors import InputError
from qwen_lsp.review import reviewer
from qwen_lsp.review.change.change import from_git
from qwen_lsp.review.finding import Finding, is_at_least
from qwen_lsp.review.reviewer import Options
from qwen_lsp.review.settings import DEFAULT_SEVERITY

log = logging.getLogger(__name__)

LABELS = ("useful", "noise", "wrong")
AS_SHOWN = Options(linters="configured", min_severity=DEFAULT_SEVERITY)


@dataclass(frozen=True, slots=True)
class Found:
    """One finding in one commit."""

    repository: str
    commit: str
    finding: Finding

    @property
    def is_shown(self) -> bool:
        """Whether a reader sees it who did not ask for more."""
        return is_at_least(self.finding.severity, AS_SHOWN.min_severity)


def run(repository: Path, n: int) -> Iterator[tuple[str, list[Found]]]:
    """Review the newest `n` commits of a clone, each against its first parent; yield commit and findings.

    Raises: InputError when the folder is no clone.
    """
    root = repository.resolve()
    listed = git.output(root, "log", "--first-parent", f"-n{n}", "--format=%H %P", "HEAD").decode()
    for line in listed.splitlines():
        commit, *parents = line.split()
        if parents:
            try:
                change = from_git(root, "range", f"{parents[0]}..{commit}")
            except InputError as error:  # a clone may lack some of its objects
                log.warning("%s was not reviewed: %s", commit[:12], error)
                continue
            report = asyncio.run(reviewer.review(change, AS_SHOWN))
            everything = (*report.findings, *report.remarks)
            yield commit, [Found(root.name, commit, one) for one in everything]


def read_labels(file: Path) -> dict[tuple[str, str], list[str]]:
    """Read labels by rule and commit. Raises: InputError naming the line that is none."""
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for number, line in enumerate(file.read_text("utf-8").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        parts = line.split("\t")
        if len(parts) < 3 or parts[2] not in LABELS:
            raise InputError(f"{file}:{number}: write `rule<TAB>commit<TAB>useful|noise|wrong`")
        found[parts[0], parts[1]].append(parts[2])
    return found


def summary(n_commits: int, found: Sequence[Found], labels: dict[tuple[str, str], list[str]]) -> str:
    """Write two tables, findings and remarks: those of each rule and, where labelled, how many are what."""
    shown = [one for one in found if one.is_shown]
    remarks = [one for one in found if not one.is_shown]
    rows = [f"{n_commits} commits, {len(shown)} findings, {len(remarks)} remarks"]
    rows += ["findings of\tfound\tuseful\tnoise\twrong", *_rows(shown, labels)]
    rows += ["remarks of\tfound\tuseful\tnoise\twrong", *_rows(remarks, labels)] if remarks else []
    return "\n".join(rows) + "\n"


def _rows(found: Sequence[Found], labels: dict[tuple[str, str], list[str]]) -> Iterator[str]:
    judged: dict[str, Counter[str]] = defaultdict(Counter)
    for rule, commit in dict.fromkeys((one.finding.rule, one.commit) for one in found):
        judged[rule].update(labels.get((rule, commit[:12]), ()))
    for rule, n in Counter(one.finding.rule for one in found).most_common():
        yield "\t".join([rule, str(n), *(str(judged[rule][label]) for label in LABELS)])
