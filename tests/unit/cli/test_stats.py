"""`qwen-lsp stats`: numbers for people and for scripts, and a way to forget them."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from qwen_lsp.cli.main import main
from qwen_lsp.completion.stats import database, report
from tests.support.isolation import isolate_user

TODAY = date.today()


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    isolate_user(monkeypatch, tmp_path / "home")


def run(*arguments: str) -> Result:
    result = CliRunner().invoke(main, ["stats", *arguments])
    assert result.exit_code == 0, result.output
    return result


def count(language: str = "python", ago: int = 0, **events: int) -> None:
    day = (TODAY - timedelta(days=ago)).isoformat()
    database.add({(day, language, name): n for name, n in events.items()}, database.stats_file())


def row(output: str, first: str) -> list[str]:
    (line,) = [line for line in output.splitlines() if line.split()[:1] == [first]]
    return line.split()[1:]


def test_nothing_yet() -> None:
    assert "nothing was counted yet" in run().stdout


def test_the_table() -> None:
    count(shown=8, accepted=2, partly=1, dismissed=3, typed_through=1, characters=120, kept=1, kept_of=2)
    count("go", shown=2)
    database.add({(TODAY.isoformat(), "go", "held:syntax"): 5}, database.stats_file())
    database.add({(TODAY.isoformat(), "go", "latency:100"): 5}, database.stats_file())
    output = run().stdout
    assert " ".join(row(output, "python")) == "8 2 (25 %) 1 3 1 1 (50 %) 120"
    assert " ".join(row(output, "go")) == "2 0 (0 %) 0 0 0 - 0"
    assert " ".join(row(output, "all")) == "10 2 (20 %) 1 3 1 1 (50 %) 120"
    assert row(output, "syntax") == ["5"]
    assert "median 75 ms, p95 98 ms" in output
    assert str(database.stats_file()) in output


def test_days() -> None:
    count(shown=1)
    count(ago=5, shown=10)
    assert row(run("--days", "5").stdout, "python")[0] == "1"
    assert row(run("--days", "6").stdout, "python")[0] == "11"


def test_json() -> None:
    count(shown=8, accepted=2)
    printed = json.loads(run("--json").stdout)
    assert printed == report.read(30, database.stats_file()).to_json()
    assert printed["total"]["accepted"] == 2


def test_reset() -> None:
    count(shown=8)
    run("--reset")
    assert report.read(30, database.stats_file()).total == {}
    run("--reset")
