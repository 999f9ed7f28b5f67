"""`qwen-lsp complete` and its neighbours as real processes, the scripted engine behind them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from qwen_lsp import __version__
from tests.support import preloaded
from tests.support.editor import editing, within
from tests.support.engine_server import EngineServer, refuses, says
from tests.support.holes import fills_holes
from tests.support.places import split
from tests.support.waiting import DEADLINE_S

pytestmark = pytest.mark.asyncio(loop_scope="module")


@dataclass
class Ran:
    """A command that has ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


async def run(*arguments: str, cwd: Path | None = None) -> Ran:
    process = await asyncio.create_subprocess_exec(
        *preloaded.program(),
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=cwd,
    )
    out, err = await within(process.communicate())
    ran = Ran(process.returncode or 0, out.decode("utf-8"), err.decode("utf-8"))
    assert "Traceback" not in ran.err, ran.err
    return ran


@pytest.fixture
def settings(engine: EngineServer, settings_file: Path) -> Path:
    """A settings file that names the scripted engine."""
    settings_file.parent.mkdir(parents=True, exist_ok=True)
    settings_file.write_text(f'[endpoint]\nurl = "{engine.url}"\n', "utf-8")
    return settings_file


def write(path: Path, marked: str, encoding: str = "utf-8") -> str:
    """Write the file without its mark; return the place as the command takes it."""
    before, after = split(marked)
    path.write_bytes((before + after).encode(encoding))
    lines = before.replace("\r\n", "\n").split("\n")
    return f"{path}:{len(lines)}:{len(lines[-1]) + 1}"


async def test_json(settings: Path, engine: EngineServer, tmp_path: Path) -> None:
    engine.answer = says("sum(prices)")
    place = write(tmp_path / "价 格.py", "def total(prices):\n    s = '😀'; return ║\n")
    ran = await run("complete", place, "--json")
    assert ran.code == 0
    assert set(ran.json) == {"items", "reason", "detail", "model", "timings"}
    (item,) = ran.json["items"]
    where = {"line": 1, "character": 20}
    assert item == {"insertText": "sum(prices)", "range": {"start": where, "end": where}}
    assert ran.json["reason"] is None
    assert ran.json["timings"]["total_ms"] >= ran.json["timings"]["first_text_ms"] > 0
    assert ran.json["timings"]["generated_tokens"] > 0
    assert engine.unknown == []


async def test_in_place(settings: Path, engine: EngineServer, tmp_path: Path) -> None:
    engine.answer = says("sum(prices)")
    place = write(tmp_path / "a.py", "first = 1\n\ndef total(prices):\n    return ║\n\nlast = 2\n")
    ran = await run("complete", place)
    assert ran.code == 0
    assert "    return ⟦sum(prices)⟧" in ran.out
    assert "first = 1" in ran.out
    assert "last = 2" in ran.out
    assert "\x1b" not in ran.out, "no colour where nobody sees it"


async def test_trace(settings: Path, engine: EngineServer, tmp_path: Path) -> None:
    engine.answer = says("sum(prices)  ")
    place = write(tmp_path / "a.py", "def total(prices):\n    return ║\n")
    ran = await run("complete", place, "--json", "--trace")
    assert ran.json["items"], "the JSON stays alone on standard output"
    assert engine.generations[0].prompt.splitlines()[0] in ran.err
    for word in ("trailing_space", "sum(prices)", "probability"):
        assert word in ran.err


async def test_nothing_suggested(settings: Path, engine: EngineServer, tmp_path: Path) -> None:
    engine.answer = refuses(500, "out of memory")
    place = write(tmp_path / "a.py", "x = ║\n")
    ran = await run("complete", place, "--json")
    assert ran.json["items"] == []
    assert ran.json["reason"] == "engine"
    assert "out of memory" in ran.json["detail"]
    shown = await run("complete", place)
    assert "no suggestion (engine)" in shown.out
    assert "out of memory" in shown.out


