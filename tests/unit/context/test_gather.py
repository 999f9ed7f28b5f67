"""Gathering on real indexes: golden cases from files, and what holds for every budget and place."""

from __future__ import annotations

import functools
import shutil
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qwen_lsp.context import gather as gathering
from qwen_lsp.context import steady as steady_context
from qwen_lsp.context.recent import RecentActivity
from qwen_lsp.context.snippets import Gathered
from qwen_lsp.context.steady import SteadyContext
from qwen_lsp.index import building
from qwen_lsp.index.reader import Index
from qwen_lsp.model.tokens import estimate
from qwen_lsp.text import Change, Cursor, Document, Edit, Span
from tests.support.places import REPOSITORY

CASES = REPOSITORY / "fixtures" / "context"
GOLDEN: list[dict[str, Any]] = [
    {"name": file.stem, **tomllib.loads(file.read_text("utf-8"))} for file in sorted(CASES.glob("*.toml"))
]
BUDGET = 256
# A busy machine must not change what a test sees; that late sources are skipped has a test of its own.
gather = functools.partial(gathering.gather, deadline_ms=60_000)


@dataclass(frozen=True)
class Workspace:
    """A copy of a fixture repository and its index."""

    root: Path
    index: Index

    def cursor(self, path: str, before: str) -> Cursor:
        """Return the place right behind a text that the file holds once, the rest of the line removed."""
        text = (self.root / path).read_text("utf-8")
        assert text.count(before) == 1, f"{before!r} is not in {path} exactly once"
        at = text.index(before) + len(before)
        end = text.index("\n", at)
        self.index.set_overlay(path, text[:at] + text[end:], "")
        document = Document(f"file:///{path}", text[:at] + text[end:], path=str(self.root / path))
        return Cursor(document, at)


def workspace(name: str, folder: Path) -> Workspace:
    root = folder / name
    shutil.copytree(REPOSITORY / "fixtures" / "repos" / name, root)
    building.update(root)
    return Workspace(root, Index(root))


@pytest.fixture
def chinese(tmp_path: Path) -> Iterator[Workspace]:
    opened = workspace("xueji-py", tmp_path)
    yield opened
    opened.index.close()


SMALL = {
    "telemetry/__init__.py": "__all__ = []\n",
    "telemetry/limits.py": "MOST_ROWS = 10\n",
    "metrics.py": "class Metrics:\n    def add_usage(self, n): ...\n    def add_calls(self, n): ...\n",
    "agent.py": (
        "from metrics import Metrics\n\n\nclass Agent:\n    def __init__(self) -> None:\n"
        "        self.counts = Metrics()\n"
    ),
    "book.ipynb": (
        '{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [{"cell_type": "code", '
        '"metadata": {}, "outputs": [], "source": "def gross(net): ..."}]}'
    ),
}


@pytest.mark.parametrize(
    ("path", "text", "wanted"),
    [
        ("app.py", "from telemetry import limits as bounds\n\nx = bounds.", "telemetry/limits.py: MOST_ROWS"),
        (
            "work.py",
            "from agent import Agent\n\n\ndef run(agent: Agent):\n    agent.counts.add_usage(1)\n    ",
            "metrics.py: add_calls",
        ),
        ("use.py", "total = gross", "book.ipynb: gross"),
    ],
    ids=["a module by another name", "a chain", "a notebook"],
)
def test_what_a_place_leads_to(path: str, text: str, wanted: str, tmp_path: Path) -> None:
    for name, content in {**SMALL, path: text}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content, "utf-8")
    building.update(tmp_path)
    index = Index(tmp_path)
    cursor = Cursor(Document(f"file:///{path}", text, path=str(tmp_path / path)), len(text))
    found = gather(cursor, path, index, BUDGET, estimate)
    assert wanted in {f"{snippet.path}: {snippet.name}" for snippet in found.kept}
    index.close()


