"""The counters on disk: they add up, from several processes too, and survive a damaged file."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
from collections.abc import Coroutine
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from qwen_lsp.completion.stats import database
from qwen_lsp.completion.stats.database import add, reset
from qwen_lsp.completion.stats.recorder import Recorder
from qwen_lsp.completion.stats.report import read
from tests.support.isolation import isolate_user
from tests.support.waiting import until

TODAY = date.today().isoformat()


def day(ago: int) -> str:
    return (date.today() - timedelta(days=ago)).isoformat()


@pytest.fixture
def file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    isolate_user(monkeypatch, tmp_path / "home")
    file = database.stats_file()
    assert file.is_relative_to(tmp_path)
    return file


def is_there(file: Path) -> bool:
    return file.exists()


@pytest.fixture
def recorder(file: Path) -> Recorder:
    return Recorder(lambda: True, lambda work: None)


def test_nothing_was_counted(file: Path) -> None:
    report = read(30, file)
    assert report.total == {}
    assert report.latency_p50_ms is None
    assert not file.exists(), "looking leaves no trace"


def test_counts_add_up_by_language_and_day(file: Path) -> None:
    add({(TODAY, "python", "shown"): 3, (TODAY, "python", "accepted"): 1}, file)
    add({(TODAY, "python", "shown"): 2, (day(1), "go", "shown"): 9}, file)
    report = read(30, file)
    assert report.total == {"shown": 14, "accepted": 1}
    assert list(report.languages.items()) == [("go", {"shown": 9}), ("python", {"shown": 5, "accepted": 1})]
    assert report.days == {day(1): {"shown": 9}, TODAY: {"shown": 5, "accepted": 1}}


def test_only_the_days_asked_for(file: Path) -> None:
    add({(day(ago), "c", "shown"): 1 for ago in range(10)}, file)
    assert read(1, file).total == {"shown": 1}
    assert read(3, file).total == {"shown": 3}
    assert (read(3, file).first_day, read(3, file).last_day) == (day(2), TODAY)


def test_old_days_are_dropped(file: Path) -> None:
    add({(day(400), "c", "shown"): 1, (day(300), "c", "shown"): 1}, file)
    add({(TODAY, "c", "shown"): 1}, file)
    assert read(1000, file).total == {"shown": 2}


def test_reset(file: Path) -> None:
    reset(file)
    assert not file.exists()
    add({(TODAY, "c", "shown"): 1}, file)
    reset(file)
    assert read(30, file).total == {}


async def test_what_is_held_back_is_counted_by_rule(file: Path, recorder: Recorder) -> None:
    for rule in ("syntax", "unsure", "syntax"):
        recorder.held_back("python", rule)
    recorder.held_back("go", "syntax")
    await recorder.flush()
    report = read(30, file)
    assert list(report.held_back.items()) == [("syntax", 3), ("unsure", 1)]
    assert report.total == {}


@pytest.mark.parametrize(
    ("latencies_ms", "p50", "p95"),
    [
        ([45.0] * 100, (20, 50), (20, 50)),
        ([5.0] * 90 + [700.0] * 10, (0, 10), (600, 800)),
        ([120_000.0], (10_000, 30_000), (10_000, 30_000)),
        ([50.0], (20, 50), (20, 50)),
    ],
)
async def test_latency_percentiles_are_right_to_a_class(
    file: Path,
    recorder: Recorder,
    latencies_ms: list[float],
    p50: tuple[float, float],
    p95: tuple[float, float],
) -> None:
    for ms in latencies_ms:
        recorder.latency("python", ms)
    await recorder.flush()
    report = read(30, file)
    assert report.latency_p50_ms is not None
    assert report.latency_p95_ms is not None
    assert p50[0] <= report.latency_p50_ms <= p50[1]
    assert p95[0] <= report.latency_p95_ms <= p95[1]


async def test_a_batch_is_written_in_the_background(file: Path) -> None:
    tasks: list[asyncio.Task[None]] = []

    def spawn(work: Coroutine[Any, Any, None]) -> None:
        tasks.append(asyncio.create_task(work))

    recorder = Recorder(lambda: True, spawn, flush_s=0.01)
    recorder.count("python", "shown")
    recorder.count("python", "shown")
    assert not is_there(file), "a request waits for no disk"
    await until(lambda: read(30, file).total == {"shown": 2}, "the counts are written")
    recorder.count("python", "characters", 40)
    await until(lambda: read(30, file).total.get("characters") == 40, "and the next batch too")


async def test_the_switch(file: Path) -> None:
    recorder = Recorder(lambda: False, lambda work: None)
    recorder.count("python", "shown")
    recorder.latency("python", 1)
    recorder.held_back("python", "syntax")
    await recorder.flush()
    assert not is_there(file)


async def test_what_cannot_be_written_now_is_written_later(file: Path, recorder: Recorder) -> None:
    add({(TODAY, "python", "shown"): 1}, file)
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    recorder.count("python", "shown")
    await recorder.flush()
    recorder.count("python", "shown")
    other.execute("COMMIT")
    other.close()
    await recorder.flush()
    assert read(30, file).total == {"shown": 3}


async def test_a_folder_that_cannot_be_made(file: Path, recorder: Recorder) -> None:
    file.parent.parent.mkdir(parents=True)
    file.parent.write_text("a file is in the way")
    recorder.count("python", "shown")
    await recorder.flush()
    file.parent.unlink()
    await recorder.flush()
    assert read(30, file).total == {"shown": 1}


ADD = """
import sys
from pathlib import Path
from qwen_lsp.completion.stats.database import add
for _ in range(50):
    add({(sys.argv[2], "python", "shown"): 1, (sys.argv[2], "python", "characters"): 3}, Path(sys.argv[1]))
