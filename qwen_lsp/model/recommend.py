"""Which model suits a machine: the largest whose first text and line come in time, and what it costs.

The one rule behind `auto`, `models pull`, `models recommend`, `doctor` and the editors' pickers. Pure but for
the speeds that this machine remembers; it knows no files of models and no engine.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from qwen_lsp.model import catalog
from qwen_lsp.model.catalog import Profile
from qwen_lsp.model.hardware import Gpu, Machine
from qwen_lsp.model.speed import Speed

# A cursor put somewhere new: this much is read before the first text, and people wait about so long for it
# (measured: with the 0.5B model the first text came after 4.4 s and saved most keys; see docs/benchmarks.md).
PROMPT_TOKENS = 400
MAX_FIRST_TEXT_S = 4.0
LINE_TOKENS = 12
MAX_LINE_S = 0.8
# A speed that was measured may fall this far below: a busy minute must not change the model.
_HYSTERESIS = 0.8

# Measured with the engine's wheel on two cores (0.5B: 155 and 45 tokens/s, 1.5B: 65 and 26):
# billions of parameters read per second and core, and bytes of weights per second.
_READ_PER_CORE = 45.0
_BYTES_PER_CORE = 10e9
_FAST_CORES = 4  # that many use up what the memory of a desktop gives
_BYTES_PER_MORE_CORE = 3e9
_MAX_CPU_BYTES = 120e9
# Experts share a prompt among them, so each matrix is smaller than its cores would like.
_EXPERTS_READ = 0.5
_WITHOUT_AVX2 = 0.4
# A graphics card of the slower kind: half of what is published for a GeForce RTX 4060 and a 7B model.
_CARD_READ, _CARD_BYTES = 6000.0, 140e9
# Apple: billions of parameters and bytes per second of the plain chip and the larger ones, by llama.cpp's
# published table for a 7B model at 4 bits (ggml-org/llama.cpp, discussion 4167).
_APPLE = {"": (800.0, 55e9), "pro": (1800.0, 150e9), "max": (3500.0, 250e9), "ultra": (6500.0, 450e9)}
_APPLE_GENERATION = {1: 1.0, 2: 1.3, 3: 1.3, 4: 1.6}

# Shares of a memory that a model may take: the editor, the browser and the compiler need the rest.
_SHARE_OF_MEMORY = 0.5
_SHARE_OF_CARD = 0.9
_FREE_LICENCE = "Apache-2.0"

_WHEELS = "https://xorbitsai.github.io/xllamacpp/whl/"
_MIN_GLIBC_FOR_CUDA = (2, 35)


@dataclass(frozen=True, slots=True)
class Estimate:
    """How one model would do on a machine. Units: tokens per second, seconds, bytes."""

    profile: Profile
    speed: Speed
    is_measured: bool
    fits: bool
    is_quick: bool

    @property
    def first_text_s(self) -> float:
        """The wait after the cursor was put somewhere new."""
        return PROMPT_TOKENS / self.speed.read

    @property
    def line_s(self) -> float:
        """The time to write one line."""
        return LINE_TOKENS / self.speed.write

    @property
    def suits(self) -> bool:
        """Whether it fits and answers in time."""
        return self.fits and self.is_quick


@dataclass(frozen=True, slots=True)
class Upgrade:
    """An engine that can use a GPU of this machine: the wheel's index, and what would be chosen then."""

    gpu: Gpu
    build: str
    index_url: str
    best: Estimate

    def command(self, python: str, has_pip: bool = True) -> str:
        """Return the exact command that replaces the engine of a Python environment."""
        start = [python, "-m", "pip", "install"] if has_pip else ["uv", "pip", "install", "--python", python]
        reinstall = "--force-reinstall" if has_pip else "--reinstall"
        return shlex.join([*start, reinstall, "--no-deps", "--index-url", self.index_url, "xllamacpp"])


@dataclass(frozen=True, slots=True)
class Recommendation:
    """The choice, in words too, every other estimate, and a better engine where there is one."""

    best: Estimate
    reasons: tuple[str, ...]
    estimates: tuple[Estimate, ...]
    upgrade: Upgrade | None


def recommend(machine: Machine, speeds: Mapping[str, Speed] | None = None) -> Recommendation:
    """Choose a model for a machine. `speeds` are those measured on it, by the name of the model."""
    estimates = _estimates(machine, speeds or {})
    best = _best(estimates)
    upgrade = None
    if machine.other_gpus:
        gpu = max(machine.other_gpus, key=lambda one: one.memory_bytes)
        build = engine_build(machine, gpu)
        then = _best(_estimates(replace(machine, engine_gpus=(gpu,)), {}))
        upgrade = Upgrade(gpu, build, _WHEELS + build, then)
    return Recommendation(best, tuple(_reasons(machine, best, estimates)), estimates, upgrade)


def estimate(profile: Profile, machine: Machine, speeds: Mapping[str, Speed]) -> Estimate:
    """Say how a model does: as measured; else computed, corrected by what another model measured."""
    gpu = _gpu(machine)
    measured = speeds.get(profile.name)
    speed = measured or _scaled(_computed(profile, machine, gpu), machine, gpu, speeds)
    least = _HYSTERESIS if measured else 1.0
    is_quick = (
        speed.read >= least * PROMPT_TOKENS / MAX_FIRST_TEXT_S
        and speed.write >= least * LINE_TOKENS / MAX_LINE_S
    )
    return Estimate(profile, speed, measured is not None, _fits(profile, machine, gpu), is_quick)


