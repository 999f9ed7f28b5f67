"""The engine that is compiled for this machine's processor: where it lies, and whether it may be used.

The engine's wheel is built for every processor with AVX2; one that can do more reads prompts faster with
llama.cpp compiled for itself. native_build.py makes that program; this module only finds it.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from qwen_lsp import files
from qwen_lsp.model import hardware

_MAX_BYTES = 10_000
UNTRIED = "untried-"
"""What the names of compiled programs begin with that a trial has not accepted."""


class Built(msgspec.Struct, frozen=True):
    """What was compiled: the release of llama.cpp, and for which processor (`hardware.processor`)."""

    release: str
    processor: str


def folder() -> Path:
    """Return the folder of the program and its record."""
    import platformdirs

    return Path(platformdirs.user_data_dir("qwen-lsp", appauthor=False)) / "engine"


def program_file() -> Path:
    """Return where the program is or will be."""
    return folder() / "llama-server"


def record_file() -> Path:
    """Return where it is written down what the program was compiled for; it is written last."""
    return folder() / "built.json"


def all_files() -> list[Path]:
    """Return every file that compiling has left: the record, the program, and what was not kept."""
    every = (record_file(), program_file(), *sorted(folder().glob(f"{UNTRIED}*")))
    return [file for file in every if file.exists()]


def built() -> Built | None:
    """Return what was compiled, if it is there and for this processor."""
    try:
        found = msgspec.json.decode(files.read(record_file(), _MAX_BYTES), type=Built)
    except (OSError, msgspec.DecodeError):
        return None
    is_ours = found.processor == hardware.processor() and program_file().is_file()
    return found if is_ours else None


def program(gpu_layers: int) -> str:
    """Return the program to run in place of the wheel's engine; "" for none, as where a GPU reads."""
    if gpu_layers != 0 and hardware.known().engine_gpus:
        return ""
    return str(program_file()) if built() is not None else ""
