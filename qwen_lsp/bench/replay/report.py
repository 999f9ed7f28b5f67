"""What a replay amounts to: the figures of each policy, as JSON values and as a table.

Pure functions over Strokes; every figure that docs/benchmarks.md quotes from a replay is defined here.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from qwen_lsp.bench.infill.score import percentile, wilson_interval
from qwen_lsp.bench.replay.playing import Stroke
from qwen_lsp.bench.replay.typist import USERS, User, judged


@dataclass(frozen=True, slots=True)
class Run:
    """One trace replayed by one policy for one user."""

    policy: str
    user: User
    trace: str
    strokes: tuple[Stroke, ...]
    language: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """Every run, and under which conditions."""

    runs: tuple[Run, ...]
    policies: tuple[str, ...]
    conditions: Mapping[str, Any]

    def strokes(self, policy: str, user: User | None = None) -> list[Stroke]:
        """Return the strokes of a policy, of one user or of all."""
        return [
            stroke
            for run in self.runs
            if run.policy == policy and user in (None, run.user)
            for stroke in run.strokes
        ]

    def to_json(self, *, rows: bool = False) -> dict[str, Any]:
        """Return the figures, and with `rows` every stroke, as plain JSON values."""
        document: dict[str, Any] = {
            **self.conditions,
            "traces": len({run.trace for run in self.runs}),
            "users": [user for user in USERS if any(run.user == user for run in self.runs)],
            "policies": {policy: self._figures(policy) for policy in self.policies},
        }
        if rows:
            document["rows"] = [
                {"policy": run.policy, **asdict(stroke)} for run in self.runs for stroke in run.strokes
            ]
        return document

    def _figures(self, policy: str) -> dict[str, Any]:
        runs = [run for run in self.runs if run.policy == policy]
        names = sorted({run.language for run in runs})
        return {
            **self._all_figures(policy),
            **intervals(runs),
            "languages": {name: _summary([run for run in runs if run.language == name]) for name in names},
        }

    def _all_figures(self, policy: str) -> dict[str, Any]:
        saved = {user: keystrokes_saved(strokes) for user in USERS if (strokes := self.strokes(policy, user))}
        strokes = self.strokes(policy)
        seen = sum(seen_chars(run.strokes) for run in self.runs if run.policy == policy)
        new = [stroke for run in self.runs if run.policy == policy for stroke in suggestions(run.strokes)]
        return {
            "keystrokes_saved": next(iter(saved.values()), None),
            "keystrokes_saved_by": saved,
            **figures(strokes, new),
            "first_answer_ms": _spread(
                [first_answer_ms(run.strokes) for run in self.runs if run.policy == policy]
            ),
            "cancelled_work": _cancelled_work(strokes, seen),
        }


_RESAMPLES, _SEED = 2000, 7


def intervals(runs: Sequence[Run]) -> dict[str, Any]:
    """Return 95 % intervals of keystrokes saved and of suggestions right, by bootstrap over traces.

    The keys of one trace depend on one another, so whole traces are drawn.
    """
    counts: dict[str, Counter[str]] = {}
    for run in runs:
        new = suggestions(run.strokes)
        counted = counts.setdefault(run.trace, Counter())
        counted["keys"] += sum(stroke.keys for stroke in run.strokes)
        counted["pressed"] += sum(stroke.action != "open" for stroke in run.strokes)
        counted["shown"] += len(new)
        counted["right"] += sum(bool(stroke.is_right) for stroke in new)
    rng, traces = random.Random(_SEED), list(counts.values())
    saved: list[float] = []
    right: list[float] = []
    for _ in range(_RESAMPLES if len(traces) > 1 else 0):
        total: Counter[str] = Counter()
        for counted in rng.choices(traces, k=len(traces)):
            total.update(counted)
        saved.append(1 - total["pressed"] / total["keys"])
        if total["shown"]:
            right.append(total["right"] / total["shown"])
    return {
        "keystrokes_saved_interval": _bounds(saved),
        "shown_right_trace_interval": _bounds(right),
    }


def _bounds(values: Sequence[float]) -> list[float | None] | None:
    if not values:
        return None
    return [_rounded(percentile(values, percent)) for percent in (2.5, 97.5)]


def _summary(runs: Sequence[Run]) -> dict[str, Any]:
    """The main figures of some runs."""
    strokes = [stroke for run in runs for stroke in run.strokes]
    new = [stroke for run in runs for stroke in suggestions(run.strokes)]
    return {
        "traces": len({run.trace for run in runs}),
        "keys": sum(stroke.keys for stroke in strokes),
        "keystrokes_saved": keystrokes_saved(strokes),
        "shown": len(new),
        "shown_right": _share(sum(bool(stroke.is_right) for stroke in new), len(new)),
        "first_answer_ms": _spread([first_answer_ms(run.strokes) for run in runs]),
        "nothing_shown": dict(nothing_shown(_counted(strokes)).most_common()),
    }


def _counted(strokes: Iterable[Stroke]) -> list[Stroke]:
    """The states after a key or an accept that have something still to be typed."""
    return [stroke for stroke in strokes if stroke.action != "open" and stroke.following]


def keystrokes_saved(strokes: Sequence[Stroke]) -> float | None:
    """Return the share of the trace's keys that were not pressed; an accept is a key that was."""
    keys = sum(stroke.keys for stroke in strokes)
    pressed = sum(stroke.action != "open" for stroke in strokes)
    return _rounded((keys - pressed) / keys) if keys else None


