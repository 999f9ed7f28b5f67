"""What this machine has to run a model: cores, instruction set, memory, GPUs the engine uses and does not.

`quick()` reads what costs nothing, `probe()` asks other programs too and remembers the answer, `known()`
returns the remembered answer where it is still about this machine. It knows nothing of models. A
program or a file that is not there is no error: it only means that nothing is known.
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import importlib.util
import json
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal

import msgspec

from qwen_lsp import files

Vendor = Literal["nvidia", "amd", "intel", "apple", "other"]
System = Literal["linux", "darwin", "windows", "other"]
Run = Callable[[Sequence[str]], str]

_TIMEOUT_S = 10.0
# The remembered facts are some hundred bytes.
_MAX_BYTES = 1_000_000
_VENDOR_IDS: dict[str, Vendor] = {"0x10de": "nvidia", "0x1002": "amd", "0x8086": "intel"}
# Processors with a built-in GPU lend it this much of the main memory; graphics cards have more.
_MIN_CARD_BYTES = 3 * 1024**3
# Windows reports the memory of a card in 32 bits, so 4 GiB stands for anything above.
_MAX_REPORTED_BYTES = 4 * 1024**3 - 1024**2
_FLAGS = {
    "avx2": "avx2",
    "avx512f": "avx512",
    "avx512_vnni": "vnni",
    "avx_vnni": "vnni",
    "amx_tile": "amx",
    "asimd": "neon",
    "asimddp": "dotprod",
    "i8mm": "i8mm",
}
_ENGINE_DEVICES = """
import json, xllamacpp
print("DEVICES" + json.dumps([
    [d["type"].name.rsplit("_", 1)[-1], d["name"], d["description"], d["memory_total"]]
    for d in xllamacpp.get_device_info()
]))
"""


@dataclass(frozen=True, slots=True)
class Gpu:
    """One GPU. `memory_bytes` is 0 where unknown; `is_shared`: it uses the machine's own memory."""

    name: str
    vendor: Vendor
    memory_bytes: int = 0
    is_shared: bool = False


@dataclass(frozen=True, slots=True)
class Machine:
    """The facts. `engine_gpus`: those that the installed engine uses; `other_gpus`: those that it cannot.

    `cuda` is the newest CUDA version that the driver takes, `glibc` the C library's, "" where there is none.
    """

    system: System
    architecture: str
    cores: int
    memory_bytes: int
    chip: str = ""
    instructions: tuple[str, ...] = ()
    engine_gpus: tuple[Gpu, ...] = ()
    other_gpus: tuple[Gpu, ...] = ()
    cuda: str = ""
    glibc: str = ""
    has_rocm: bool = False
    engine: str = ""

    @property
    def is_apple_silicon(self) -> bool:
        """Whether the GPU is part of the chip and uses all of its memory."""
        return self.system == "darwin" and self.architecture == "arm64"

    @property
    def lacks_avx2(self) -> bool:
        """Whether this is an x86 processor that is known to lack what the engine's wheels are built for."""
        is_x86 = self.architecture in ("x86_64", "AMD64", "amd64")
        return is_x86 and bool(self.instructions) and "avx2" not in self.instructions


def quick() -> Machine:
    """Read what needs no other program: a few milliseconds, no GPU but Apple's."""
    import psutil

    systems: dict[str, System] = {"linux": "linux", "darwin": "darwin", "win32": "windows"}
    system = systems.get(sys.platform, "other")
    cores = psutil.cpu_count(logical=False) or os.cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):  # containers and `taskset` give fewer
        cores = min(cores, len(os.sched_getaffinity(0)))
    memory_bytes = psutil.virtual_memory().total
    machine = Machine(
        system=system,
        architecture=platform.machine(),
        cores=cores,
        memory_bytes=memory_bytes,
        instructions=_instructions(system),
        glibc=_glibc() if system == "linux" else "",
        has_rocm=Path("/opt/rocm").is_dir(),
        engine=_engine_version(),
    )
    if machine.is_apple_silicon:
        gpu = Gpu("Apple GPU", "apple", memory_bytes, is_shared=True)
        machine = replace(machine, engine_gpus=(gpu,))
    return machine


def known() -> Machine:
    """Return the facts without asking other programs: those that `probe` remembered, if still true."""
    now = quick()
    try:
        remembered = msgspec.json.decode(files.read(machine_file(), _MAX_BYTES), type=Machine)
    except (OSError, msgspec.DecodeError):
        return now
    same = ("system", "architecture", "cores", "engine")
    is_same = all(getattr(remembered, name) == getattr(now, name) for name in same)
    return replace(remembered, memory_bytes=now.memory_bytes) if is_same else now


