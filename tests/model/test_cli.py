"""`qwen-lsp complete` and `doctor` with the real model, each from a cold start to a stopped engine."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.model.conftest import READY_S
from tests.support.places import FIXTURES, split

pytestmark = pytest.mark.model

SCENE = FIXTURES / "repos" / "inventory-py" / "inventory" / "models.py"


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    ran = subprocess.run(
        (sys.executable, "-m", "qwen_lsp", *arguments),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=READY_S,
        check=False,
    )
    assert "Traceback" not in ran.stderr, ran.stderr
    # The engine that it started is gone with it.
    children = psutil.Process().children(recursive=True)
    assert not [child for child in children if "qwen_lsp.model.engine_host" in child.cmdline()]
    return ran


def write(path: Path, marked: str, encoding: str = "utf-8") -> str:
    before, after = split(marked)
    path.write_bytes((before + after).encode(encoding))
    lines = before.replace("\r\n", "\n").split("\n")
    return f"{path}:{len(lines)}:{len(lines[-1]) + 1}"


@pytest.mark.slow
def test_a_place_in_a_repository() -> None:
    lines = SCENE.read_text("utf-8").split("\n")
    number = next(number for number, line in enumerate(lines) if "return self.unit_price" in line)
    column = lines[number].index("self.unit_price")
    ran = run("complete", f"{SCENE}:{number + 1}:{column + 1}", "--json", "--trace")
    assert ran.returncode == 0
    shown = json.loads(ran.stdout)
    assert set(shown) >= {"items", "reason", "timings"}
    for item in shown["items"]:
        assert item["insertText"]
        assert item["range"]["start"] == {"line": number, "character": column}
    assert shown["items"] or shown["reason"]
    assert shown["timings"]["prompt_tokens"] > 100
    assert "unit_price" in ran.stderr, "the trace has the prompt"


@pytest.mark.slow
def test_a_file_in_gb18030(tmp_path: Path) -> None:
    marked = "def 总价(单价, 数量):\r\n    # 返回单价与数量的乘积\r\n    return ║\r\n"
    ran = run("complete", write(tmp_path / "价格.py", marked, "gb18030"), "--json")
    assert ran.returncode == 0
    shown = json.loads(ran.stdout)
    assert shown["items"], shown
    assert "单价" in shown["items"][0]["insertText"]


@pytest.mark.slow
def test_an_empty_file(tmp_path: Path) -> None:
    ran = run("complete", write(tmp_path / "empty.py", "║"), "--json")
    assert ran.returncode == 0
    shown = json.loads(ran.stdout)
    assert bool(shown["items"]) != bool(shown["reason"])


def test_on_a_terminal(tmp_path: Path) -> None:
    ran = run("complete", write(tmp_path / "a.py", "def add(first, second):\n    return ║\n"))
    assert ran.returncode == 0
    assert "⟦first + second⟧" in ran.stdout


def test_doctor() -> None:
    ran = run("doctor", "--json")
    checks = {check["name"]: check for check in json.loads(ran.stdout)}
    assert ran.returncode == 0, ran.stdout
    assert checks["model"]["status"] == "ok"
    assert checks["engine"]["status"] == "ok"
    assert checks["FIM markers"]["status"] == "ok"
    assert "tokens/s" in checks["speed"]["detail"]
    assert checks["grammars"]["status"] == "ok"
