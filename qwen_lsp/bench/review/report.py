"""The figures of `bench review`: recall, precision, false alarms; for rules, model and both."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

from qwen_lsp.bench.infill.score import wilson_interval
from qwen_lsp.bench.review.run import Outcome, believed, sets_of
from qwen_lsp.review.find.unlikely import RULE, Bar

# A finding: its first line, its last line, its rule, and the model's line where there is one.
_Found = tuple[int, int, str, str]


def summary(outcomes: Sequence[Outcome], bar: Bar | None) -> dict[str, dict[str, Any]]:
    """Return the figures of each set: by `rules`, and where a model was asked by `model` and `both`."""
    figures: dict[str, dict[str, Any]] = {}
    for name, ours in sets_of(outcomes).items():
        is_asked = any(outcome.asked is not None for outcome in ours)
        figures[name] = {"rules": _figures(ours, None, with_rules=True)}
        if is_asked:
            figures[name]["model"] = _figures(ours, bar, with_rules=False)
            figures[name]["both"] = _figures(ours, bar, with_rules=True)
            figures[name]["lines"] = _lines(ours, bar)
    return figures


def _figures(ours: Sequence[Outcome], bar: Bar | None, *, with_rules: bool) -> dict[str, Any]:
    hits: list[tuple[Outcome, list[_Found]]] = []
    others: list[tuple[Outcome, _Found]] = []
    for outcome in ours:
        near = {line + step for line in outcome.lines for step in (-1, 0, 1)}
        found = _found(outcome, bar, with_rules=with_rules)
        hits.append((outcome, [one for one in found if near & set(range(one[0], one[1] + 1))]))
        others += [(outcome, one) for one in found if not near & set(range(one[0], one[1] + 1))]
    bugs = [(outcome, found) for outcome, found in hits if outcome.lines]
    clean = [outcome for outcome in ours if not outcome.lines]
    found_bugs = [(outcome, found) for outcome, found in bugs if found]
    one_line = [(outcome, found) for outcome, found in bugs if outcome.is_one_line]
    on_clean = sum(not outcome.lines for outcome, _ in others)
    n_found = len(found_bugs)
    return {
        "bugs": len(bugs),
        "found": n_found,
        "recall": _share(n_found, len(bugs)),
        "oneLineBugs": len(one_line),
        "oneLineFound": sum(bool(found) for _, found in one_line),
        "exactFix": sum(
            any(one[3].strip() == outcome.right.strip() for one in found if one[3])
            for outcome, found in one_line
        ),
        "false": len(others),
        "precision": _share(n_found, n_found + len(others)),
        "clean": len(clean),
        "findingsPerCleanChange": round(on_clean / len(clean), 3) if clean else None,
        "missed": dict(Counter(outcome.kind for outcome, found in bugs if not found).most_common()),
        "falseBy": dict(Counter(one[2] for _, one in others).most_common()),
        "secondsPerUnit": _seconds(ours, bar, with_rules=with_rules),
    }


def _found(outcome: Outcome, bar: Bar | None, *, with_rules: bool) -> list[_Found]:
    by_rules: list[_Found] = [(*one, "") for one in outcome.rules] if with_rules else []
    return by_rules + [(one.line, one.line, RULE, one.candidate) for one in believed(outcome, bar)]


def _seconds(ours: Sequence[Outcome], bar: Bar | None, *, with_rules: bool) -> float:
    spent = sum(
        (outcome.seconds if with_rules else 0.0) + (outcome.model_seconds if bar or not with_rules else 0.0)
        for outcome in ours
    )
    return round(spent / max(sum(outcome.units for outcome in ours), 1), 3)


def _lines(ours: Sequence[Outcome], bar: Bar | None) -> dict[str, Any]:
    """Count the lines that the model was asked about and that are right, and those it spoke of."""
    asked = flagged = 0
    for outcome in ours:
        right = [line for line in outcome.asked or () if line not in outcome.lines]
        asked += len(right)
        flagged += sum(one.line in right for one in believed(outcome, bar))
    seconds = sum(outcome.model_seconds for outcome in ours)
    n_all = sum(len(outcome.asked or ()) for outcome in ours)
    return {
        "rightLines": asked,
        "flagged": _share(flagged, asked),
        "secondsPerLine": round(seconds / max(n_all, 1), 2),
    }


def _share(part: int, whole: int) -> dict[str, Any] | None:
    """Return a share with its 95 % interval (Wilson); None of nothing."""
    interval = wilson_interval(part, whole)
    if interval is None:
        return None
    low, high = interval
    return {"n": whole, "share": round(part / whole, 4), "low": round(low, 4), "high": round(high, 4)}


def as_text(figures: dict[str, dict[str, Any]]) -> str:
    """Write the figures as lines."""
    lines = []
    for name, by in figures.items():
        for who in ("rules", "model", "both"):
            if who not in by:
                continue
            one = by[who]
            lines.append(
                f"{name}, {who}: {one['found']} of {one['bugs']} bugs found ({_said(one['recall'])}); "
                f"of the {one['oneLineBugs']} of one line {one['oneLineFound']}, "
                f"{one['exactFix']} with the right fix; "
                f"{one['false']} false findings (precision {_said(one['precision'])}), "
                f"{one['findingsPerCleanChange']} per clean change of {one['clean']}; "
                f"{one['secondsPerUnit']} s per unit"
            )
            for title, key in (("missed", "missed"), ("false by", "falseBy")):
                if one[key]:
                    listed = ", ".join(f"{kind} {n}" for kind, n in one[key].items())
                    lines.append(f"  {title}: {listed}")
        if "lines" in by:
            one = by["lines"]
            lines.append(
                f"{name}, lines that are right: {one['rightLines']}, flagged {_said(one['flagged'])}; "
                f"{one['secondsPerLine']} s per line"
            )
    return "\n".join(lines)


def _said(share: dict[str, Any] | None) -> str:
    return f"{share['share']:.3f} [{share['low']:.3f}, {share['high']:.3f}]" if share else "-"


def as_json(figures: dict[str, dict[str, Any]]) -> str:
    """Write the figures as one JSON object."""
    return json.dumps(figures, indent=2)
