"""How fast this machine runs a model, as measured by its own requests and remembered between sessions.

Budgets are sized by it (DESIGN: a cold prompt must not take longer than the user waits). One small
JSON file in the user's cache directory; a damaged or missing one only means a first guess.
"""

from __future__ import annotations

import contextlib
import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from qwen_lsp import files
from qwen_lsp.model.generation import Timings

# Fewer new tokens say more about the overhead of a request than about the speed of reading.
_MIN_PROMPT_TOKENS = 64
_MIN_GENERATED_TOKENS = 4
_MAX_BYTES = 1_000_000
_WEIGHT = 0.2  # of a new measurement; a busy minute should not resize the prompts


@dataclass(frozen=True, slots=True)
class Speed:
    """Units: tokens per second. The first guess is a 0.5B model on two CPU cores."""

    read: float = 100.0
    write: float = 25.0

    def measured(self, timings: Timings) -> Speed:
        """Return the speed with one more request taken into account."""
        speed = self
        new_tokens = timings.prompt_tokens - timings.cached_tokens
        if new_tokens >= _MIN_PROMPT_TOKENS and timings.prompt_ms > 0:
            speed = replace(speed, read=_blend(speed.read, new_tokens / timings.prompt_ms * 1000))
        if timings.generated_tokens >= _MIN_GENERATED_TOKENS and timings.generated_ms > 0:
            written = timings.generated_tokens / timings.generated_ms * 1000
            speed = replace(speed, write=_blend(speed.write, written))
        return speed


def _blend(old: float, new: float) -> float:
    return old + _WEIGHT * (new - old)


def speed_file() -> Path:
    """Return the file that remembers it."""
    import platformdirs

    return Path(platformdirs.user_cache_dir("qwen-lsp", appauthor=False)) / "speed.json"


def key(model: str, *, is_endpoint: bool) -> str:
    """Return what a speed is remembered under: an endpoint's says nothing of this machine."""
    return f"{model} at an endpoint" if is_endpoint else model


def load(model: str) -> Speed:
    """Return the remembered speed of a model, or the first guess."""
    return remembered().get(model, Speed())


def remembered() -> dict[str, Speed]:
    """Return every speed that was measured on this machine, by the name of the model."""
    try:
        everything = json.loads(files.read(speed_file(), _MAX_BYTES))
    except (OSError, ValueError):
        return {}
    found = {}
    for model, values in everything.items() if isinstance(everything, dict) else ():
        with contextlib.suppress(KeyError, TypeError, ValueError):
            speed = Speed(float(values["read"]), float(values["write"]))
            if speed.read > 0 and speed.write > 0 and speed != Speed():
                found[model] = speed
    return found


def save(model: str, speed: Speed) -> None:
    """Remember the speed of a model; a folder that cannot be written is no harm.

    The first guess is no measurement: remembered for a large model, it would recommend that model here.
    """
    if speed == Speed():
        return
    file = speed_file()
    try:
        everything = json.loads(files.read(file, _MAX_BYTES))
    except (OSError, ValueError):
        everything = {}
    if not isinstance(everything, dict):
        everything = {}
    with contextlib.suppress(OSError):
        files.write_private(file, json.dumps({**everything, model: asdict(speed)}).encode())