def first_answer_ms(strokes: Iterable[Stroke]) -> float | None:
    """Return when the model first answered in time, be it with nothing: how long a cold start lasts.

    Units: milliseconds since the cursor was placed; None where it never did.
    """
    for stroke in strokes:
        if stroke.answered_ms is not None:
            return stroke.at_ms + stroke.answered_ms
    return None


def figures(strokes: Sequence[Stroke], new: Sequence[Stroke]) -> dict[str, Any]:
    """Return the figures that do not depend on how accepts are counted.

    Counted are the states after a key or an accept that have something still to be typed. The state in
    which the cursor is placed is left out: it is cold, and no key led to it; only its tokens count as work.
    `shown_right` judges each suggestion once, where it appears (`new`, from `suggestions`);
    `shown_right_per_key` judges what is seen after each key, so one wrong suggestion that the user types
    through counts as often as it has right characters.
    """
    counted = _counted(strokes)
    shown = [stroke for stroke in counted if stroke.is_right is not None]
    asked = [stroke for stroke in counted if stroke.cost.is_asked]
    lines = [stroke for stroke in new if "\n" not in stroke.shown.strip()]
    splits = [split(stroke) for stroke in shown]
    return {
        "keys": sum(stroke.keys for stroke in strokes),
        "keys_pressed": sum(stroke.action != "open" for stroke in strokes),
        "accepts": sum(stroke.action == "accept" for stroke in strokes),
        "prompt_tokens_per_keystroke": _tokens(counted),
        "prompt_tokens_per_request": _tokens(asked),
        "latency_ms": _spread([stroke.latency_ms for stroke in shown]),
        "new_latency_ms": _spread([stroke.latency_ms for stroke in new]),
        **{f"{part}_ms": _spread([times[part] for times in splits]) for part in PARTS},
        "coverage": _share(len(shown), len(counted)),
        "shown": len(new),
        "shown_right": _share(sum(bool(stroke.is_right) for stroke in new), len(new)),
        "shown_right_interval": _interval(new),
        "shown_right_per_key": _share(sum(bool(stroke.is_right) for stroke in shown), len(shown)),
        "shown_right_single_line": _share(sum(bool(stroke.is_right) for stroke in lines), len(lines)),
        "shown_right_single_line_interval": _interval(lines),
        "shown_single_line": len(lines),
        "shown_chars": _spread([float(len(judged(stroke.shown).strip())) for stroke in shown]),
        "cache_hits": _share(sum(stroke.cost.source == "cache" for stroke in shown), len(shown)),
        "generated_tokens": sum(stroke.cost.generated_tokens or 0 for stroke in strokes),
        "nothing_shown": dict(nothing_shown(counted).most_common()),
        "late": _share(sum(count for _, count in late(counted).items()), len(counted)),
        "late_by": dict(late(counted).most_common()),
    }


PARTS = ("waiting", "prompt", "generation", "overhead")


