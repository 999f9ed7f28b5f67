"""Reviews with the real model: its probabilities, answers that keep to the change and are asked for once."""

from __future__ import annotations

import asyncio
import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types

from qwen_lsp.bench import editor as lsp_session
from qwen_lsp.lsp.review_shown import REVIEW
from qwen_lsp.model import catalog, likelihood, store
from qwen_lsp.model.catalog import Profile
from qwen_lsp.model.engine import Engine
from qwen_lsp.model.fim import render
from qwen_lsp.review.find.infill import Limits, Suspicion, suspicion
from qwen_lsp.review.find.passes import EngineModel, Shared
from qwen_lsp.review.find.surroundings import Hole
from qwen_lsp.review.find.unlikely import BARS, RULE
from qwen_lsp.syntax import languages
from tests.model.conftest import READY_S

pytestmark = pytest.mark.model

# The smallest model that review by completion is on for, and what is there before a test is isolated.
LARGER = next(iter(BARS))
HAS_LARGER = store.path(catalog.find(LARGER)) is not None

AFTER = """def last(items):
    for index in range(len(items)):
        print(items[index + 1])
    return items[-1]
"""
HEAD = "--- /dev/null\n+++ b/last.py\n@@ -0,0 +1,4 @@\n"
DIFF = HEAD + "".join(f"+{line}\n" for line in AFTER.splitlines())


def review(folder: Path) -> Any:
    ran = subprocess.run(
        (sys.executable, "-m", "qwen_lsp", "review", "--stdin", "--model-pass", "--format", "json"),
        input=DIFF,
        cwd=folder,
        capture_output=True,
        encoding="utf-8",
        timeout=READY_S,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


def test_a_pass_of_the_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    first, second = review(tmp_path), review(tmp_path)
    known = {record["name"]: record for record in first["coverage"]["passes"]}
    assert {"questions"} <= set(known) <= {"completion", "questions"}
    for record in known.values():
        assert record["units"] > 0
        assert (record["cached"], record["failed"], record["problem"]) == (0, 0, "")
    lines = AFTER.split("\n")
    for finding in first["findings"]:
        assert finding["quote"] in lines[finding["range"]["start"]["line"] - 1]
    for record in second["coverage"]["passes"]:
        assert (record["cached"], record["failed"]) == (record["units"], 0)
    assert second["findings"] == first["findings"]


BEFORE_HOLE = """# programs/find_in_sorted.py
def find_in_sorted(arr, x):
    def binsearch(start, end):
        if start == end:
            return -1
        mid = start + (end - start) // 2
        if x < arr[mid]:
            return binsearch(start, mid)
        elif x > arr[mid]:
"""
AFTER_HOLE = "        else:\n            return mid\n\n    return binsearch(0, len(arr))\n"
TEXT = f"{BEFORE_HOLE.split(chr(10), 1)[1]}{{line}}\n{AFTER_HOLE}"
WRONG, RIGHT = (f"            return binsearch({bounds}, end)" for bounds in ("mid", "mid + 1"))


@pytest.mark.asyncio(loop_scope="module")
async def test_probabilities_are_those_before_the_grammar(engine: Engine, profile: Profile) -> None:
    client = await engine.ready()
    prompt = render(profile.tokens, profile.fim_layout, BEFORE_HOLE, AFTER_HOLE)
    passage = await likelihood.read(client, prompt, "            return binsearch(elephant)\n", slot=1)
    assert passage.text == "            return binsearch(elephant)\n"
    odd = min(passage.tokens, key=lambda token: token.logprob)
    best = max(logprob for _, logprob in odd.others)
    assert odd.logprob < -5, "a grammar that allows one token would make it certain"
    assert best > odd.logprob + 4
    for token in passage.tokens:
        assert sum(map(math.exp, (token.logprob, *(logprob for _, logprob in token.others)))) <= 1.01


@pytest.mark.asyncio(loop_scope="module")
async def test_the_model_would_rather_have_another_line(engine: Engine, profile: Profile) -> None:
    async def turn() -> None:
        return

    model = EngineModel(Shared(engine, engine, turn), profile.tokens)
    python = languages.find("python", "")

    async def asked(line: str) -> list[Suspicion]:
        hole = Hole(1, BEFORE_HOLE, AFTER_HOLE, line)
        return await suspicion(
            model, hole, python, lambda name: name in BEFORE_HOLE, Limits(gap=2.0, ratio=1.0, other_ratio=0.0)
        )

    (one,) = await asked(WRONG)
    assert one.candidate == RIGHT
    assert (one.difference.old, one.difference.new) == ("mid", "mid + 1")
    assert await asked(RIGHT) == []


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """A file of a repository, saved as it should be."""
    path = tmp_path / "shop" / "programs" / "find_in_sorted.py"
    path.parent.mkdir(parents=True)
    path.write_text(TEXT.format(line=RIGHT))
    who = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false")
    for command in (("init", "-q", "-b", "main"), ("add", "."), (*who, "commit", "-qm", "one")):
        subprocess.run(("git", "-C", str(tmp_path / "shop"), *command), check=True, capture_output=True)
    return path


@pytest.mark.slow
@pytest.mark.skipif(
    not HAS_LARGER,
    reason=f"needs {LARGER}: `qwen-lsp models pull {LARGER}`; smaller ones are not asked",
)
@pytest.mark.asyncio(loop_scope="module")
async def test_an_editor_is_shown_what_the_model_found(saved: Path) -> None:
    """The file is right in the repository, and wrong in the editor."""
    async with lsp_session.start(saved.parents[1], options={"model.name": LARGER}) as session:
        await session.open(saved.as_uri(), "python", TEXT.format(line=WRONG))
        params = types.ExecuteCommandParams(REVIEW, [{"scope": "workspace"}])
        answer = await asyncio.wait_for(session.request(types.WORKSPACE_EXECUTE_COMMAND, params), 2 * READY_S)
        said = json.loads(json.dumps(answer, default=lambda value: value._asdict()))
    (record,) = said["coverage"]["passes"]
    assert (record["name"], record["units"], record["problem"]) == ("completion", 1, "")
    (found,) = said["findings"]
    assert found["rule"] == RULE
    assert "`mid + 1`" in found["message"]
    assert found["fix"]["newText"] == RIGHT