def probe() -> Machine:
    """Ask the engine and the system for GPUs too, and remember the answer. Cost: a second or two."""
    machine = quick()
    run = _output
    engine_gpus = engine_devices(run) or machine.engine_gpus
    present = graphics(machine.system, run) if not machine.is_apple_silicon else ()
    machine = replace(
        machine,
        chip=_chip(machine.system, run),
        engine_gpus=engine_gpus,
        other_gpus=unused(present, engine_gpus),
        cuda=cuda_version(run) if any(gpu.vendor == "nvidia" for gpu in present) else "",
    )
    _save(machine)
    return machine


def engine_devices(run: Run) -> tuple[Gpu, ...]:
    """Return the GPUs that llama.cpp sees. A process of its own: CUDA, once loaded, keeps its memory."""
    for line in run([sys.executable, "-P", "-c", _ENGINE_DEVICES]).splitlines():
        if line.startswith("DEVICES"):
            return tuple(
                Gpu(title or name, vendor(f"{name} {title}"), memory, is_shared=kind == "IGPU")
                for kind, name, title, memory in json.loads(line.removeprefix("DEVICES"))
                if kind in ("GPU", "IGPU")
            )
    return ()


def graphics(system: str, run: Run, drm: Path = Path("/sys/class/drm")) -> tuple[Gpu, ...]:
    """Return the GPUs that the system reports, whether or not the engine can use them."""
    cards = _nvidia(run)
    if system == "linux":
        cards += tuple(gpu for gpu in _drm(drm) if gpu.vendor != "nvidia" or not cards)
    elif system == "darwin":
        cards += _system_profiler(run)
    elif system == "windows":
        cards += tuple(gpu for gpu in _windows(run) if gpu.vendor != "nvidia" or not cards)
    return cards


def unused(present: Sequence[Gpu], engine_gpus: Sequence[Gpu]) -> tuple[Gpu, ...]:
    """Return the graphics cards that the engine does not use. A GPU that shares the memory brings little."""
    used = {gpu.vendor for gpu in engine_gpus if not gpu.is_shared}
    return tuple(gpu for gpu in present if not gpu.is_shared and gpu.vendor not in used)


def has_pip() -> bool:
    """Whether this Python can install by itself; environments that uv made cannot."""
    return importlib.util.find_spec("pip") is not None


def cuda_version(run: Run) -> str:
    """Return the newest CUDA version that the NVIDIA driver takes, such as `12.8`; "" where unknown."""
    found = re.search(r"CUDA Version:\s*([\d.]+)", run(["nvidia-smi"]))
    return found[1] if found else ""


def vendor(name: str) -> Vendor:
    """Read the maker of a GPU off its name."""
    lowered = name.lower()
    words: tuple[tuple[str, Vendor], ...] = (
        (r"nvidia|geforce|quadro|tesla|\brtx\b|cuda", "nvidia"),
        (r"\bamd\b|radeon|rocm|instinct", "amd"),
        (r"intel|\barc\b|iris", "intel"),
        (r"apple|\bmtl|metal", "apple"),
    )
    return next((maker for pattern, maker in words if re.search(pattern, lowered)), "other")


def _nvidia(run: Run) -> tuple[Gpu, ...]:
    text = run(["nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader,nounits"])
    rows = re.findall(r"^(.+?),\s*(\d+|\[N/A\])\s*$", text, re.MULTILINE)
    return tuple(
        Gpu(name.strip(), "nvidia", int(mib) * 1024**2 if mib.isdigit() else 0) for name, mib in rows
    )


def _drm(root: Path) -> tuple[Gpu, ...]:
    """Read Linux's own list of display devices; amdgpu also says how much memory there is."""
    found = []
    for card in sorted(root.glob("card[0-9]*")):
        if not re.fullmatch(r"card\d+", card.name):
            continue  # a connector such as card0-HDMI-A-1
        maker = _VENDOR_IDS.get(_text(card / "device" / "vendor"))
        if maker is None:
            continue
        memory = _text(card / "device" / "mem_info_vram_total")
        memory_bytes = int(memory) if memory.isdigit() else 0
        is_shared = maker != "nvidia" and memory_bytes < _MIN_CARD_BYTES
        found.append(
            Gpu(f"{maker.upper()} {_text(card / 'device' / 'device')}", maker, memory_bytes, is_shared)
        )
    return tuple(found)


