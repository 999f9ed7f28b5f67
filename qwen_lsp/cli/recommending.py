"""How `qwen-lsp models recommend` finds its answer and how that looks; the rule is model/recommend's."""

from __future__ import annotations

import sys
from typing import Any

import msgspec

from qwen_lsp.cli.echo import echo
from qwen_lsp.config import Config
from qwen_lsp.errors import QwenLspError
from qwen_lsp.model import calibrate, hardware, recommend, speed, store
from qwen_lsp.model.hardware import Gpu, Machine
from qwen_lsp.model.recommend import Estimate, Recommendation

_DOWNLOAD_BYTES_PER_S = 5e6  # for a duration that promises little


def run(config: Config, *, as_json: bool, measure: bool | None) -> None:
    """Look at the machine, measure where that is wanted, and print the recommendation."""
    machine = hardware.probe()
    _measure(config, measure)
    found = recommend.recommend(machine, speed.remembered())
    if as_json:
        echo(msgspec.json.format(msgspec.json.encode(values(machine, found))).decode())
        return
    best = found.best.profile
    here = store.path(best)
    echo(f"machine  {describe(machine)}")
    echo(f"model    {best.name}: {best.title}, licence {best.licence}")
    for reason in found.reasons:
        echo(f"         {reason}")
    size = f"{(best.size_bytes or 0) / 1e9:.1f} GB"
    memory = f"{(best.memory_bytes or 0) / 1e9:.1f} GB of memory"
    echo(f"cost     {'on this machine' if here else f'a download of {size}'}, {memory}")
    if not here:
        echo(f"get it   qwen-lsp models pull {best.name}")
    if found.upgrade:
        upgrade = found.upgrade
        echo(f"GPU      {upgrade.gpu.name} is not used: this build of the engine cannot. One that can:")
        echo(f"         {upgrade.command(sys.executable, hardware.has_pip())}")
        echo(f"         then {upgrade.best.profile.name} would suit")


def _measure(config: Config, measure: bool | None) -> None:
    models = store.installed()
    known = speed.remembered()
    if not models or measure is False or (measure is None and any(m.profile.name in known for m in models)):
        return
    smallest = min(models, key=lambda model: model.profile.billions)
    echo(f"measuring {smallest.profile.name} ...", err=True)
    try:
        if calibrate.run(config, smallest) is None:
            echo("the speed was not measured: no answer in time; is the machine busy?", err=True)
    except QwenLspError as error:
        echo(f"the speed was not measured: {error}", err=True)


def describe(machine: Machine) -> str:
    """Return the machine in one line."""
    parts = [
        f"{machine.cores} core{'s' * (machine.cores > 1)}",
        " ".join(machine.instructions),
        f"{machine.memory_bytes / 2**30:.0f} GiB",
        machine.chip,
        *(gpu.name for gpu in machine.engine_gpus),
        *(f"{gpu.name} (not used)" for gpu in machine.other_gpus),
    ]
    return ", ".join(part for part in parts if part)


def values(machine: Machine, found: Recommendation) -> dict[str, Any]:
    """Return what `--json` prints."""
    upgrade = found.upgrade
    return {
        "machine": {
            "system": machine.system,
            "architecture": machine.architecture,
            "chip": machine.chip,
            "cores": machine.cores,
            "instructions": machine.instructions,
            "memoryBytes": machine.memory_bytes,
            "engineGpus": [_gpu(gpu) for gpu in machine.engine_gpus],
            "otherGpus": [_gpu(gpu) for gpu in machine.other_gpus],
        },
        "model": _estimate(found.best),
        "reasons": found.reasons,
        "all": [_estimate(one) for one in found.estimates],
        "engine": None
        if upgrade is None
        else {
            "gpu": _gpu(upgrade.gpu),
            "build": upgrade.build,
            "indexUrl": upgrade.index_url,
            "command": upgrade.command(sys.executable, hardware.has_pip()),
            "model": _estimate(upgrade.best),
        },
    }


def _gpu(gpu: Gpu) -> dict[str, Any]:
    return {"name": gpu.name, "vendor": gpu.vendor, "memoryBytes": gpu.memory_bytes}


def _estimate(one: Estimate) -> dict[str, Any]:
    profile = one.profile
    path = store.path(profile)
    return {
        "name": profile.name,
        "title": profile.title,
        "licence": profile.licence,
        "sizeBytes": profile.size_bytes,
        "memoryBytes": profile.memory_bytes,
        "downloadMinutes": round((profile.size_bytes or 0) / _DOWNLOAD_BYTES_PER_S / 60, 1),
        "path": str(path) if path else None,
        "readTokensPerSecond": round(one.speed.read, 1),
        "writeTokensPerSecond": round(one.speed.write, 1),
        "firstTextMs": round(one.first_text_s * 1000),
        "lineMs": round(one.line_s * 1000),
        "isMeasured": one.is_measured,
        "fits": one.fits,
        "suits": one.suits,
    }
