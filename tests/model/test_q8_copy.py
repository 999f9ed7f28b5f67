"""The copy of the real weights that a processor reads faster: the same answers, and in fewer seconds."""

from __future__ import annotations

import asyncio
from pathlib import Path
from statistics import median

import pytest

from qwen_lsp.model import q8_copy
from qwen_lsp.model.engine import COMPLETION_SLOT, Engine
from qwen_lsp.model.generation import Request
from tests.model.conftest import CONFIG, READY_S

pytestmark = [pytest.mark.model, pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

PROGRAM = "".join(f"def field_{n}(row):\n    return row.names[{n}].strip()\n\n\n" for n in range(16))


async def asked(file: Path) -> tuple[str, list[float], float]:
    """Return what the model writes, how sure it was, and the milliseconds that a prompt token takes."""
    engine = Engine(CONFIG, lambda: file, lambda state: None)
    try:
        client = await asyncio.wait_for(engine.ready(), READY_S)
        text = ""
        logprobs: list[float] = []
        read_ms: list[float] = []
        for n in range(3):
            prompt = f"# File {n}\n{PROGRAM}def field_16(row):\n"
            async with client.stream(Request(prompt, 16, (), COMPLETION_SLOT)) as chunks:
                async for chunk in chunks:
                    text, timings = text + chunk.text, chunk.timings
                    logprobs += chunk.logprobs
            read_ms.append(timings.prompt_ms / (timings.prompt_tokens - timings.cached_tokens))
        return text, logprobs, median(read_ms)
    finally:
        await engine.close()


async def test_the_same_answers_are_read_faster(model_file: Path, tmp_path: Path) -> None:
    file = tmp_path / "model.gguf"
    file.symlink_to(model_file)  # without the copy that lies beside the model itself
    text, sure, file_ms = await asked(file)
    assert q8_copy.is_worthwhile(file)
    copy = q8_copy.path(file)
    q8_copy.make(file, copy)
    try:
        assert q8_copy.best(file) == copy
        same_text, same_sure, copy_ms = await asked(file)
    finally:
        q8_copy.remove(file)
    assert same_text == text
    # Sums of the same numbers in another order differ in rounding.
    assert same_sure == pytest.approx(sure, abs=0.15)
    print(f"a prompt token takes {file_ms:.1f} ms, {copy_ms:.1f} ms with the copy")
    assert copy_ms < file_ms