def _system_profiler(run: Run) -> tuple[Gpu, ...]:
    try:
        entries = json.loads(run(["system_profiler", "-json", "SPDisplaysDataType"]))["SPDisplaysDataType"]
    except (ValueError, KeyError, TypeError):
        return ()
    found = []
    for entry in entries:
        name = str(entry.get("sppci_model") or entry.get("_name") or "")
        size = re.match(r"(\d+)\s*(MB|GB)", str(entry.get("spdisplays_vram", "")))
        memory_bytes = int(size[1]) * 1024 ** (3 if size[2] == "GB" else 2) if size else 0
        found.append(Gpu(name, vendor(name), memory_bytes, is_shared=not memory_bytes))
    return tuple(found)


def _windows(run: Run) -> tuple[Gpu, ...]:
    """Ask Windows: `wmic` where it still is, else PowerShell."""
    text = run(["wmic", "path", "Win32_VideoController", "get", "AdapterRAM,Name", "/format:csv"])
    rows = re.findall(r"^[^,\r\n]*,(\d*),([^\r\n]+?)\s*$", text, re.MULTILINE)
    if not rows:
        script = (
            "Get-CimInstance Win32_VideoController | ForEach-Object { ',' + $_.AdapterRAM + ',' + $_.Name }"
        )
        text = run(["powershell", "-NoProfile", "-NonInteractive", "-Command", script])
        rows = re.findall(r"^[^,\r\n]*,(\d*),([^\r\n]+?)\s*$", text, re.MULTILINE)
    found = []
    for size, name in rows:
        memory_bytes = int(size or 0)
        is_shared = vendor(name) in ("intel", "other") and "arc" not in name.lower()
        is_capped = memory_bytes >= _MAX_REPORTED_BYTES
        found.append(Gpu(name, vendor(name), 0 if is_capped else memory_bytes, is_shared))
    return tuple(found)


@cache
def _glibc() -> str:
    return platform.libc_ver()[1]


@cache
def processor() -> str:
    """Return what tells this processor from others, which may lack its instructions: a hash."""
    text = _text(Path("/proc/cpuinfo"))
    found = re.findall(r"^(?:model name|CPU part|flags|Features)\s*:.*$", text, re.MULTILINE)
    return hashlib.sha256("\n".join([platform.machine(), *sorted(set(found))]).encode()).hexdigest()


@cache
def _instructions(system: str) -> tuple[str, ...]:
    if system == "linux":
        flags = re.search(r"^(?:flags|Features)\s*:\s*(.*)$", _text(Path("/proc/cpuinfo")), re.MULTILINE)
        words = flags[1].split() if flags else []
        return tuple(dict.fromkeys(_FLAGS[word] for word in words if word in _FLAGS))
    if system == "windows":
        kernel: Any = getattr(ctypes, "windll", None)
        if kernel is None:
            return ()
        has = kernel.kernel32.IsProcessorFeaturePresent  # numbers: winnt.h, PF_AVX2_... and PF_AVX512F_...
        found = tuple(name for name, number in (("avx2", 40), ("avx512", 41)) if has(number))
        return found or ("sse",)
    return ("neon",) if platform.machine() == "arm64" else ()


def _chip(system: str, run: Run) -> str:
    """Return the processor's name."""
    if system == "linux":
        found = re.search(r"^model name\s*:\s*(.*)$", _text(Path("/proc/cpuinfo")), re.MULTILINE)
        return found[1].strip() if found else ""
    if system == "darwin":
        return run(["sysctl", "-n", "machdep.cpu.brand_string"]).strip()
    return platform.processor()


@cache
def _engine_version() -> str:
    from importlib import metadata  # brings the library for mail along, which a window need not hold

    try:
        return metadata.version("xllamacpp")
    except metadata.PackageNotFoundError:
        return ""


def _output(command: Sequence[str]) -> str:
    """Return what a program prints; "" when it is not there, fails or takes too long."""
    program = shutil.which(command[0])
    if program is None or not os.path.isabs(program):  # never one from the folder we happen to stand in
        return ""
    try:
        ran = subprocess.run(
            [program, *command[1:]],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            encoding="utf-8",
            errors="replace",
            timeout=_TIMEOUT_S,
            check=False,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return ran.stdout if ran.returncode == 0 else ""


def _text(file: Path) -> str:
    try:
        return file.read_text("utf-8", "replace").strip()
    except OSError:
        return ""


def machine_file() -> Path:
    """Return the file that remembers it."""
    import platformdirs

    return Path(platformdirs.user_cache_dir("qwen-lsp", appauthor=False)) / "machine.json"


def _save(machine: Machine) -> None:
    """Remember the facts; a folder that cannot be written is no harm."""
    with contextlib.suppress(OSError):
        files.write_private(machine_file(), json.dumps(asdict(machine)).encode())