def split(stroke: Stroke) -> dict[str, float]:
    """Divide the time from key to suggestion.

    The engine may have begun before the key (a generation that typing agreed with), so its times are
    counted backwards from the suggestion: generation, then prompt, then waiting; the rest is our own.
    """
    left = stroke.latency_ms or 0.0
    cost, parts = stroke.cost, dict.fromkeys(PARTS, 0.0)
    for part, taken in (
        ("generation", cost.generated_ms),
        ("prompt", cost.prompt_ms),
        ("waiting", cost.wait_ms),
    ):
        parts[part] = min(max(taken, 0.0), left)
        left -= parts[part]
    parts["overhead"] = left
    return parts


def nothing_shown(strokes: Iterable[Stroke]) -> Counter[str]:
    """Count why nothing was shown; what had no answer when the next key came is `late`."""
    return Counter(
        (stroke.cost.reason or "no reason given").partition(":")[0]
        if stroke.answered_ms is not None
        else _missed(stroke)
        for stroke in strokes
        if stroke.is_right is None
    )


def late(strokes: Iterable[Stroke]) -> Counter[str]:
    """Count the states that had no answer when the next key came, by what they waited for."""
    return Counter(
        stroke.cost.stage or "unknown"
        for stroke in strokes
        if stroke.is_right is None and stroke.answered_ms is None and _missed(stroke) == "late"
    )


def _missed(stroke: Stroke) -> str:
    return "late" if stroke.cost.is_asked else stroke.cost.reason or "not asked"


def _tokens(strokes: Sequence[Stroke]) -> dict[str, Any]:
    """The prompt tokens of each stroke; unknown ones are left out and counted."""
    known = [float(tokens) for stroke in strokes if (tokens := stroke.cost.prompt_tokens) is not None]
    mean = _rounded(sum(known) / len(known), 1) if known else None
    return {**_spread(known), "mean": mean, "unknown": len(strokes) - len(known)}


def _cancelled_work(strokes: Sequence[Stroke], seen: int) -> float | None:
    """The share of the generated tokens that the user never saw, by the usual length of a token."""
    generated = sum(stroke.cost.generated_tokens or 0 for stroke in strokes)
    tokens = sum(stroke.cost.answer_tokens for stroke in strokes)
    chars = sum(stroke.cost.answer_chars for stroke in strokes)
    if not generated or not chars:
        return None
    return _rounded(max(1 - seen * tokens / chars / generated, 0.0))


def suggestions(strokes: Iterable[Stroke]) -> list[Stroke]:
    """Return the strokes of one run at which another suggestion appeared than the one already seen.

    What is left of a suggestion after a key or an accept that agrees with it is the same suggestion, also
    where it has grown or been cut.
    """
    new: list[Stroke] = []
    for stroke, known in _with_known(strokes):
        is_same = bool(known) and (known.startswith(stroke.shown) or stroke.shown.startswith(known))
        if stroke.is_right is not None and stroke.action != "open" and not is_same:
            new.append(stroke)
    return new


def seen_chars(strokes: Iterable[Stroke]) -> int:
    """Count the suggested code points that the user of one run saw for the first time.

    What is left of a suggestion after a key that agrees with it, and shown again, is not seen again.
    """
    return sum(
        len(stroke.shown) - (len(known) if stroke.shown.startswith(known) else 0)
        for stroke, known in _with_known(strokes)
        if not known.startswith(stroke.shown)
    )


def _with_known(strokes: Iterable[Stroke]) -> Iterator[tuple[Stroke, str]]:
    """Give each stroke with what was seen before of the text that follows it."""
    known = ""
    for stroke in strokes:
        known = known[len(stroke.text) :] if known.startswith(stroke.text) else ""
        yield stroke, known
        if stroke.shown and not known.startswith(stroke.shown):
            known = stroke.shown


def _share(part: int, whole: int) -> float | None:
    return _rounded(part / whole) if whole else None


def _interval(shown: Sequence[Stroke]) -> list[float] | None:
    interval = wilson_interval(sum(bool(stroke.is_right) for stroke in shown), len(shown))
    return None if interval is None else [round(bound, 4) for bound in interval]


def _spread(values: Iterable[float | None]) -> dict[str, Any]:
    known = [value for value in values if value is not None]
    return {"p50": _rounded(percentile(known, 50), 1), "p95": _rounded(percentile(known, 95), 1)}


def _rounded(value: float | None, digits: int = 4) -> float | None:
    return None if value is None else round(value, digits)