@pytest.mark.parametrize(
    ("content", "encoding", "answer", "inserted"),
    [
        ("价格 = 总价 / 数量  # 中文注释，说明单价\r\n单价 = ║\r\n", "gb18030", "价格 * 2", "价格 * 2"),
        ("价格 = 1\n单价 = ║\n", "utf-16", "价格", "价格"),
        ("价格 = 1\n单价 = ║\n", "utf-8-sig", "价格", "价格"),
        ("café = 1\nx = ║\n", "latin-1", "café", "café"),
        ("║", "utf-8", "import os", "import os"),
        ("a = 1\r\nb = ║\r\n", "utf-8", "2", "2"),
        ("a = 1\n\f\nb = ║", "utf-8", "2", "2"),
    ],
)
async def test_files_of_all_kinds(
    settings: Path,
    engine: EngineServer,
    tmp_path: Path,
    content: str,
    encoding: str,
    answer: str,
    inserted: str,
) -> None:
    engine.answer = says(answer)
    ran = await run("complete", write(tmp_path / "a.py", content, encoding), "--json")
    assert ran.code == 0
    assert [item["insertText"] for item in ran.json["items"]] == [inserted], ran.json


@pytest.mark.parametrize(
    ("place", "said"),
    [("a.py:3:1", "has 2 lines; line 3 does not exist"), ("a.bin:1:1", "is not a text file")],
)
async def test_a_place_that_is_none_is_one_line_of_error(
    settings: Path, engine: EngineServer, tmp_path: Path, place: str, said: str
) -> None:
    (tmp_path / "a.py").write_text("x = 1\n", "utf-8")
    (tmp_path / "a.bin").write_bytes(b"\x7fELF\0\0")
    ran = await run("complete", str(tmp_path / place), "--json")
    assert ran.code == 2
    assert ran.out == ""
    assert ran.err.startswith("error: ")
    assert ran.err.count("\n") == 1
    assert said in ran.err
    assert engine.generations == []


async def test_the_path_in_the_repository_is_what_the_model_sees(
    settings: Path, engine: EngineServer, tmp_path: Path
) -> None:
    repository = tmp_path / "repository"
    (repository / "src").mkdir(parents=True)
    git = await asyncio.create_subprocess_exec("git", "init", "-q", str(repository))
    assert await within(git.wait()) == 0
    place = write(repository / "src" / "a.py", "x = ║\n")
    await run("complete", place, "--json")
    assert "# src/a.py\n" in engine.generations[0].prompt
    engine.generations.clear()
    relative = Path(place).relative_to(repository / "src")
    await run("complete", str(relative), "--json", cwd=repository / "src")
    assert "# src/a.py\n" in engine.generations[0].prompt


async def test_the_prompt_shows_what_other_files_hold(
    settings: Path, engine: EngineServer, tmp_path: Path
) -> None:
    """As in an editor that has the repository open; without an index the file stands alone."""
    repository = tmp_path / "shop"
    repository.mkdir()
    git = await asyncio.create_subprocess_exec("git", "init", "-q", str(repository))
    assert await within(git.wait()) == 0
    (repository / "prices.py").write_text(
        "def discounted_total(prices: list[int], percent: int) -> int:\n    return 0\n", "utf-8"
    )
    text = "from prices import discounted_total\n\n\ndef pay(prices):\n    return discounted_total(║)\n"
    place = write(repository / "pay.py", text)
    base = settings.read_text("utf-8")
    for index, is_shown in (("true", True), ("false", False)):
        more = f"[completion]\nsnippetTokens = 300\n[context]\nindex = {index}\n"
        settings.write_text(base + more, "utf-8")
        await run("complete", place, "--json")
        assert ("percent: int" in engine.last.prompt) == is_shown


# Else they follow the speed that each run has measured.
_SIZES = "snippetTokens = 300\nprefixTokens = 600\nsuffixTokens = 100\n"


