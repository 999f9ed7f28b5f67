"""`bench context`: does what we gather hold the names of the answer, and does the model do better with it?

For each row and arm: recall of the names that only other files know; and, with a model, which of them it
writes, exact match, edit similarity and identifier F1 of its line. Every arm gets a prompt of the same size,
so what is shown of other files is taken from above the cursor. `run` measures, `Report` has the figures.
"""

from __future__ import annotations

import asyncio
import re
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

from qwen_lsp.bench.context import ask as context_ask
from qwen_lsp.bench.context import repos as context_repos
from qwen_lsp.bench.context import rows as context_rows
from qwen_lsp.bench.context.arms import ARMS, Repository, recalled
from qwen_lsp.bench.context.rows import ContextRow
from qwen_lsp.bench.infill.score import (
    compare,
    edit_similarity,
    exact_match,
    mean,
    mean_interval,
    percentile,
    wilson_interval,
)
from qwen_lsp.config import Config

_IDENTIFIER = re.compile(r"[^\W\d]\w*")
FIXTURES = ("xueji-py",)

Ask = Callable[[ContextRow, Sequence[tuple[str, str]], int], Awaitable[context_ask.Written]]


@dataclass(frozen=True, slots=True)
class Result:
    """One row with one arm: which of its names were shown (`recalled`), which the model wrote (`written`).

    Without a model `answer` is None and so is what is made of it.
    """

    row: str
    repository: str
    kind: str
    arm: str
    recalled: tuple[bool, ...]
    gather_ms: float
    truth: str
    answer: str | None = None
    written: tuple[bool, ...] | None = None
    exact: bool | None = None
    similarity: float | None = None
    f1: float | None = None
    prompt_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """Every result of one run. `budget_tokens` is the room for other files in each prompt."""

    results: tuple[Result, ...]
    budget_tokens: int
    model: str

    def of(self, arm: str, repository: str = "") -> list[Result]:
        """Return the results of an arm, in the order of the rows."""
        return [one for one in self.results if one.arm == arm and repository in ("", one.repository)]

    def figures(self, arm: str, repository: str = "") -> dict[str, Any]:
        """Return the figures of an arm over all repositories, or one."""
        results = self.of(arm, repository)
        names = [found for one in results for found in one.recalled]
        written = [found for one in results for found in one.written or ()]
        exact = [one.exact for one in results if one.exact is not None]
        similar = [one.similarity for one in results if one.similarity is not None]
        f1 = [one.f1 for one in results if one.f1 is not None]
        return {
            "rows": len(results),
            "names": len(names),
            "recall": mean(names),
            "recall_interval": wilson_interval(sum(names), len(names)),
            "written": mean(written),
            "written_interval": wilson_interval(sum(written), len(written)),
            "exact": mean(exact),
            "exact_interval": wilson_interval(sum(exact), len(exact)),
            "edit_similarity": mean(similar),
            "edit_similarity_interval": mean_interval(similar),
            "identifier_f1": mean(f1),
            "gather_ms_p95": percentile([one.gather_ms for one in results], 95),
        }

    def to_json(self, *, rows: bool = False) -> dict[str, Any]:
        """Return the figures, and with `rows` every result, as plain JSON values."""
        arms = list(dict.fromkeys(one.arm for one in self.results))
        names = list(dict.fromkeys(one.repository for one in self.results))
        data: dict[str, Any] = {
            "model": self.model,
            "budget_tokens": self.budget_tokens,
            "arms": {arm: self.figures(arm) for arm in arms},
            "repositories": {name: {arm: self.figures(arm, name) for arm in arms} for name in names},
            "paired": {},
        }
        for arm in arms:
            pairs = [
                (mine, theirs)
                for mine, theirs in zip(self.of("ours"), self.of(arm), strict=False)
                if arm != "ours" and mine.exact is not None and theirs.exact is not None
            ]
            if pairs:
                for figure, is_right in (("exact", _is_exact), ("written", _is_written)):
                    first, second = zip(
                        *((is_right(mine), is_right(theirs)) for mine, theirs in pairs), strict=True
                    )
                    data["paired"][f"ours-{arm} {figure}"] = asdict(compare(first, second))
        if rows:
            data["rows"] = [asdict(one) for one in self.results]
        return data


def run(
    config: Config,
    *,
    n: int,
    seed: int,
    budget_tokens: int,
    arms: Sequence[str] = ARMS,
    own: Path | None = None,
    form: str = "repository",
    with_model: bool = True,
    kept: Path | None = None,
    say: Callable[[str], None] = lambda sentence: None,
) -> Report:
    """Measure `n` rows, in equal parts from each repository, or from one's own.

    `kept` names a file of earlier answers, which are not asked for again.
    Raises: InputError when a repository cannot be fetched, EndpointError and ModelError without a model.
    """
    roots = {own.absolute().name: own} if own is not None else _roots(say)
    return asyncio.run(_run(config, n, seed, budget_tokens, arms, roots, form, with_model, kept, say))


