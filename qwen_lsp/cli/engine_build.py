"""`qwen-lsp engine build`: compile an engine for this processor, try it on a model, keep it if it pays.

What is measured is a prompt read and an answer written, in turn with the engine that came along; what is
proved is that it fills holes as that one does.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable
from pathlib import Path

from msgspec import structs

from qwen_lsp import files
from qwen_lsp.cli.echo import echo
from qwen_lsp.cli.models import tenths
from qwen_lsp.completion import fim_check
from qwen_lsp.config import Config
from qwen_lsp.errors import ConfigError, EngineBuildError
from qwen_lsp.model import calibrate, hardware, native, native_build, speed
from qwen_lsp.model.engine import Engine
from qwen_lsp.model.select import ChosenModel, chosen_model
from qwen_lsp.model.speed import Speed

# Less than this is noise, and not worth a program that updates with nothing.
_WORTH_IT = 1.1
_ROUNDS = 3
_MAX_S = 300.0


def build(config: Config, model_name: str = "") -> str:
    """Compile an engine, try it on a model and keep it; return what to say of it. Cost: minutes of all cores.

    Raises: EngineBuildError, ConfigError, ModelError when there is no model to try it on; OSError.
    """
    if config.engine.program:
        raise ConfigError(
            "`engine.program` names a `llama-server` of yours, which is used instead: remove it first"
        )
    if config.engine.gpu_layers != 0 and hardware.probe().engine_gpus:
        raise EngineBuildError("the engine uses a graphics card, which reads faster than any processor")
    if model_name:
        config = structs.replace(config, model=structs.replace(config.model, name=model_name, path=""))
    model = chosen_model(config)
    model.path()  # a missing one is to be heard of now
    if native_build.untried() is None:
        native_build.check()
    files.private_folder(native.folder())
    if program := native_build.untried():
        echo(f"llama.cpp {native_build.RELEASE} was compiled before, and not kept", err=True)
    else:
        program = _compiled()
    echo(f"trying it with {model.profile.name}", err=True)
    before, after = asyncio.run(_compare(config, model, program))
    read, write = after.read / before.read, after.write / before.write
    figures = (
        f"reads {after.read:.0f} tokens/s in place of {before.read:.0f} ({read:.2f} times), "
        f"writes {after.write:.0f} in place of {before.write:.0f} ({write:.2f} times)"
    )
    if read < _WORTH_IT:
        raise EngineBuildError(
            f"it is not used, as it is not faster: {figures}\n"
            "if something else kept the processor busy, try it again (nothing is compiled anew); "
            "`qwen-lsp engine build --remove` deletes it"
        )
    native_build.keep(program)
    speed.save(model.profile.name, after)
    return f"kept, and used from now on: {figures}"


def _compiled() -> Path:
    """Download the source, compile it and return the program. Raises: EngineBuildError, OSError."""
    with tempfile.TemporaryDirectory(dir=native.folder()) as name:
        folder = Path(name)
        echo(f"downloading the source of llama.cpp {native_build.RELEASE}", err=True)
        source = native_build.fetch(folder)
        echo("compiling; this takes 5 to 30 minutes at the lowest priority", err=True)
        return native_build.set_aside(
            native_build.compile_server(source, folder / "build", tenths(of_bytes=False))
        )


async def _compare(config: Config, model: ChosenModel, program: Path) -> tuple[Speed, Speed]:
    """Return the speed of the engine that came along and of the new one: the best of some rounds each.

    Raises: EngineBuildError when the new one does not start or does not fill the holes; EndpointError.
    """
    arms: tuple[Callable[[int], str], ...] = (lambda _: "", lambda _: str(program))
    found: list[list[Speed]] = [[], []]
    right = [0, 0]
    for _ in range(_ROUNDS):
        for number, arm in enumerate(arms):
            engine = Engine(config.engine, model.path, lambda state: None, config.model.lora, arm)
            try:
                async with asyncio.timeout(_MAX_S):
                    client = await engine.ready()
                    measured = await calibrate.measure(client)
                    holes = await fim_check.check(client, model.profile.tokens, model.profile.fim_layout)
            finally:
                await engine.close()
            if measured is None or engine.has_fallen_back:
                raise EngineBuildError("what was compiled does not run; `qwen-lsp engine logs` may say why")
            found[number].append(measured)
            right[number] = holes.n_right
    if right[1] < right[0]:
        raise EngineBuildError(
            f"what was compiled fills {right[1]} of {len(fim_check.HOLES)} holes right, and the engine that "
            f"came along {right[0]}: it is not kept"
        )
    old, new = (Speed(max(one.read for one in arm), max(one.write for one in arm)) for arm in found)
    return old, new