async def test_the_prompt_is_the_one_of_an_editor_with_the_same_root(
    settings: Path, engine: EngineServer, tmp_path: Path
) -> None:
    """Path, window, pieces of other files: what one shows at a place, the other does."""
    repository = tmp_path / "shop"
    (repository / "src").mkdir(parents=True)
    git = await asyncio.create_subprocess_exec("git", "init", "-q", str(repository))
    assert await within(git.wait()) == 0
    (repository / "src" / "prices.py").write_text(
        "def discounted_total(prices: list[int], percent: int) -> int:\n    return 0\n", "utf-8"
    )
    filler = "".join(f"RATE_{number} = {number}\n" for number in range(400))
    marked = (
        f"from prices import discounted_total\n\n{filler}\ndef pay(prices):\n    return discounted_total(║)\n"
    )
    place = write(repository / "src" / "pay.py", marked)
    settings.write_text(settings.read_text("utf-8") + "[completion]\n" + _SIZES, "utf-8")
    await run("complete", place, "--json")
    seen = engine.last.prompt
    assert "percent: int" in seen

    async with editing(engine, repository) as editor:
        asked = await editor.open(marked, uri=(repository / "src" / "pay.py").as_uri())

        async def prompt() -> str:
            await editor.suggest(asked)
            return str((await editor.why(asked.uri)).prompt)

        last = await prompt()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(
                DEADLINE_S
            ):  # the index is ready some time after the folder was opened
                while last != seen:
                    await asyncio.sleep(0.1)
                    last = await prompt()
        assert last == seen


async def test_without_a_model(tmp_path: Path) -> None:
    ran = await run("complete", write(tmp_path / "a.py", "x = ║\n"), "--json")
    assert ran.json["items"] == []
    assert ran.json["reason"] == "model"
    assert "qwen-lsp models pull" in ran.json["detail"]


async def test_a_broken_settings_file_is_told_and_survived(settings_file: Path, tmp_path: Path) -> None:
    settings_file.parent.mkdir(parents=True, exist_ok=True)
    settings_file.write_text("[model\n", "utf-8")
    ran = await run("config", "show")
    assert ran.code == 0
    assert ran.err.startswith("warning: ")
    assert str(settings_file) in ran.err


async def test_config(settings: Path, engine: EngineServer) -> None:
    schema = await run("config", "schema")
    assert schema.json["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    shown = await run("config", "show")
    head, _, body = shown.out.partition("\n")
    assert head == f"# {settings}"
    assert json.loads(body)["endpoint"]["url"] == engine.url


async def test_doctor_with_an_endpoint(settings: Path, engine: EngineServer) -> None:
    engine.script = fills_holes
    ran = await run("doctor", "--json")
    assert ran.code == 0
    checks = {check["name"]: check for check in ran.json}
    assert {"python", "grammars", "settings", "machine", "model", "engine"} <= set(checks)
    assert [check for check in ran.json if check["status"] == "failed"] == []
    assert checks["FIM markers"]["status"] == "ok"


async def test_doctor_without_a_model_says_what_to_do() -> None:
    ran = await run("doctor")
    assert ran.code == 1
    assert "→ qwen-lsp models pull" in ran.out


async def test_doctor_with_a_dead_endpoint(settings: Path, engine: EngineServer) -> None:
    engine.is_loading = True
    ran = await run("doctor", "--json")
    assert ran.code == 1
    (failed,) = [check for check in ran.json if check["status"] == "failed"]
    assert failed["name"] == "engine"
    assert failed["remedy"]


async def test_version_and_help() -> None:
    assert (await run("--version")).out.strip().endswith(__version__)
    assert "complete" in (await run("--help")).out
    assert (await run("no-such-command")).code == 2


async def test_output_that_nobody_reads_is_no_crash(settings: Path) -> None:
    read, write_end = os.pipe()
    os.close(read)  # as `| head` does when it has seen enough
    try:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "qwen_lsp", "config", "schema"),
            stdout=write_end,
            stderr=asyncio.subprocess.PIPE,
        )
    finally:
        os.close(write_end)
    _, errors = await within(process.communicate())
    assert b"Traceback" not in errors