@pytest.mark.parametrize("case", GOLDEN, ids=lambda case: case["name"])
def test_what_is_kept(case: dict[str, Any], tmp_path: Path) -> None:
    """Adding a case is adding a file: the place, what has to be kept, what must not be."""
    opened = workspace(case["repo"], tmp_path)
    found = gather(
        opened.cursor(case["file"], case["before"]), case["file"], opened.index, case["tokens"], estimate
    )
    kept = {f"{snippet.path}: {snippet.name}": snippet.source for snippet in found.kept}
    for wanted in case["kept"]:
        assert wanted["snippet"] in kept, f"kept: {sorted(kept)}"
        assert kept[wanted["snippet"]] == wanted["source"]
    assert not {name for name in case.get("not_kept", []) if name in kept}
    written = "\n".join(text for _, text in found.files)
    for line in case.get("written", []):
        assert line in written
    opened.index.close()


def test_every_golden_case_is_read() -> None:
    assert len(GOLDEN) >= 6


def places(opened: Workspace) -> list[tuple[str, int]]:
    """Some places in every file of a workspace, the same ones each time."""
    found = []
    for file in sorted(opened.root.rglob("*.py")):
        text = file.read_text("utf-8")
        path = file.relative_to(opened.root).as_posix()
        found += [(path, len(text) * part // 5) for part in range(6)]
    return found


def at(opened: Workspace, path: str, offset: int) -> Cursor:
    text = (opened.root / path).read_text("utf-8")
    return Cursor(Document(f"file:///{path}", text, path=str(opened.root / path)), offset)


def test_the_budget_holds_at_every_place(chinese: Workspace) -> None:
    for path, offset in places(chinese):
        for budget in (0, 20, 64, 256, 1024):
            found = gather(at(chinese, path, offset), path, chinese.index, budget, estimate)
            written = "".join(f"{path}\n{text}\n" for path, text in found.files)
            assert estimate(written) <= budget, (path, offset, budget)
            assert found.tokens <= budget


def test_the_same_place_gives_the_same_context(chinese: Workspace) -> None:
    for path, offset in places(chinese)[::3]:
        first, second = (
            gather(at(chinese, path, offset), path, index, BUDGET, estimate)
            for index in (chinese.index, Index(chinese.root))
        )
        assert (first.snippets, first.files) == (second.snippets, second.files)


def test_nothing_is_kept_twice_and_nothing_that_the_prompt_shows(chinese: Workspace) -> None:
    for path, offset in places(chinese):
        cursor = at(chinese, path, offset)
        found = gather(cursor, path, chinese.index, 512, estimate, shown=Span(0, len(cursor.document.text)))
        spans = [(one.path, one.span.start, one.span.end) for one in found.kept]
        assert len(spans) == len(set(spans))
        assert path not in {one.path for one in found.kept}


def test_the_parts_sum_up_to_the_score(chinese: Workspace) -> None:
    path, offset = places(chinese)[10]
    for snippet in gather(at(chinese, path, offset), path, chinese.index, BUDGET, estimate).snippets:
        assert snippet.score == pytest.approx(sum(snippet.parts.values()), abs=0.01)


def test_late_sources_are_skipped_and_named(chinese: Workspace) -> None:
    path, offset = places(chinese)[10]
    found = gather(at(chinese, path, offset), path, chinese.index, BUDGET, estimate, deadline_ms=-1)
    assert found.snippets == ()
    assert {"receiver", "similar"} <= set(found.late)


def test_no_index_is_no_context(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("from b import c\nc.\n", "utf-8")
    found = gather(
        Cursor(Document("file:///a.py", "from b import c\nc.\n"), 18), "a.py", Index(tmp_path), 256, estimate
    )
    assert found.files == ()


@given(text=st.text(max_size=400), offset=st.integers(0, 400), budget=st.integers(0, 400))
@settings(max_examples=60, deadline=None)
def test_no_text_is_too_strange(text: str, offset: int, budget: int, tmp_path_factory: Any) -> None:
    root = tmp_path_factory.getbasetemp() / "strange"
    root.mkdir(exist_ok=True)
    cursor = Cursor(Document("file:///a.py", text), min(offset, len(text)))
    assert gather(cursor, "a.py", Index(root), budget, estimate).tokens <= budget


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steady_context, "_TYPING_MS", 60_000)
    monkeypatch.setattr(steady_context, "_IDLE_MS", 60_000)


def typed(opened: Workspace, steady: SteadyContext, cursor: Cursor, path: str, text: str) -> list[Any]:
    """Type a text key by key and return what the prompt showed at each key."""
    document, offset = cursor.document, cursor.offset
    shown = [steady.files(Cursor(document, offset), path, BUDGET)]
    for char in text:
        document = document.with_edit(Edit(Span(offset, offset), char), document.version + 1)
        offset += 1
        shown.append(steady.files(Cursor(document, offset), path, BUDGET))
        opened.index.set_overlay(path, document.text, "")  # as when the typing pauses after each key
    return shown


def test_fifty_characters_in_one_scope_change_nothing(chinese: Workspace) -> None:
    path = "xueji/transcript.py"
    cursor = chinese.cursor(path, "    名单 = 库.")
    steady = SteadyContext(chinese.index, estimate)
    text = "班级名单(班级)\n    首位 = 名单[0].姓名 if 名单 else '无人'\n    x = [\n      "
    assert len(text) >= 50
    shown = typed(chinese, steady, cursor, path, text)
    assert shown[0]
    assert all(files == shown[0] for files in shown)


def test_another_scope_and_a_quiet_moment_choose_again(chinese: Workspace) -> None:
    path = "xueji/transcript.py"
    cursor = chinese.cursor(path, "    名单 = 库.")
    steady = SteadyContext(chinese.index, estimate)
    first = steady.files(cursor, path, BUDGET)
    assert steady.refresh(cursor, path, BUDGET, is_cheap=True) is False
    elsewhere = Cursor(cursor.document, cursor.document.text.index("未过 = ") + 5)
    assert steady.files(elsewhere, path, BUDGET) != first
    assert isinstance(steady.last(path), Gathered)
    steady.forget(path)
    assert steady.last(path) is None


def test_typing_a_new_function_keeps_what_is_shown_until_a_pause(chinese: Workspace) -> None:
    path = "xueji/transcript.py"
    cursor = chinese.cursor(path, "    名单 = 库.")
    steady = SteadyContext(chinese.index, estimate)
    shown = typed(chinese, steady, cursor, path, "所有()\n\n\ndef 打印成绩单(学号: str) -> None:\n    库.")
    assert all(files == shown[0] for files in shown), "the prompt that was read is not lost"
    text = "所有()\n\n\ndef 打印成绩单(学号: str) -> None:\n    库."
    document = cursor.document.with_edit(Edit(Span(cursor.offset, cursor.offset), text), 9)
    after = Cursor(document, cursor.offset + len(text))
    before = steady.last(path)
    steady.refresh(after, path, BUDGET, is_cheap=False)
    assert steady.last(path) is not before, "another scope: chosen again when nobody types"
    before = steady.last(path)
    assert steady.refresh(after, path, BUDGET, is_cheap=False) is False
    assert steady.last(path) is before, "in one scope a slow machine keeps what it has read"


def test_recent_doings_are_offered(chinese: Workspace) -> None:
    recent = RecentActivity()
    before = Document("file:///grades.py", (chinese.root / "xueji/grades.py").read_text("utf-8"))
    at = before.text.index("return 0.0")
    edit = Edit(Span(at, at + len("return 0.0")), "return 默认绩点")
    after = before.with_edit(edit, 1)
    recent.edited("xueji/grades.py", Change(before, after, (edit,)))
    recent.copied("xueji/roster.py", "self._成绩.append(新成绩)")
    recent.copied("xueji/roster.py", "x")  # too short to be a hint
    recent.viewed("xueji/csvfile.py", after, 0)
    now = recent.now()
    assert [one.source for one in (*now.edits, *now.copied, *now.viewed)] == ["edit", "copied", "viewed"]
    assert "默认绩点" in now.edits[0].text
    cursor = chinese.cursor("xueji/transcript.py", "    名单 = 库.")
    found = gather(cursor, "xueji/transcript.py", chinese.index, 1024, estimate, recent=now)
    assert {"edit", "copied"} <= {snippet.source for snippet in found.kept}


def test_edits_close_together_are_one_hunk(chinese: Workspace) -> None:
    recent = RecentActivity()
    document = Document("file:///a.py", "a = 1\n" * 100)
    for line in (10, 11, 12, 60):
        edit = Edit(Span(6 * line, 6 * line + 1), "b")
        after = document.with_edit(edit, document.version + 1)
        recent.edited("a.py", Change(document, after, (edit,)))
        document = after
    assert len(recent.now().edits) == 2
    assert recent.now().edits[1].text.count("b = 1") == 3
