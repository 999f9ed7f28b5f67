"""A llama-server of the user's own, as a script: the scripted engine in a process, and how it was started."""

from __future__ import annotations

import json
import stat
import sys
from pathlib import Path
from typing import Any

from tests.support import gguf_file, stand_in_fast
from tests.support.places import REPOSITORY

STAND_IN = """#!{python}
import asyncio, json, os, sys
sys.path.insert(0, {repository!r})
from pathlib import Path
from tests.support.engine_server import EngineServer, running, says

async def main():
    port = int(sys.argv[sys.argv.index("--port") + 1])
    key = Path(sys.argv[sys.argv.index("--api-key-file") + 1]).read_text()
    engine = EngineServer(answer=says("return 1", first_s={first_s}), api_key=key, port=port)
    async with running(engine):
        said = {{"pid": os.getpid(), "arguments": sys.argv[1:], "variables": dict(os.environ)}}
        Path({reported!r}).write_text(json.dumps(said))
        print("standard output is not the protocol's here either", flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


class Program:
    """The stand-in and what it tells of itself when it runs."""

    def __init__(self, folder: Path) -> None:
        self.reported = folder / "answer.json"
        self.path = folder / "llama-server"
        self.model = folder / "model.gguf"
        self.model.write_bytes(gguf_file.model())
        self.answers_after(0.0)

    def answers_after(self, seconds: float) -> None:
        """Let each answer begin so long after its request; for the next start."""
        text = STAND_IN.format(
            python=sys.executable, repository=str(REPOSITORY), reported=str(self.reported), first_s=seconds
        )
        self.path.write_text(text, "utf-8")
        self.path.chmod(self.path.stat().st_mode | stat.S_IXUSR)

    def tells(self) -> dict[str, Any]:
        reported: dict[str, Any] = json.loads(self.reported.read_text("utf-8"))
        return reported

    @property
    def pid(self) -> int:
        return int(self.tells()["pid"])


class FastProgram(Program):
    """One that starts in a few milliseconds and knows one answer, for tests that start it often."""

    def answers_after(self, seconds: float) -> None:
        """It answers at once, always."""
        assert not seconds
        text = Path(stand_in_fast.__file__).read_text("utf-8")
        self.path.write_text(f"#!{sys.executable} -ISE\n{text}", "utf-8")
        self.path.chmod(self.path.stat().st_mode | stat.S_IXUSR)

    def is_out_of_memory(self, times: int) -> None:
        """Be killed in the middle of loading so often."""
        (self.path.parent / "out-of-memory").write_text(str(times))
