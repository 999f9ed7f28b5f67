"""A model's speed, measured once."""

from __future__ import annotations

from qwen_lsp.model import calibrate
from qwen_lsp.model.client import Client
from tests.support.engine_server import EngineServer, says


async def test_the_speed_of_an_engine_is_what_it_reports(engine: EngineServer, llama: Client) -> None:
    engine.answer = says("one two three four", between_s=0.001)
    measured = await calibrate.measure(llama)
    assert measured is not None
    assert measured.read > 0
    assert measured.write > 0


async def test_an_empty_answer_is_no_measurement(engine: EngineServer, llama: Client) -> None:
    engine.answer = says("")
    assert await calibrate.measure(llama) is None
