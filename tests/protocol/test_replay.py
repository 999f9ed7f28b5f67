"""The replay through a real session: what the editor of our own policy sends, sees and counts."""

from __future__ import annotations

import pytest

from qwen_lsp.bench.replay.playing import Stroke, play
from qwen_lsp.bench.replay.policies import our_server
from qwen_lsp.bench.replay.traces import Trace
from qwen_lsp.bench.replay.typist import TimedEdit
from qwen_lsp.config import Config
from tests.support.engine_server import EngineServer, endless, says

pytestmark = pytest.mark.asyncio(loop_scope="module")

BEFORE = "def add(alpha, beta):\n    "
PATIENT_MS = 5000.0


def trace_of(*keys: tuple[float, str]) -> Trace:
    """A trace that types at the end of BEFORE, each key after its own pause."""
    edits, now_ms, at = [], 0.0, len(BEFORE)
    for pause_ms, text in keys:
        now_ms += pause_ms
        edits.append(TimedEdit(now_ms, at, at, text))
        at += len(text)
    files = {"src/other.py": "OTHER = 1\n"}
    return Trace("t", "src/a.py", "python", BEFORE + "\n", tuple(edits), files, None, ("src/other.py",))


async def played(engine: EngineServer, trace: Trace) -> list[Stroke]:
    options = {"endpoint.url": engine.url, "endpoint.kind": "llama"}
    async with our_server(trace, Config(), options) as editor:
        return await play(trace, editor, "words")


async def test_an_answer_in_time_is_shown_judged_and_accepted(engine: EngineServer) -> None:
    engine.answer = says("eturn alpha + beta")
    keys = [(0.0, "r"), (PATIENT_MS, "e"), *((20.0, char) for char in "turn alpha + beta")]
    strokes = await played(engine, trace_of(*keys))
    assert [stroke.action for stroke in strokes] == ["open", "key", "accept"]
    assert strokes[1].shown == "eturn alpha + beta"
    assert strokes[1].is_right
    assert strokes[2].keys == len(keys) - 1
    assert strokes[1].cost.source
    assert strokes[1].cost.is_asked


async def test_keys_that_come_before_the_answer_cancel_it(engine: EngineServer) -> None:
    engine.answer = endless()
    strokes = await played(engine, trace_of(*((20.0, char) for char in "pass  # 再见")))
    assert len(strokes) == 1 + len("pass  # 再见")
    assert all(stroke.cost.is_asked for stroke in strokes)
