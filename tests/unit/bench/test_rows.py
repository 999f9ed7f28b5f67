"""Reading benchmark rows: both forms, both packings, and every way a file can be wrong."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qwen_lsp.bench.infill.rows import Kind, Row, read, sample
from qwen_lsp.errors import InputError

HUMAN_EVAL: dict[str, Any] = {
    "task_id": "SingleLineInfilling/HumanEval/0/L0",
    "entry_point": "add",
    "prompt": "def add(a, b):\n",
    "suffix": "",
    "canonical_solution": "    return a + b\n",
    "test": "def check(candidate):\n    assert candidate(1, 2) == 3\n",
}
SANTA_CODER: dict[str, Any] = {
    "name": "HumanEval_0_add",
    "language": "js",
    "prompt": "function add(a, b) {\n",
    "suffix": "\n}",
    "canonical_solution": "  return a + b;",
}


def write(path: Path, *rows: dict[str, Any] | str) -> Path:
    text = "".join(
        row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) + "\n" for row in rows
    )
    data = text.encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.jsonl.gz"])
def test_both_forms_from_both_packings(tmp_path: Path, name: str) -> None:
    first, second = read(write(tmp_path / name, HUMAN_EVAL, "\n", SANTA_CODER))
    assert first == Row(
        id="SingleLineInfilling/HumanEval/0/L0",
        language="py",
        prefix="def add(a, b):\n",
        suffix="",
        middle="    return a + b\n",
        test=HUMAN_EVAL["test"],
        entry_point="add",
    )
    assert second == Row(
        "HumanEval_0_add", "js", "function add(a, b) {\n", "\n}", "  return a + b;", test="", entry_point=""
    )


def test_the_language_defaults_to_python(tmp_path: Path) -> None:
    row = {key: value for key, value in SANTA_CODER.items() if key != "language"}
    assert read(write(tmp_path / "rows.jsonl", row))[0].language == "py"


def test_repeated_names_become_unique(tmp_path: Path) -> None:
    rows = read(write(tmp_path / "rows.jsonl", SANTA_CODER, SANTA_CODER, SANTA_CODER))
    assert [row.id for row in rows] == ["HumanEval_0_add", "HumanEval_0_add#2", "HumanEval_0_add#3"]


def test_line_separators_inside_strings_do_not_end_a_row(tmp_path: Path) -> None:
    row = {**HUMAN_EVAL, "prompt": "# 说明\u2028 \x85 \r\n"}
    assert read(write(tmp_path / "rows.jsonl", row))[0].prefix == "# 说明\u2028 \x85 \r\n"


def test_a_byte_order_mark_is_no_part_of_the_first_row(tmp_path: Path) -> None:
    assert len(read(write(tmp_path / "rows.jsonl", "\ufeff", HUMAN_EVAL))) == 1


@pytest.mark.parametrize(
    ("bad", "complaint"),
    [
        ("{not json\n", "not JSON"),
        ("[1, 2]\n", "a row is an object, not list"),
        ({**HUMAN_EVAL, "prompt": 7}, "`prompt` is int, not a string"),
        ({**HUMAN_EVAL, "suffix": None}, "`suffix` is NoneType, not a string"),
        ({key: value for key, value in HUMAN_EVAL.items() if key != "suffix"}, "`suffix` is missing"),
        (
            {key: value for key, value in HUMAN_EVAL.items() if key != "task_id"},
            "neither `task_id` nor `name`",
        ),
        ({**HUMAN_EVAL, "entry_point": "add); evil("}, "no `entry_point`"),
    ],
)
def test_a_bad_row_is_named_by_file_and_line(
    tmp_path: Path, bad: dict[str, Any] | str, complaint: str
) -> None:
    path = write(tmp_path / "rows.jsonl", HUMAN_EVAL, "\n", bad)
    with pytest.raises(InputError) as caught:
        read(path)
    assert str(caught.value).startswith(f"{path}:3: ")
    assert complaint in str(caught.value)


def test_a_file_without_rows_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no rows"):
        read(write(tmp_path / "rows.jsonl", "\n\n"))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"absent\.jsonl: cannot be read"):
        read(tmp_path / "absent.jsonl")


@pytest.mark.parametrize("cut", [5, 40, -9, -3])
def test_a_torn_gzip_file_is_refused(tmp_path: Path, cut: int) -> None:
    path = write(tmp_path / "rows.jsonl.gz", HUMAN_EVAL)
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(InputError, match="cannot be read"):
        read(path)


def test_a_plain_file_named_gz_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl.gz"
    path.write_text(json.dumps(HUMAN_EVAL), "utf-8")
    with pytest.raises(InputError, match="cannot be read"):
        read(path)


def test_bytes_that_are_not_utf8_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(json.dumps(HUMAN_EVAL).encode() + b"\n\xff\xfe\n")
    with pytest.raises(InputError, match="not UTF-8"):
        read(path)


@pytest.mark.parametrize(
    ("prefix", "middle", "suffix", "kind"),
    [
        ("a\n", "    b\n", "c\n", "single-line"),
        ("a\n", "    b", "\nc", "single-line"),
        ("", "b", "", "single-line"),
        ("a\n", "b\nc\n", "d", "multi-line"),
        ("a\n", "b\nc", "\nd", "multi-line"),
        ("a\n    ", "b\n", "c", "span"),
        ("a = ", "b", " + c\n", "span"),
        ("a = ", "b\nc\n", "d", "span"),
        ("a\n", "b", " + c\n", "span"),
    ],
)
def test_kind(prefix: str, middle: str, suffix: str, kind: Kind) -> None:
    assert Row("1", "py", prefix, suffix, middle).kind == kind


ROWS = [Row(str(number), "py", "", "", "") for number in range(30)]


@given(st.integers(0, 40), st.integers())
def test_a_sample_is_a_deterministic_subset(n: int, seed: int) -> None:
    drawn = sample(ROWS, n, seed)
    assert drawn == sample(ROWS, n, seed)
    assert len({row.id for row in drawn}) == len(drawn) == min(n, len(ROWS))
    assert set(drawn) <= set(ROWS)


def test_no_size_means_every_row_in_order() -> None:
    assert sample(ROWS, None, seed=1) == ROWS


def test_another_seed_draws_other_rows() -> None:
    assert sample(ROWS, 10, seed=1) != sample(ROWS, 10, seed=2)
