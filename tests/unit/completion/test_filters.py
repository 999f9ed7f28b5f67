"""Golden cases of each filter: files in fixtures/completion, one folder a filter; adding one adds a case."""

from __future__ import annotations

import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qwen_lsp.completion import filters, stopping
from qwen_lsp.completion.filters import FILTERS, Case, Reject
from qwen_lsp.model import catalog
from qwen_lsp.syntax import languages, parsing
from qwen_lsp.text import Cursor, Document, normalize_line_ends
from tests.support.places import FIXTURES

ROOT = FIXTURES / "completion"
GOLDEN = sorted(ROOT.glob("*/*.toml"))
BY_NAME = {step.__name__: step for step in FILTERS}
STOPS = catalog.default_profile().tokens.stops


def case_of(before: str, after: str, language: str = "python") -> Case:
    cursor = Cursor(Document("file:///a", before + after, 1, language), len(before))
    known = languages.find(language, None)
    around = stopping.surroundings(cursor, known, parsing.place_kind(before, after, known))
    return Case(normalize_line_ends(before), normalize_line_ends(after), stopping.mode(around), around, STOPS)


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_golden(path: Path) -> None:
    golden: dict[str, Any] = tomllib.loads(path.read_text("utf-8"))
    assert set(golden) - {"language"} in (
        {"description", "before", "answer", "after", "expected"},
        {"description", "before", "answer", "after", "rejected"},
    )
    case = case_of(golden["before"], golden["after"], golden.get("language", "python"))
    outcome = BY_NAME[path.parent.name](golden["answer"], case)
    expected = Reject(golden["rejected"]) if "rejected" in golden else golden["expected"]
    assert outcome == expected, golden["description"]


def test_every_filter_has_cases() -> None:
    counts = Counter(path.parent.name for path in GOLDEN)
    assert set(counts) == set(BY_NAME)
    assert {name: n for name, n in counts.items() if n < 3} == {}


texts = st.lists(
    st.sampled_from(
        ["return x", "\n", "    ", ")", "(", '"', "```", "<|im_end|>", "x", " ", "价", "value = value", "}"]
    ),
    max_size=12,
).map("".join)


@given(texts, texts, texts)
def test_an_answer_is_only_ever_shortened_at_its_end(answer: str, before: str, after: str) -> None:
    text, steps = filters.clean(answer, case_of(before, after))
    if isinstance(text, Reject):
        assert text.reason
        assert steps[-1].reason == text.reason
        assert steps[-1].text is None
    else:
        squeezed = "".join(answer.split())  # what is reindented differs in white space alone
        assert squeezed.startswith("".join(text.split()))
        assert text.strip()
        assert [step.name for step in steps] == list(BY_NAME)


@pytest.mark.parametrize("name", BY_NAME)
def test_a_filter_can_be_switched_off(name: str) -> None:
    _, steps = filters.clean("x", case_of("", ""), disabled=(name,))
    assert name not in [step.name for step in steps]
