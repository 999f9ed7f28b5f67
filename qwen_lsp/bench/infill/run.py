"""Fill the holes of benchmark rows, score the answers, and report: the core of `bench infill`.

Knows neither the language server nor the engine: whoever calls brings `ask`, which turns a row
into an answer. `run` is the way in; `Report.to_json` and `render` are the two ways out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from qwen_lsp.bench.infill.execute import Outcome, passes
from qwen_lsp.bench.infill.rows import Kind, Row
from qwen_lsp.bench.infill.score import (
    compare,
    edit_similarity,
    exact_match,
    exact_text,
    mean,
    mean_interval,
    percentile,
    wilson_interval,
)

Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back for one row.

    `reason` says why there is no text, or is empty. Token counts are None where they are unknown.
    `without` has, for each filter, the text had it been left out; None where it changed nothing.
    """

    text: str
    latency_ms: float
    prompt_tokens: int | None = None
    generated_tokens: int | None = None
    reason: str = ""
    probability: float | None = None
    without: Mapping[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Result:
    """One row, answered and scored.

    `passed` is None where nothing was executed; `failure` says why it did not pass. `exact` compares
    the first lines, `exact_text` everything. `right_without` says, for each filter that changed the
    answer, whether it would have been right had that filter been left out.
    """

    row_id: str
    kind: Kind
    answer: Answer
    passed: bool | None
    failure: str
    exact: bool
    exact_text: bool
    similarity: float
    right_without: Mapping[str, bool] = field(default_factory=dict)

    @property
    def right(self) -> bool:
        """Whether it passed; where there is no test, whether it is exact."""
        return self.exact if self.passed is None else self.passed


@dataclass(frozen=True, slots=True)
class Report:
    """Every result of one run, and the figures over them."""

    results: tuple[Result, ...]

    @property
    def executed(self) -> list[bool]:
        """Whether each executed row passed."""
        return [result.passed for result in self.results if result.passed is not None]

    @property
    def empty(self) -> Counter[str]:
        """How many rows got no text, by reason."""
        answers = (result.answer for result in self.results)
        return Counter(answer.reason or "no reason given" for answer in answers if not answer.text.strip())

    @property
    def filters(self) -> dict[str, dict[str, int]]:
        """What each filter did: how often it changed an answer, made it right, wrong, or neither."""
        counts: dict[str, dict[str, int]] = {}
        for result in self.results:
            for name in result.answer.without:
                counts.setdefault(name, {"fired": 0, "helped": 0, "hurt": 0, "neutral": 0})
            for name, was_right in result.right_without.items():
                counts[name]["fired"] += 1
                is_same = result.right == was_right
                counts[name]["neutral" if is_same else "helped" if result.right else "hurt"] += 1
        return counts

    def to_json(self, *, rows: bool = False) -> dict[str, Any]:
        """Return the figures, and with `rows` every result, as plain JSON values.

        Shape: a figure without observations is null; intervals are [low, high] at 95 %. Latency
            counts every row, tokens the rows where they are known.
        """
        exact = [result.exact for result in self.results]
        similarity = [result.similarity for result in self.results]
        answers = [result.answer for result in self.results]
        passed, empty = self.executed, self.empty
        document: dict[str, Any] = {
            "n": len(self.results),
            "pass_at_1": _rounded(mean(passed)),
            "pass_at_1_interval": _pair(wilson_interval(sum(passed), len(passed))),
            "exact_match": _rounded(mean(exact)),
            "exact_match_interval": _pair(wilson_interval(sum(exact), len(exact))),
            "edit_similarity": _rounded(mean(similarity)),
            "edit_similarity_interval": _pair(mean_interval(similarity)),
            "latency_ms": _percentiles([answer.latency_ms for answer in answers]),
            "prompt_tokens": _percentiles([answer.prompt_tokens for answer in answers]),
            "generated_tokens": _percentiles([answer.generated_tokens for answer in answers]),
            "confidence": _confidence(self.results),
            "filters": self.filters,
            "empty": {"count": empty.total(), "reasons": dict(empty.most_common())},
        }
        if rows:
            document["rows"] = [asdict(result) for result in self.results]
        return document


@dataclass(frozen=True, slots=True)
class Paired:
    """The same holes under two prompts, asked in turn: `prompt` and `prompt_en`."""

    own: Report
    english: Report

    @classmethod
    def of(cls, report: Report) -> Paired:
        """Split a run over `rows.both_prompts`."""
        return cls(Report(report.results[::2]), Report(report.results[1::2]))

    def to_json(self, *, rows: bool = False) -> dict[str, Any]:
        """Return both reports and their comparison; a win is a hole that only `prompt` filled right."""
        rights = [[result.right for result in report.results] for report in (self.own, self.english)]
        return {
            "prompts": {"prompt": self.own.to_json(rows=rows), "prompt_en": self.english.to_json(rows=rows)},
            "comparison": asdict(compare(*rights)),
        }

    def render(self) -> str:
        """Return both tables and the comparison for people."""
        found = self.to_json()["comparison"]
        comparison = (
            "only prompt right {wins:,}, only prompt_en right {losses:,}, of {n:,} (p = {p_value:.2f})"
        )
        return "\n".join(
            [
                "prompt",
                render(self.own),
                "",
                "prompt_en",
                render(self.english),
                "",
                comparison.format(**found),
            ]
        )


# Shares of the rows, the surest first, for which a threshold of confidence is worth knowing.
_COVERAGES = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5)


