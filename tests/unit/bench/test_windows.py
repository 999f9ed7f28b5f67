"""What `bench windows` says of what it has seen. The windows themselves are in tests/model."""

from __future__ import annotations

import json
import os
from collections import Counter

import msgspec
import pytest
from click.testing import CliRunner

from qwen_lsp.bench.windows import run as measured
from qwen_lsp.bench.windows import window
from qwen_lsp.bench.windows.bare import Loop
from qwen_lsp.bench.windows.beside import Beside
from qwen_lsp.bench.windows.run import Report, Seen
from qwen_lsp.child import Child
from qwen_lsp.cli.main import main


def report(questions: int) -> Report:
    seen = Seen(
        2, keys=7, reasons=Counter(unsure=3, timeout=2), own_ms=[3.0, 3.0], bare_ms=[2.0], memory_bytes=10
    )
    seen.mixed.append("oak_row")
    return Report(seen, seen, 1.0, [0.1], Beside([1.0, 2.0], [2.0, 4.0], questions, [2.0], [4.0]))


def test_figures_are_json() -> None:
    values = json.loads(json.dumps(report(questions=1).to_json()))
    assert values["many"]["reasons"] == {"unsure": 3, "timeout": 2}
    assert (values["many"]["errors"], values["many"]["keys"]) == (2, 7)
    assert values["many"]["own_ms"] == {"p50": 3.0, "p95": 3.0}
    assert (values["memory_ratio"], values["bare_p95_ratio"]) == (1.0, 1.0)
    assert values["review_beside"]["with"]["after_a_pause"] == {"n": 1, "p50": 4.0, "most": 4.0}


@pytest.mark.parametrize(("questions", "exit_code"), [(0, 1), (1, 0)])
@pytest.mark.parametrize("options", [[], ["--json"]])
def test_a_review_that_has_answered_nothing_is_a_failure(
    questions: int, exit_code: int, options: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measured, "run", lambda *_: report(questions))
    result = CliRunner().invoke(main, ["bench", "windows", *options])
    assert result.exit_code == exit_code
    assert ("the review answered no question" in result.stderr) == bool(exit_code)
    assert "oak_row" in result.stdout
    assert "after_a_pause" in result.stdout if options else "1 after a pause p50 4 ms" in result.stdout


async def test_a_bare_loop_takes_the_processor_time_that_it_is_told() -> None:
    loop = await Child.start("qwen_lsp.bench.windows.bare", str(os.getpid()))
    try:
        loop.send(msgspec.json.encode(Loop(4.0, 0.5)))
        taken_ms = msgspec.json.decode(await loop.first_line(), type=list[float])
    finally:
        await loop.close(0.0)
    assert taken_ms
    assert min(taken_ms) >= 4.0


def test_a_word_of_another_window_is_a_whole_word() -> None:
    assert window.words("oak_first = Hash(ash_row)") == {"oak", "first", "hash", "ash", "row"}