"""


def test_two_servers_add_to_one_file(file: Path) -> None:
    command = [sys.executable, "-c", ADD, str(file), TODAY]
    servers = [subprocess.Popen(command) for _ in range(2)]
    assert [server.wait(60) for server in servers] == [0, 0]
    assert read(30, file).total == {"shown": 100, "characters": 300}


def damage_head(data: bytes) -> bytes:
    return b"no database at all" * 100


def damage_middle(data: bytes) -> bytes:
    return data[:4096] + b"\xff" * (len(data) - 4096)


def cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


@pytest.mark.parametrize("damage", [damage_head, damage_middle, cut])
def test_a_damaged_file_is_set_aside_and_begun_again(file: Path, damage: Any) -> None:
    add({(day(n % 300), f"language{n}", "shown"): 1 for n in range(1000)}, file)
    damaged = damage(file.read_bytes())
    file.write_bytes(damaged)
    try:
        add({(TODAY, "python", "shown"): 1}, file)
    except sqlite3.DatabaseError:
        pytest.fail("the damage was not handled")
    assert read(30, file).languages["python"] == {"shown": 1}
    assert file.with_suffix(".damaged").read_bytes() == damaged


def test_reading_a_damaged_file(file: Path) -> None:
    file.parent.mkdir(parents=True)
    file.write_bytes(b"no database" * 1000)
    assert read(30, file).total == {}
    assert file.with_suffix(".damaged").exists()


def test_a_sound_file_is_never_set_aside(file: Path) -> None:
    add({(TODAY, "python", "shown"): 1}, file)
    database._set_aside(file)  # what the slower of two servers does after the other has repaired it
    assert read(30, file).total == {"shown": 1}
    assert not file.with_suffix(".damaged").exists()


def test_the_json_has_every_number(file: Path) -> None:
    add({(TODAY, "python", event): 2 for event in database.EVENTS}, file)
    add({(TODAY, "python", "held:syntax"): 4, (TODAY, "python", "latency:100"): 1}, file)
    counts = {
        "shown": 2,
        "accepted": 2,
        "partlyAccepted": 2,
        "dismissed": 2,
        "typedThrough": 2,
        "kept": 2,
        "keptOf": 2,
        "charactersSaved": 2,
    }
    report = read(1, file).to_json()
    assert report == {
        "from": TODAY,
        "to": TODAY,
        "total": counts,
        "languages": {"python": counts},
        "days": {TODAY: counts},
        "heldBack": {"syntax": 4},
        "latencyMs": {"p50": 75.0, "p95": 97.5},
    }


async def test_no_code_is_stored(file: Path, recorder: Recorder) -> None:
    recorder.count("x" * 1000, "shown")
    await recorder.flush()
    ((language,),) = sqlite3.connect(file).execute("SELECT language FROM counts").fetchall()
    assert len(language) == 40
