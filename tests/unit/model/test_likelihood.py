"""Reading how likely a text is: what the engine is asked, and what is made of its answer."""

from __future__ import annotations

import asyncio

import pytest

from qwen_lsp.errors import EndpointTimeout
from qwen_lsp.model import likelihood
from qwen_lsp.model.client import Client
from tests.support.engine_server import EngineServer, says


async def test_a_text_is_forced_in_its_own_tokens(engine: EngineServer, llama: Client) -> None:
    engine.answer = says("x = 1")
    passage = await likelihood.read(llama, "before", "x = 1", slot=1)
    body = engine.last.body
    tokens = await llama.tokenize("x = 1")
    assert body["grammar"] == "root ::= " + " ".join(f"<[{token}]>" for token in tokens)
    assert (body["n_predict"], body["n_probs"], body["id_slot"]) == (len(tokens), 5, 1)
    assert passage.text == "x = 1"
    assert all(token.logprob <= 0 for token in passage.tokens)


async def test_a_line_ends_at_its_end(engine: EngineServer, llama: Client) -> None:
    engine.answer = says("x = 1\nand more\nand more\n")
    passage = await likelihood.line(llama, "before", "  ", slot=1)
    assert engine.last.body["stop"] == ["\n"]
    assert passage.text.split("\n")[0] == "  x = 1"


async def test_a_deadline_is_kept(engine: EngineServer, llama: Client) -> None:
    engine.answer = says("x", first_s=300.0)
    with pytest.raises(EndpointTimeout):
        await asyncio.wait_for(likelihood.read(llama, "before", "x", slot=1, timeout_s=0.2), 60)