def render(report: Report) -> str:
    """Return the figures as a plain table for people: one column a policy."""
    document = report.to_json()
    columns = [document["policies"][policy] for policy in report.policies]
    rows: list[tuple[str, list[str]]] = [("", list(report.policies))]

    def row(label: str, cells: Iterable[str]) -> None:
        rows.append((label, list(cells)))

    row("keys of the traces", (f"{column['keys']:,}" for column in columns))
    for user in document["users"]:
        row(
            f"keystrokes saved, {user}",
            (_percent(column["keystrokes_saved_by"].get(user)) for column in columns),
        )
    row("  interval over traces", (_range(column["keystrokes_saved_interval"]) for column in columns))
    row("shown right", (f"{_percent(column['shown_right'])} of {column['shown']:,}" for column in columns))
    row("  interval over traces", (_range(column["shown_right_trace_interval"]) for column in columns))
    row(
        "  of single lines",
        (
            f"{_percent(column['shown_right_single_line'])} of {column['shown_single_line']:,}"
            for column in columns
        ),
    )
    row("  after each key", (_percent(column["shown_right_per_key"]) for column in columns))
    row("keystrokes with something shown", (_percent(column["coverage"]) for column in columns))
    row("keystrokes without an answer in time", (_percent(column["late"]) for column in columns))
    row("from the cache, of shown", (_percent(column["cache_hits"]) for column in columns))
    row("generated and never shown", (_percent(column["cancelled_work"]) for column in columns))
    row("", [""] * len(columns))
    row("p50 / p95", [""] * len(columns))
    for label, key in (
        ("prompt tokens a keystroke", "prompt_tokens_per_keystroke"),
        ("prompt tokens a request", "prompt_tokens_per_request"),
        ("key to suggestion, ms", "latency_ms"),
        ("key to another suggestion, ms", "new_latency_ms"),
        ("placing the cursor to first answer, ms", "first_answer_ms"),
        *((f"  {part}, ms", f"{part}_ms") for part in PARTS),
    ):
        row(label, (_pair(column[key]) for column in columns))
    unknown = [column["prompt_tokens_per_keystroke"]["unknown"] for column in columns]
    if any(unknown):
        row("  keystrokes with unknown tokens", (f"{number:,}" for number in unknown))
    label_width = max(len(label) for label, _ in rows)
    width = max(len(cell) for _, cells in rows for cell in cells)
    table = [
        f"{label:<{label_width}}" + "".join(f"  {cell:>{width}}" for cell in cells) for label, cells in rows
    ]
    return "\n".join(line.rstrip() for line in [*_machine(report), *table, *_reasons(report)])


def _machine(report: Report) -> list[str]:
    """Say how fast the engine was when the run began."""
    measured = report.conditions.get("tokens_per_second")
    if not measured:
        return []
    model, read, write = report.conditions["model"], measured["read"], measured["write"]
    return [f"{model} reads {read:.0f} and writes {write:.0f} tokens a second here", ""]


def _reasons(report: Report) -> list[str]:
    lines = ["", "nothing shown"]
    for policy in report.policies:
        counted = _counted(report.strokes(policy))
        listed = ", ".join(f"{reason} {count:,}" for reason, count in nothing_shown(counted).most_common())
        lines.append(f"  {policy}: {listed or '-'}")
    lines += ["", "late, by what was waited for"]
    for policy in report.policies:
        listed = ", ".join(
            f"{stage} {count:,}" for stage, count in late(_counted(report.strokes(policy))).most_common()
        )
        lines.append(f"  {policy}: {listed or '-'}")
    return [*lines, *_by_language(report)]


def _by_language(report: Report) -> list[str]:
    lines = ["", "by language: keystrokes saved, suggestions right, first answer p50"]
    for policy in report.policies:
        for language, column in report.to_json()["policies"][policy]["languages"].items():
            right = f"{_percent(column['shown_right'])} of {column['shown']:,}"
            first = column["first_answer_ms"]["p50"]
            lines.append(
                f"  {policy}, {language}: {_percent(column['keystrokes_saved'])}, {right}, "
                f"{'-' if first is None else f'{first:,.0f} ms'}"
            )
    return lines


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"


def _range(bounds: list[float] | None) -> str:
    return "-" if bounds is None else f"{bounds[0]:.1%} to {bounds[1]:.1%}"


def _pair(spread: dict[str, Any]) -> str:
    if spread["p50"] is None:
        return "-"
    return f"{spread['p50']:,.0f} / {spread['p95']:,.0f}"
