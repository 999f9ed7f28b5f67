"""The table of thresholds: what each would have shown, and how much of it was right."""

from __future__ import annotations

import json
import math

from qwen_lsp.bench import confidence
from qwen_lsp.bench.confidence import Sample
from qwen_lsp.bench.replay.traces import Trace
from qwen_lsp.bench.replay.typist import TimedEdit


def sample(*tokens: tuple[str, float], following: str, language: str = "python") -> Sample:
    text, marks = "", []
    for token, probability in tokens:
        text += token
        marks.append((len(text), math.log(probability)))
    return Sample(language, text, tuple(marks), following)


SAMPLES = [
    sample(("total", 0.95), (" + tax", 0.6), following="total + tip\n"),
    sample(("None", 0.99), following="None\n"),
    sample(("sum(", 0.4), following="len(\n", language="go"),
    sample(following="x\n"),
]


def row(least: float) -> dict[str, object]:
    return next(row for row in confidence.table(SAMPLES) if row["least"] == least)


def test_a_strict_threshold_shows_less_and_more_of_it_is_right() -> None:
    assert (row(0.8)["coverage"], row(0.8)["right"], row(0.8)["chars"]) == (0.5, 1.0, (5 + 4) / 4)
    assert (row(0.5)["coverage"], row(0.5)["right"]) == (0.5, 0.5), "`total + tax` is shown whole, and wrong"
    assert (row(0.0)["coverage"], row(0.0)["right"]) == (0.75, round(1 / 3, 4))


def test_nothing_shown_is_told_as_such() -> None:
    assert confidence.table([SAMPLES[3]])[0] == {
        "least": 0.95, "coverage": 0.0, "right": None, "interval": None, "chars": 0.0
    }  # fmt: skip
    assert "-" in confidence.as_text([SAMPLES[3]], "m")


def test_languages_have_tables_of_their_own() -> None:
    reported = json.loads(confidence.as_json(SAMPLES, "m"))
    assert (reported["model"], reported["n"], sorted(reported["languages"])) == ("m", 4, ["go", "python"])


def test_places_are_the_states_between_the_keys() -> None:
    keys = tuple(TimedEdit(100.0 * at, at, at, char) for at, char in enumerate("x = 1"))
    trace = Trace(id="t", path="a.py", language="python", text="\n", edits=keys)
    found = [(text, cursor, following) for _, text, cursor, following in confidence.places([trace], 2)]
    assert found == [("\n", 0, "x = 1"), ("x \n", 2, "= 1"), ("x = \n", 4, "1")]
