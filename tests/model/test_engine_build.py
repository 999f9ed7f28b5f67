"""`qwen-lsp engine build` with the real source, compiler and model: what comes serves, or is not kept."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from qwen_lsp.model import native, native_build
from qwen_lsp.model.engine import Engine
from qwen_lsp.model.generation import Request
from tests.model.conftest import CONFIG, READY_S

BUILD_S = 5400.0
MISSING = [name for name in native_build.TOOLS if shutil.which(name) is None]

pytestmark = [
    pytest.mark.model,
    pytest.mark.slow,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(sys.platform != "linux", reason="an engine is compiled on Linux only"),
    pytest.mark.skipif(bool(MISSING), reason=f"{', '.join(MISSING)} is missing: apt install cmake g++ make"),
]


def build(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        (sys.executable, "-m", "qwen_lsp", "engine", "build", *arguments),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=BUILD_S,
        check=False,
    )


async def test_what_is_compiled_serves_or_is_not_kept(
    model_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PIP_NO_INDEX", raising=False)
    ran = await asyncio.to_thread(build)
    print(ran.stdout, ran.stderr)
    assert not list(native.folder().glob("tmp*")), "the source and the objects are gone"
    if ran.returncode:
        assert "it is not used, as it is not faster: reads" in ran.stderr
        assert native.built() is None
        assert native_build.untried(), "another trial compiles nothing"
        assert build("--remove").stdout == "deleted\n"
        assert native_build.untried() is None
        return
    assert ran.stdout.startswith("kept, and used from now on: reads")
    engine = Engine(CONFIG, lambda: model_file, lambda state: None)
    try:
        client = await asyncio.wait_for(engine.ready(), READY_S)
        programs = [child.name() for child in psutil.Process(engine.pid).children(recursive=True)]
        async with client.stream(Request("def add(a, b):\n    return a +", 3)) as chunks:
            text = "".join([chunk.text async for chunk in chunks])
    finally:
        await engine.close()
    assert programs == ["llama-server"]
    assert text.startswith(" b")
    assert build("--remove").stdout == "deleted\n"
    assert native.built() is None
