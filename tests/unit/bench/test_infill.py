"""One run of the infilling benchmark, with answers that are written here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from qwen_lsp.bench.infill.rows import Row, both_prompts
from qwen_lsp.bench.infill.run import Answer, Paired, Report, Result, assemble, program, render, run
from qwen_lsp.errors import InputError

TEST = "def check(candidate):\n    assert candidate(2, 3) == 5\n"


def row(id: str, middle: str = "    return a + b\n", *, test: str = TEST, language: str = "py") -> Row:
    return Row(id, language, "def add(a, b):\n", "", middle, test, "add" if test else "")


async def fill(
    rows: list[Row], texts: Mapping[str, str], *, execute: bool = True, latency_ms: float = 100.0
) -> Report:
    async def ask(row: Row) -> Answer:
        text = texts[row.id]
        return Answer(text, latency_ms, 50, len(text), "" if text else "low confidence")

    return await run(rows, ask, execute=execute)


@pytest.mark.parametrize(
    ("middle", "answer", "file"),
    [
        ("    return 1\n", "    return 1", "def f():\n    return 1\n# end"),
        ("    return 1\n", "    return 1\n", "def f():\n    return 1\n# end"),
        ("    return 1", "    return 1", "def f():\n    return 1# end"),
        ("    return 1", "    return 1\n", "def f():\n    return 1\n# end"),
    ],
)
def test_assemble_gives_back_only_the_line_end_the_hole_took(middle: str, answer: str, file: str) -> None:
    assert assemble(Row("1", "py", "def f():\n", "# end", middle), answer) == file


def test_the_program_ends_with_the_check() -> None:
    text = program(row("1"), "    return a + b")
    compile(text, "program.py", "exec")
    assert text.endswith("\n\ncheck(add)\n")


async def test_every_figure_of_a_run() -> None:
    rows = [row("right"), row("other"), row("wrong"), row("none")]
    texts = {
        "right": "    return a + b",
        "other": "    return b + a",
        "wrong": "    return a - b",
        "none": "",
    }
    report = await fill(rows, texts)
    assert [(result.passed, result.exact) for result in report.results] == [
        (True, True),
        (True, False),
        (False, False),
        (False, False),
    ]
    assert report.results[2].failure == "AssertionError"
    assert report.results[3].failure == "no answer"
    document = report.to_json()
    assert json.loads(json.dumps(document)) == document
    assert document == {
        "n": 4,
        "pass_at_1": 0.5,
        "pass_at_1_interval": pytest.approx([0.15, 0.85], abs=1e-4),
        "exact_match": 0.25,
        "exact_match_interval": pytest.approx([0.0456, 0.6994], abs=1e-4),
        "edit_similarity": pytest.approx((1 + 10 / 12 + 11 / 12 + 0) / 4, abs=1e-4),
        "edit_similarity_interval": document["edit_similarity_interval"],
        "latency_ms": {"p50": 100.0, "p95": 100.0},
        "prompt_tokens": {"p50": 50.0, "p95": 50.0},
        "generated_tokens": {"p50": 16.0, "p95": 16.0},
        "confidence": [],
        "filters": {},
        "empty": {"count": 1, "reasons": {"low confidence": 1}},
    }
    assert document["edit_similarity_interval"][0] < document["edit_similarity"]


async def test_the_surest_answers_are_judged_by_themselves() -> None:
    rows = [row(f"{number}") for number in range(10)]

    async def ask(asked: Row) -> Answer:
        number = int(asked.id)
        text = "    return a + b" if number < 5 else "    return a - b"
        return Answer(text, 1.0, probability=1 - number / 100)

    table = (await run(rows, ask, execute=True)).to_json()["confidence"]
    assert table[0] == {"coverage": 1.0, "threshold": 0.91, "right": 0.5}
    assert table[-1] == {"coverage": 0.5, "threshold": 0.96, "right": 1.0}


async def test_rows_are_listed_when_asked_for() -> None:
    report = await fill([row("1")], {"1": "    return a + b"})
    (detail,) = report.to_json(rows=True)["rows"]
    assert detail["row_id"] == "1"
    assert detail["answer"]["text"] == "    return a + b"
    json.dumps(detail)


@pytest.mark.parametrize(
    "rows", [[row("1", test="")], [row("1", language="js")]], ids=["without test", "other language"]
)
async def test_without_a_test_there_is_no_pass_rate(rows: list[Row]) -> None:
    report = await fill(rows, {"1": "    return a + b"})
    assert report.results[0].passed is None
    assert report.to_json()["pass_at_1"] is report.to_json()["pass_at_1_interval"] is None
    assert report.to_json()["exact_match"] == 1


async def test_nothing_is_executed_unless_asked_for() -> None:
    report = await fill([row("1")], {"1": "    raise SystemExit"}, execute=False)
    assert report.to_json()["pass_at_1"] is None


async def test_an_answer_that_ends_the_program_early_does_not_pass() -> None:
    report = await fill([row("1")], {"1": "    return a + b\nraise SystemExit(0)"})
    assert report.results[0].passed is False


async def test_a_blank_answer_does_not_pass_where_the_line_was_not_needed() -> None:
    report = await fill(
        [Row("1", "py", "def add(a, b):\n    return a + b\n", "", "\n", TEST, "add")], {"1": " "}
    )
    assert report.results[0].passed is False


async def test_progress_after_every_row() -> None:
    seen: list[tuple[int, int, str]] = []

    async def ask(row: Row) -> Answer:
        return Answer("x", 1.0)

    def progress(done: int, total: int, result: Result) -> None:
        seen.append((done, total, result.row_id))

    await run([row("a"), row("b")], ask, execute=False, progress=progress)
    assert seen == [(1, 2, "a"), (2, 2, "b")]


async def test_unknown_token_counts_are_left_out() -> None:
    async def ask(row: Row) -> Answer:
        return Answer("x", 1.0, 10 if row.id == "a" else None)

    document = (await run([row("a"), row("b")], ask, execute=False)).to_json()
    assert document["prompt_tokens"] == {"p50": 10, "p95": 10}
    assert document["generated_tokens"] == {"p50": None, "p95": None}


async def test_render() -> None:
    rows = [row("1"), row("2", test=""), row("3", middle="    a = 1\n    return a\n", test="")]
    report = await fill(rows, {"1": "    return a + b", "2": "", "3": "    a = 1"}, latency_ms=1234.5)
    assert render(report) == (
        "rows              3\n"
        "pass@1            1.000  [0.207, 1.000]  of the 1 rows with a test\n"
        "exact match       0.667  [0.208, 0.939]\n"
        "exact, all lines  0.333\n"
        "edit similarity   0.426  [0.000, 1.000]\n"
        "latency           p50 1,234 ms  p95 1,234 ms\n"
        "prompt tokens     p50 50  p95 50\n"
        "generated tokens  p50 9  p95 15\n"
        "empty             1  (low confidence 1)"
    )


def test_an_empty_run_renders() -> None:
    assert "pass@1            -" in render(Report(()))
    assert Report(()).to_json()["n"] == 0


async def test_what_each_filter_did() -> None:
    """Right with the filter and wrong without: it helped. The other way round: it hurt."""
    rows = [row("helped"), row("hurt"), row("neutral"), row("idle")]
    right, wrong = "    return a + b", "    return a - b"
    answers = {
        "helped": Answer(right, 1.0, without={"cut": wrong, "drop": None}),
        "hurt": Answer("", 1.0, without={"cut": None, "drop": right}),
        "neutral": Answer(right, 1.0, without={"cut": right + "  ", "drop": None}),
        "idle": Answer(right, 1.0, without={"cut": None, "drop": None}),
    }

    async def ask(row: Row) -> Answer:
        return answers[row.id]

    report = await run(rows, ask, execute=True)
    assert report.to_json()["filters"] == {
        "cut": {"fired": 2, "helped": 1, "hurt": 0, "neutral": 1},
        "drop": {"fired": 1, "helped": 0, "hurt": 1, "neutral": 0},
    }
    assert "filter cut" in render(report)


async def test_two_prompts_are_compared_hole_by_hole() -> None:
    rows = [replace(row(name), other_prefix="def add(a, b):\n    # sum\n") for name in ("both", "own", "en")]
    asked = both_prompts([*rows, row("has no other")], Path("rows.jsonl"))
    right, wrong = "    return a + b", "    return a - b"
    texts = {"both": right, "both en": right, "own": right, "own en": wrong, "en": wrong, "en en": right}
    paired = Paired.of(await fill(asked, texts))
    document = paired.to_json()
    assert document["comparison"] == {"n": 3, "wins": 1, "losses": 1, "p_value": 1.0}
    assert document["prompts"]["prompt"]["n"] == document["prompts"]["prompt_en"]["n"] == 3
    assert "of 3 (p = 1.00)" in paired.render()
    with pytest.raises(InputError, match="prompt_en"):
        both_prompts([row("has no other")], Path("rows.jsonl"))