async def _run(
    config: Config,
    n: int,
    seed: int,
    budget_tokens: int,
    arms: Sequence[str],
    roots: dict[str, Path],
    form: str,
    with_model: bool,
    kept: Path | None,
    say: Callable[[str], None],
) -> Report:
    results: list[Result] = []
    async with AsyncExitStack() as stack:
        ask, model = None, ""
        if with_model:
            ask, model = await stack.enter_async_context(context_ask.opened(config, form, kept))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        asked: list[list[tuple[Repository, ContextRow]]] = []
        for number, (name, root) in enumerate(roots.items()):
            share = n // len(roots) + (number < n % len(roots))
            repository = Repository(name, root, folder)
            stack.callback(repository.close)
            rows = context_rows.rows(root, name, seed, share)
            for kind in context_rows.KINDS:
                asked.append([(repository, row) for row in rows if row.kind == kind])
            say(f"{name}: {len(rows)} rows")
        # In turns, so that a run that is ended early has asked something of each repository and kind.
        for turn in zip_longest(*asked):
            for repository, row in filter(None, turn):
                results += [await _result(repository, row, arm, budget_tokens, ask) for arm in arms]
    return Report(tuple(results), budget_tokens, model)


async def _result(
    repository: Repository, row: ContextRow, arm: str, budget_tokens: int, ask: Ask | None
) -> Result:
    files, gather_ms = repository.files(arm, row, budget_tokens)
    found = tuple(recalled(row, files))
    base = Result(row.id, row.repository, row.kind, arm, found, gather_ms, row.middle)
    if ask is None:
        return base
    written = await ask(row, files, budget_tokens)
    return Result(
        **{
            **asdict(base),
            "answer": written.text,
            "written": tuple(name in _IDENTIFIER.findall(written.text) for name in row.names),
            "exact": exact_match(written.text, row.middle),
            "similarity": edit_similarity(written.text, row.middle),
            "f1": identifier_f1(written.text, row.middle),
            "prompt_tokens": written.prompt_tokens,
        }
    )


def _is_exact(result: Result) -> bool:
    return bool(result.exact)


def _is_written(result: Result) -> bool:
    """Say whether the model wrote every name that only other files know."""
    return all(result.written or (False,))


def identifier_f1(answer: str, truth: str) -> float:
    """Return the harmonic mean of precision and recall of the identifiers, counted with repetition.

    Source: CrossCodeEval (arXiv 2310.11248), identifier match F1.
    """
    mine, theirs = Counter(_IDENTIFIER.findall(answer)), Counter(_IDENTIFIER.findall(truth))
    both = (mine & theirs).total()
    return 2 * both / (mine.total() + theirs.total()) if both else float(not mine and not theirs)


def _roots(say: Callable[[str], None]) -> dict[str, Path]:
    roots = {release.name: context_repos.fetch(release, say) for release in context_repos.RELEASES}
    fixtures = Path(__file__).parents[3] / "fixtures" / "repos"
    roots.update({name: fixtures / name for name in FIXTURES if (fixtures / name).is_dir()})
    return roots


def render(report: Report) -> str:
    """Return the report as a table."""
    data = report.to_json()
    lines = [f"{report.model or 'no model'}, {report.budget_tokens} tokens for other files"]
    header = f"{'':24}{'rows':>5}{'recall':>22}{'written':>22}{'exact':>22}{'similarity':>12}{'F1':>7}"
    lines.append(header)
    for title, arms in {"all": data["arms"], **data["repositories"]}.items():
        for arm, figures in arms.items():
            recall = _with_interval(figures["recall"], figures["recall_interval"])
            written = _with_interval(figures["written"], figures["written_interval"])
            exact = _with_interval(figures["exact"], figures["exact_interval"])
            similar, f1 = (_number(figures[key]) for key in ("edit_similarity", "identifier_f1"))
            lines.append(
                f"{title + ' ' + arm:24}{figures['rows']:>5}{recall:>22}{written:>22}{exact:>22}"
                f"{similar:>12}{f1:>7}"
            )
    for name, pair in data["paired"].items():
        lines.append(f"{name}: {pair['wins']} rows won, {pair['losses']} lost, p = {pair['p_value']:.3f}")
    return "\n".join(lines)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _with_interval(value: float | None, interval: tuple[float, float] | None) -> str:
    if value is None or interval is None:
        return "-"
    return f"{value:.2f} [{interval[0]:.2f}, {interval[1]:.2f}]"
