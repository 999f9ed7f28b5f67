"""What the system and its programs say of GPUs, and what is remembered."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from qwen_lsp.model import hardware
from qwen_lsp.model.hardware import Gpu, Run
from tests.support.isolation import isolate_user


def says(**answers: str) -> Run:
    """A machine whose programs print these texts; any other is not there."""

    def run(command: Sequence[str]) -> str:
        if command[0] == "nvidia-smi" and len(command) > 1:
            return answers.get("query", "")
        return answers.get(Path(command[0]).stem.replace("-", "_"), "")

    return run


def card(root: Path, name: str, **values: str) -> None:
    device = root / name / "device"
    device.mkdir(parents=True)
    for file, text in values.items():
        (device / file).write_text(text + "\n", "utf-8")


def test_a_machine_without_any_of_the_programs(tmp_path: Path) -> None:
    for system in ("linux", "darwin", "windows", "other"):
        assert hardware.graphics(system, says(), tmp_path) == ()
    assert hardware.engine_devices(says()) == ()
    assert hardware.cuda_version(says()) == ""


def test_nvidia(tmp_path: Path) -> None:
    card(tmp_path, "card0", vendor="0x10de", device="0x2882")
    run = says(
        query="NVIDIA GeForce RTX 4060, 8188\nNVIDIA GB10, [N/A]\n", nvidia_smi="| CUDA Version: 12.8 |"
    )
    assert hardware.graphics("linux", run, tmp_path) == (
        Gpu("NVIDIA GeForce RTX 4060", "nvidia", 8188 * 1024**2),
        Gpu("NVIDIA GB10", "nvidia", 0),
    )
    assert hardware.cuda_version(run) == "12.8"


def test_cards_that_linux_lists(tmp_path: Path) -> None:
    card(tmp_path, "card0", vendor="0x8086", device="0x9a49")
    card(tmp_path, "card1", vendor="0x1002", device="0x7480", mem_info_vram_total=str(16 * 1024**3))
    card(tmp_path, "card1-HDMI-A-1", vendor="0x1002")
    card(tmp_path, "card2", vendor="0x1234", device="0x1111")
    found = hardware.graphics("linux", says(), tmp_path)
    assert found == (
        Gpu("INTEL 0x9a49", "intel", 0, is_shared=True),
        Gpu("AMD 0x7480", "amd", 16 * 1024**3),
    )
    assert hardware.unused(found, ()) == found[1:]
    assert hardware.unused(found, (Gpu("AMD Radeon", "amd"),)) == ()


def test_an_intel_mac() -> None:
    cards = [{"sppci_model": "AMD Radeon Pro 5500M", "spdisplays_vram": "4 GB"}, {"_name": "Intel UHD"}]
    run = says(system_profiler=json.dumps({"SPDisplaysDataType": cards}))
    assert hardware.graphics("darwin", run) == (
        Gpu("AMD Radeon Pro 5500M", "amd", 4 * 1024**3),
        Gpu("Intel UHD", "intel", 0, is_shared=True),
    )
    assert hardware.graphics("darwin", says(system_profiler="no JSON")) == ()


@pytest.mark.parametrize("program", ["wmic", "powershell"])
def test_windows(program: str) -> None:
    text = "Node,AdapterRAM,Name\r\n\r\nPC,4293918720,AMD Radeon RX 7600 XT\r\nPC,1073741824,Intel(R) UHD\r\n"
    assert hardware.graphics("windows", says(**{program: text})) == (
        Gpu("AMD Radeon RX 7600 XT", "amd", 0),  # 32 bits cannot hold its size
        Gpu("Intel(R) UHD", "intel", 1024**3, is_shared=True),
    )


def test_what_the_engine_sees() -> None:
    devices = [
        ["CPU", "CPU", "AMD EPYC", 1],
        ["GPU", "CUDA0", "RTX 4090", 24],
        ["IGPU", "Vulkan0", "Iris", 8],
    ]
    run = says(**{Path(sys.executable).stem: f"noise\nDEVICES{json.dumps(devices)}\n"})
    assert hardware.engine_devices(run) == (
        Gpu("RTX 4090", "nvidia", 24),
        Gpu("Iris", "intel", 8, is_shared=True),
    )


def test_the_real_engine_names_the_kind_of_each_device() -> None:
    script = hardware._ENGINE_DEVICES
    output = subprocess.run(
        [sys.executable, "-P", "-c", script], capture_output=True, text=True, check=True
    ).stdout
    line = next(line for line in output.splitlines() if line.startswith("DEVICES"))
    kinds = {kind for kind, *_ in json.loads(line.removeprefix("DEVICES"))}
    assert "CPU" in kinds
    assert kinds <= {"CPU", "GPU", "IGPU", "ACCEL", "META"}, "a GPU is recognized by this name"


def test_this_machine_is_remembered(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    isolate_user(monkeypatch, tmp_path)
    now = hardware.quick()
    assert hardware.known() == now
    probed = hardware.probe()
    assert (probed.cores, probed.memory_bytes, probed.engine) == (now.cores, now.memory_bytes, now.engine)
    assert hardware.known() == probed
    monkeypatch.setattr(hardware, "quick", lambda: replace(now, cores=now.cores + 1))
    assert hardware.known().cores == now.cores + 1, "it is another machine now"


def test_what_was_remembered_may_be_damaged(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    isolate_user(monkeypatch, tmp_path)
    hardware.probe()
    hardware.machine_file().write_text('{"cores": "many"}', "utf-8")
    assert hardware.known() == hardware.quick()
