"""The counters of some days, summed up by language, day, rule and latency. It writes nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from qwen_lsp.completion.stats.database import EVENTS, HELD, LATENCIES_MS, LATENCY, rows_since


@dataclass(frozen=True, slots=True)
class Report:
    """The sums over some days.

    Shape: `languages` and `days` have the counts of each; `held_back` has a count for each rule;
    latencies are in milliseconds, interpolated within classes, None where nothing was shown.
    """

    first_day: str
    last_day: str
    total: Mapping[str, int]
    languages: Mapping[str, Mapping[str, int]]
    days: Mapping[str, Mapping[str, int]]
    held_back: Mapping[str, int]
    latency_p50_ms: float | None
    latency_p95_ms: float | None

    def to_json(self) -> dict[str, Any]:
        """Return the report as the command prints it."""
        return {
            "from": self.first_day,
            "to": self.last_day,
            "total": _named(self.total),
            "languages": {name: _named(counts) for name, counts in self.languages.items()},
            "days": {day: _named(counts) for day, counts in self.days.items()},
            "heldBack": dict(self.held_back),
            "latencyMs": {"p50": self.latency_p50_ms, "p95": self.latency_p95_ms},
        }


_JSON_NAMES = {
    "partly": "partlyAccepted",
    "typed_through": "typedThrough",
    "kept_of": "keptOf",
    "characters": "charactersSaved",
}


def _named(counts: Mapping[str, int]) -> dict[str, int]:
    return {_JSON_NAMES.get(event, event): counts.get(event, 0) for event in EVENTS}


def read(days: int, file: Path) -> Report:
    """Sum up the last `days` days, today included."""
    today = date.today()
    first = (today - timedelta(days=days - 1)).isoformat()
    total: Counter[str] = Counter()
    by_language: dict[str, Counter[str]] = {}
    by_day: dict[str, Counter[str]] = {}
    held_back: Counter[str] = Counter()
    latencies: Counter[int] = Counter()
    for day, language, name, n in rows_since(first, file):
        if name.startswith(HELD):
            held_back[name[len(HELD) :]] += n
        elif name.startswith(LATENCY):
            latencies[int(name[len(LATENCY) :])] += n
        else:
            for counts in (
                total,
                by_language.setdefault(language, Counter()),
                by_day.setdefault(day, Counter()),
            ):
                counts[name] += n
    return Report(
        first,
        today.isoformat(),
        total,
        dict(sorted(by_language.items(), key=lambda item: -item[1]["shown"])),
        by_day,
        dict(held_back.most_common()),
        _percentile(latencies, 0.5),
        _percentile(latencies, 0.95),
    )


def _percentile(latencies: Mapping[int, int], part: float) -> float | None:
    wanted = sum(latencies.values()) * part
    below = 0
    for number, upper in enumerate(LATENCIES_MS):
        n = latencies.get(upper, 0)
        if n and below + n >= wanted:
            lower = LATENCIES_MS[number - 1] if number else 0
            return round(lower + (upper - lower) * (wanted - below) / n, 1)
        below += n
    return None