def _confidence(results: Sequence[Result]) -> list[dict[str, float]]:
    """Say how often the surest answers are right: passed where there is a test, else exact.

    Shape: one entry a coverage, with the probability that the model gives the last answer within it.
    """
    known = [
        (result.answer.probability, result.right)
        for result in results
        if result.answer.probability is not None and result.answer.text.strip()
    ]
    known.sort(reverse=True)
    table = []
    for coverage in _COVERAGES if known else ():
        kept = known[: max(round(len(known) * coverage), 1)]
        right = sum(is_right for _, is_right in kept) / len(kept)
        table.append({"coverage": coverage, "threshold": round(kept[-1][0], 3), "right": round(right, 3)})
    return table


def _rounded(value: float | None, digits: int = 6) -> float | None:
    return None if value is None else round(value, digits)


def _pair(interval: Interval | None) -> list[float] | None:
    return None if interval is None else [round(bound, 6) for bound in interval]


def _percentiles(values: Sequence[float | None]) -> dict[str, float | None]:
    known = [value for value in values if value is not None]
    return {"p50": _rounded(percentile(known, 50), 1), "p95": _rounded(percentile(known, 95), 1)}


def assemble(row: Row, answer_text: str) -> str:
    """Put the answer into the hole.

    A hole that swallowed its line end gets it back: an editor's completion ends before it.
    """
    line_end = "\n" if row.middle.endswith("\n") and not answer_text.endswith("\n") else ""
    return row.prefix + answer_text + line_end + row.suffix


def program(row: Row, answer_text: str) -> str:
    """Return the completed file followed by the row's test and the call that runs it."""
    return f"{assemble(row, answer_text)}\n{row.test}\n\ncheck({row.entry_point})\n"


def _silent(_done: int, _total: int, _result: Result) -> None:
    pass


async def run(
    rows: Sequence[Row],
    ask: Callable[[Row], Awaitable[Answer]],
    *,
    execute: bool,
    progress: Callable[[int, int, Result], None] = _silent,
    time_limit_s: float = 10.0,
    memory_limit_bytes: int = 1 << 30,
) -> Report:
    """Ask for every row in turn, score each answer, and call `progress(done, total, result)` after each.

    Rows are asked one at a time and a program is over before the next row is asked, so that nothing
    of ours disturbs the latencies. With `execute` the Python rows that have a test are run. An
    answer without text does not pass even where the test would: the user got nothing.
    Raises: whatever `ask` raises; an answer that may fail should come back as an empty Answer.
    """
    results: list[Result] = []

    async def tried(row: Row, text: str) -> Outcome | None:
        if not (execute and row.test and row.language in ("py", "python")):
            return None
        if not text.strip():
            return Outcome(False, "no answer")
        return await passes(program(row, text), time_limit_s, memory_limit_bytes)

    async def is_right(row: Row, text: str) -> bool:
        outcome = await tried(row, text)
        return exact_match(text, row.middle) if outcome is None else outcome.passed

    for done, row in enumerate(rows, start=1):
        answer = await ask(row)
        outcome = await tried(row, answer.text)
        changed = {name: text for name, text in answer.without.items() if text is not None}
        results.append(
            Result(
                row_id=row.id,
                kind=row.kind,
                answer=answer,
                passed=outcome.passed if outcome else None,
                failure=outcome.reason if outcome else "",
                exact=exact_match(answer.text, row.middle),
                exact_text=exact_text(answer.text, row.middle),
                similarity=edit_similarity(answer.text, row.middle),
                right_without={name: await is_right(row, text) for name, text in changed.items()},
            )
        )
        progress(done, len(rows), results[-1])
    return Report(tuple(results))


def render(report: Report) -> str:
    """Return the figures as a plain table for people."""
    figures = report.to_json()
    executed, n = len(report.executed), len(report.results)

    def figure(key: str) -> str:
        return _figure(figures[key], figures[f"{key}_interval"])

    some = f"  of the {executed:,} rows with a test" if 0 < executed < n else ""
    lines = [
        ("rows", f"{n:,}"),
        ("pass@1", figure("pass_at_1") + some),
        ("exact match", figure("exact_match")),
        ("edit similarity", figure("edit_similarity")),
    ]
    if any(result.kind != "single-line" for result in report.results):  # else it would say the same twice
        whole = sum(result.exact_text for result in report.results)
        lines.insert(3, ("exact, all lines", f"{whole / n:.3f}"))
    for label, key, unit in (
        ("latency", "latency_ms", " ms"),
        ("prompt tokens", "prompt_tokens", ""),
        ("generated tokens", "generated_tokens", ""),
    ):
        lines.append((label, _spread(figures[key], unit)))
    empty = report.empty
    reasons = ", ".join(f"{reason} {count:,}" for reason, count in empty.most_common())
    lines.append(("empty", f"{empty.total():,}" + (f"  ({reasons})" if reasons else "")))
    for name, count in report.filters.items():
        if count["fired"]:
            helped, hurt, neutral = count["helped"], count["hurt"], count["neutral"]
            comparison = f"fired {count['fired']:,}: helped {helped:,}, hurt {hurt:,}, neutral {neutral:,}"
            lines.append((f"filter {name}", comparison))
    width = max(len(label) for label, _ in lines)
    return "\n".join(f"{label:<{width}}  {value}" for label, value in lines)


def _figure(value: float | None, interval: list[float] | None) -> str:
    if value is None:
        return "-"
    return f"{value:.3f}" + (f"  [{interval[0]:.3f}, {interval[1]:.3f}]" if interval else "")


def _spread(percentiles: dict[str, float | None], unit: str) -> str:
    p50, p95 = percentiles["p50"], percentiles["p95"]
    if p50 is None or p95 is None:
        return "-"
    return f"p50 {p50:,.0f}{unit}  p95 {p95:,.0f}{unit}"