def engine_build(machine: Machine, gpu: Gpu) -> str:
    """Return which build of the engine can use a GPU: the name of its index of wheels."""
    has_new_glibc = machine.system != "linux" or _version(machine.glibc) >= _MIN_GLIBC_FOR_CUDA
    if gpu.vendor == "nvidia" and has_new_glibc:
        cuda = _version(machine.cuda)
        if cuda >= (13, 2):
            return "cu132"
        if cuda >= (12, 8):
            return "cu128"
    if gpu.vendor == "amd" and machine.has_rocm and machine.system == "linux" and has_new_glibc:
        return "rocm-6.4.1"
    return "vulkan"


def _estimates(machine: Machine, speeds: Mapping[str, Speed]) -> tuple[Estimate, ...]:
    return tuple(
        estimate(profile, machine, speeds) for profile in catalog.profiles() if not profile.endpoint_only
    )


def _best(estimates: Sequence[Estimate]) -> Estimate:
    """Choose the largest that suits, of those with a free licence that follow requests; else the smallest."""
    usable = [
        one for one in estimates if one.profile.kind == "instruct" and one.profile.licence == _FREE_LICENCE
    ]
    suitable = [one for one in usable if one.suits]
    if suitable:
        return max(suitable, key=lambda one: one.profile.billions)
    return min(usable or list(estimates), key=lambda one: one.profile.billions)


def _reasons(machine: Machine, best: Estimate, estimates: Sequence[Estimate]) -> list[str]:
    gpu = _gpu(machine)
    where = gpu.name if gpu else f"{machine.cores} core{'s' * (machine.cores > 1)}"
    how = "measured here" if best.is_measured else "estimated"
    first = (
        f"on {where}: first text after {best.first_text_s:.1f} s, a line in {best.line_s:.1f} s ({how}; "
        f"wanted: {MAX_FIRST_TEXT_S:.0f} s and {MAX_LINE_S} s)"
    )
    reasons = [first if best.suits else f"no model is quick enough here, so the smallest; {first}"]
    if not best.fits:
        reasons.append("its memory is more than this machine should give: close other programs")
    larger = [
        one
        for one in estimates
        if one.profile.billions > best.profile.billions and one.profile.kind == "instruct"
    ]
    if larger:
        following = min(larger, key=lambda one: one.profile.billions)
        reasons.append(f"{following.profile.name}, the next larger one, {_against(following)}")
    if machine.lacks_avx2:
        reasons.append(
            "this processor has no AVX2, which the engine's wheel needs: set `engine.program` to a "
            "llama-server that was compiled here, or use an endpoint (`endpoint.url`)"
        )
    return reasons


def _against(one: Estimate) -> str:
    if not one.fits:
        return f"needs too much memory ({(one.profile.memory_bytes or 0) / 1e9:.1f} GB)"
    if not one.is_quick:
        return f"would take {one.first_text_s:.1f} s to the first text and {one.line_s:.1f} s for a line"
    return f"has a licence that not everybody can accept: {one.profile.licence}"


def _gpu(machine: Machine) -> Gpu | None:
    """Return the GPU that the engine uses; one that only shares a PC's memory counts as none."""
    real = [gpu for gpu in machine.engine_gpus if gpu.vendor == "apple" or not gpu.is_shared]
    return max(real, key=lambda gpu: gpu.memory_bytes, default=None)


def _fits(profile: Profile, machine: Machine, gpu: Gpu | None) -> bool:
    needed = profile.memory_bytes
    if needed is None:
        return False
    if gpu is not None and gpu.vendor != "apple":
        # A card of unknown size is taken for a small one.
        return needed <= _SHARE_OF_CARD * (gpu.memory_bytes or 4 * 1024**3)
    return needed <= _SHARE_OF_MEMORY * machine.memory_bytes


def _computed(profile: Profile, machine: Machine, gpu: Gpu | None) -> Speed:
    """Compute the speed from the machine alone: reading needs arithmetic, writing the memory's rate."""
    reading, bytes_per_s = _rates(machine, gpu)
    active = profile.active_billions or profile.billions
    share = active / profile.billions
    reading *= _EXPERTS_READ if share < 1 else 1.0
    size_bytes = profile.size_bytes or profile.billions * 0.6e9
    return Speed(reading / active, bytes_per_s / (size_bytes * share))


def _rates(machine: Machine, gpu: Gpu | None) -> tuple[float, float]:
    if gpu is None:
        bytes_per_s = _BYTES_PER_CORE * min(machine.cores, _FAST_CORES)
        bytes_per_s += _BYTES_PER_MORE_CORE * max(machine.cores - _FAST_CORES, 0)
        factor = _WITHOUT_AVX2 if machine.lacks_avx2 else 1.0
        return factor * _READ_PER_CORE * machine.cores, factor * min(bytes_per_s, _MAX_CPU_BYTES)
    if gpu.vendor != "apple":
        return _CARD_READ, _CARD_BYTES
    chip = re.search(r"M(\d+)(?: (Pro|Max|Ultra))?", machine.chip)
    reading, bytes_per_s = _APPLE[(chip[2] or "").lower() if chip else ""]
    newer = _APPLE_GENERATION.get(min(int(chip[1]), 4), 1.0) if chip else 1.0
    return reading * newer, bytes_per_s * newer


def _scaled(computed: Speed, machine: Machine, gpu: Gpu | None, speeds: Mapping[str, Speed]) -> Speed:
    """Correct a computed speed by what the largest measured model did beside its own computed one."""
    known = [profile for profile in catalog.profiles() if profile.name in speeds]
    if not known:
        return computed
    profile = max(known, key=lambda one: one.billions)
    expected, measured = _computed(profile, machine, gpu), speeds[profile.name]
    return Speed(
        computed.read * measured.read / expected.read, computed.write * measured.write / expected.write
    )


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", text)[:2])
