"""Rows that need another file, the arms of `bench context`, and what is reported of them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from qwen_lsp.bench.context import ask as context_ask
from qwen_lsp.bench.context import rows as context_rows
from qwen_lsp.bench.context import run as context
from qwen_lsp.bench.context.arms import ARMS, Repository, recalled
from qwen_lsp.bench.context.ask import FORMS, rendered
from qwen_lsp.bench.context.rows import ContextRow
from qwen_lsp.completion.budget import Budget
from qwen_lsp.config import Config
from qwen_lsp.model import catalog
from tests.support.isolation import isolate_user
from tests.support.places import REPOSITORY

CHINESE = REPOSITORY / "fixtures" / "repos" / "xueji-py"


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    isolate_user(monkeypatch, tmp_path)
    monkeypatch.setenv("QWEN_LSP_INDEX", str(tmp_path / "index"))


def rows(seed: int = 7, most: int = 8) -> list[ContextRow]:
    return context_rows.rows(CHINESE, "xueji-py", seed, most)


def test_a_row_needs_a_name_that_its_file_does_not_hold() -> None:
    texts = context_rows.sources(CHINESE)
    found = rows(most=12)
    assert len(found) >= 8
    assert {row.kind for row in found} == {"line", "member"}
    for row in found:
        assert row.prefix + row.middle + row.suffix == texts[row.path]
        assert row.names
        for name in row.names:
            assert name in row.middle
            assert not re.search(rf"\b{name}\b", row.text)
            assert any(name in text for path, text in texts.items() if path != row.path)


def test_the_cursor_stands_after_the_indentation_or_after_a_dot() -> None:
    for row in rows(most=12):
        line = row.prefix.rpartition("\n")[2]
        assert line.endswith(".") if row.kind == "member" else not line.strip()


def test_rows_are_the_same_for_the_same_seed() -> None:
    assert rows() == rows()
    assert rows() != rows(seed=8)


def test_both_arms_keep_the_budget_and_never_show_the_file_itself(tmp_path: Path) -> None:
    repository = Repository("xueji-py", CHINESE, tmp_path)
    for row in rows(most=4):
        before = (repository.root / row.path).read_bytes()
        for arm in ARMS:
            files, _ = repository.files(arm, row, 128)
            assert row.path not in {path for path, _ in files}
            assert bool(files) is (arm != "none")
        assert (repository.root / row.path).read_bytes() == before


def test_ours_recalls_twice_as_many_names_as_similar_lines(tmp_path: Path) -> None:
    """On the repository with Chinese names; the others are measured by `qwen-lsp bench context`."""
    repository = Repository("xueji-py", CHINESE, tmp_path)
    found: dict[str, list[bool]] = {"similar": [], "ours": []}
    for row in rows(most=12):
        for arm, names in found.items():
            names += recalled(row, repository.files(arm, row, 256)[0])
    assert sum(found["ours"]) >= 2 * sum(found["similar"])
    assert sum(found["ours"]) >= len(found["ours"]) / 2


@pytest.mark.parametrize("form", FORMS)
def test_each_form_shows_the_files_and_keeps_the_shape_of_the_prompt(form: str) -> None:
    tokens = catalog.default_profile().tokens
    row = rows()[0]
    files = (("a.py", "def one(): ..."), ("b.py", "def two(): ..."))
    text = rendered(row, files, form, tokens, Budget(300, 60, 32, 32, 128)).text
    assert (
        text.count(tokens.fim_prefix) == text.count(tokens.fim_suffix) == text.count(tokens.fim_middle) == 1
    )
    assert text.index("def one") < text.index("def two")
    place = {
        "repository": text.index(tokens.fim_prefix),
        "suffix": text.index(tokens.fim_middle),
        "comment": len(text),
    }
    assert text.index("def two") < place[form]
    bare = rendered(row, (), form, tokens, Budget(300, 60, 32, 32, 128)).text
    assert tokens.repo_name not in bare


def test_answers_of_earlier_runs_are_not_asked_for_again(tmp_path: Path) -> None:
    file = tmp_path / "answers.jsonl"
    kept = context_ask.Kept(file)
    kept.add("one", context_ask.Written("价格 = 1", 90))
    kept.add("two", context_ask.Written("", 80))
    again = context_ask.Kept(file)
    assert again.find("one") == context_ask.Written("价格 = 1", 90)
    assert again.find("two") == context_ask.Written("", 80)
    assert again.find("three") is None


def test_identifier_f1() -> None:
    assert context.identifier_f1("a.b(c)", "a.b(c)") == 1
    assert context.identifier_f1("a.b", "a.c") == 0.5
    assert context.identifier_f1("", "") == 1
    assert context.identifier_f1("x", "y") == 0


def test_a_report_without_a_model_has_recall_and_nothing_else(tmp_path: Path) -> None:
    report = context.run(
        Config(), n=4, seed=7, budget_tokens=128, own=CHINESE, with_model=False, arms=("similar", "ours")
    )
    data = report.to_json(rows=True)
    assert data["arms"]["ours"]["rows"] == 4
    assert 0 <= data["arms"]["ours"]["recall"] <= 1
    assert data["arms"]["ours"]["exact"] is None
    assert data["paired"] == {}
    assert len(data["rows"]) == 8
    assert "xueji-py ours" in context.render(report)


def test_answers_are_scored_and_paired(monkeypatch: pytest.MonkeyPatch) -> None:
    """The model is played by one that knows the answer only when it is shown."""
    from contextlib import asynccontextmanager

    async def ask(
        row: ContextRow, files: Sequence[tuple[str, str]], budget_tokens: int
    ) -> context_ask.Written:
        return context_ask.Written(row.middle if all(recalled(row, tuple(files))) else "pass", 100)

    @asynccontextmanager
    async def opened(config: Config, form: str, kept: Path | None):  # type: ignore[no-untyped-def]
        await asyncio.sleep(0)
        yield ask, "played"

    monkeypatch.setattr(context_ask, "opened", opened)
    data = context.run(Config(), n=6, seed=7, budget_tokens=256, own=CHINESE).to_json()
    assert data["model"] == "played"
    assert data["arms"]["none"]["exact"] == 0
    assert data["arms"]["ours"]["exact"] > data["arms"]["none"]["exact"]
    assert data["paired"]["ours-none exact"]["wins"] == round(data["arms"]["ours"]["exact"] * 6)
    assert data["paired"]["ours-none exact"]["losses"] == 0
    assert data["arms"]["none"]["written"] == 0
    assert data["arms"]["ours"]["written"] > 0
    assert data["paired"]["ours-none written"]["wins"] >= data["paired"]["ours-none exact"]["wins"]
