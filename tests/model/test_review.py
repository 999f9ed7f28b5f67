"""`qwen-lsp review --model-pass` with the real model: answers keep to the change, and are asked for once."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.model.conftest import READY_S

pytestmark = pytest.mark.model

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
    (record,) = first["coverage"]["passes"]
    assert (record["units"], record["cached"], record["failed"]) == (1, 0, 0)
    lines = AFTER.split("\n")
    for finding in first["findings"]:
        assert finding["quote"] in lines[finding["range"]["start"]["line"] - 1]
    (record,) = second["coverage"]["passes"]
    assert (record["cached"], record["failed"]) == (1, 0)
    assert second["findings"] == first["findings"]
