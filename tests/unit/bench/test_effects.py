"""The text without each filter: what the filters themselves give when one is left out."""

from __future__ import annotations

from qwen_lsp.bench.infill.effects import SYNTAX, without_each
from qwen_lsp.completion.filters import FILTERS
from tests.support.places import cursor


def effects(marked: str, answer: str, stop_reason: str = "line") -> dict[str, str | None]:
    return without_each(cursor(marked), answer, stop_reason, ("<|im_end|>",))


def fired(found: dict[str, str | None]) -> dict[str, str | None]:
    return {name: text for name, text in found.items() if text is not None}


def test_every_filter_and_the_gate_are_named() -> None:
    found = effects("def add(a, b):\n    ║\n", "return a + b")
    assert list(found) == [*(step.__name__ for step in FILTERS), SYNTAX]
    assert fired(found) == {}


def test_one_that_cuts() -> None:
    found = effects("total = sum(║)\n", "prices)")
    assert fired(found) == {"line_suffix_overlap": ""}, "without it the gate would have shown nothing"


def test_one_that_rejects() -> None:
    found = effects("def f(x):\n    ║\n    value = compute(x)\n", "value = compute(x)")
    assert fired(found) == {"repeats_suffix": "value = compute(x)"}


def test_the_gate() -> None:
    assert fired(effects("total = 1\n║\n", "x = (1")) == {SYNTAX: "x = (1"}


def test_an_answer_that_hit_the_limit_is_finished_first() -> None:
    found = effects("def f(x):\n    ║\n", "a = 1\n    b = tot", "limit")
    assert fired(found) == {}
