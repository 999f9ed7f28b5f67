"""`qwen-lsp doctor`: check each thing that completion stands on, and say what to do about a failure.

Each check is a function that returns a Check; a failed one never hides the next unless that cannot
run without it. The probe of the FIM markers proves on the loaded model that they work.
"""

from __future__ import annotations

import asyncio
import json
import platform
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import msgspec
import psutil
from rich.text import Text

from qwen_lsp import git, policy, sandbox, trust
from qwen_lsp.cli.console import Console
from qwen_lsp.cli.echo import echo
from qwen_lsp.completion import fim_check
from qwen_lsp.config import Config, user_file
from qwen_lsp.endpoints import ENGINE, EndpointConfig, Use
from qwen_lsp.errors import InputError, QwenLspError
from qwen_lsp.model import calibrate, chat_check, hardware, native, recommend, speed, store
from qwen_lsp.model.client import Client
from qwen_lsp.model.engine import thread_counts
from qwen_lsp.model.hosts import open_host
from qwen_lsp.model.select import ChosenModel, chosen_model
from qwen_lsp.review import settings
from qwen_lsp.syntax import languages
from qwen_lsp.visible import visible_path

Status = Literal["ok", "warning", "failed", "skipped"]
_MARKS = {"ok": ("✓", "green"), "warning": ("!", "yellow"), "failed": ("✗", "red"), "skipped": ("-", "dim")}


@dataclass(frozen=True, slots=True)
class Check:
    """One finding; `remedy` says what to do, and is empty where all is well."""

    name: str
    status: Status
    detail: str
    remedy: str = ""


def run(config: Config, *, as_json: bool, with_engine: bool) -> bool:
    """Run every check and print it as it comes; return whether none failed."""
    checks: list[Check] = []
    console = Console()
    for check in _checks(config, with_engine):
        checks.append(check)
        if not as_json:
            mark, style = _MARKS[check.status]
            console.print(Text(f"{mark} {check.name}: ", style=style) + Text(check.detail), soft_wrap=True)
            if check.remedy:
                console.print(Text(f"    → {check.remedy}"), soft_wrap=True)
    if as_json:
        echo(json.dumps([asdict(check) for check in checks], ensure_ascii=False))
    return all(check.status != "failed" for check in checks)


def _checks(config: Config, with_engine: bool) -> Iterator[Check]:
    yield check_python()
    yield check_grammars()
    yield check_settings()
    yield check_sandbox()
    yield check_policy()
    yield check_trust(Path.cwd())
    yield check_memory(config)
    yield check_gpu(hardware.probe())
    try:
        model = chosen_model(config)
    except QwenLspError as error:
        yield Check("model", "failed", str(error), "qwen-lsp models list shows the names; set `model.name`")
        return
    if config.endpoint.urls[0] != ENGINE:
        served = ", ".join(config.endpoint.urls)
        yield Check("model", "ok", f"served by {served}; prompts as for {model.profile.name}")
    else:
        model_check = check_model(model, is_auto=config.model.name == "auto" and not config.model.path)
        yield model_check
        if model_check.status == "failed":
            yield Check("engine", "skipped", "needs the model")
            return
    if with_engine:
        yield from asyncio.run(_engine_checks(config, model))


def check_python() -> Check:
    """Name the interpreter and the system, for bug reports; an older Python cannot install this package."""
    return Check("python", "ok", f"{platform.python_version()} on {platform.system()} {platform.machine()}")


def check_trust(folder: Path) -> Check:
    """Say whether this folder is trusted, what of it waits for that, and how to change it."""
    if trust.is_trusted(folder):
        return Check("trust", "ok", f"{visible_path(str(folder))} is trusted")
    detail = "this folder is not trusted: its `.qwen-lsp.toml` only leaves files out, no code of it is run"
    try:
        waiting = settings.waiting(git.top(folder) or folder)
    except InputError as error:
        detail, waiting = f"{detail} ({visible_path(str(error))})", ()
    detail += f"; not in force: {', '.join(waiting)}" if waiting else ""
    return Check("trust", "ok", f"{detail}; `qwen-lsp trust .` trusts it")


def check_policy() -> Check:
    """Name the administrator's policies and what they forbid."""
    found = policy.read_all()
    if not found:
        return Check("policy", "ok", f"none in {policy.system_file()}")
    limits = "; ".join(f"{one.source}: {msgspec.json.encode(one.policy).decode()}" for one in found)
    if problems := [f"{one.source} cannot be read: {one.problem}" for one in found if one.problem]:
        return Check(
            "policy", "failed", "; ".join(problems), "correct the file; until then it allows nothing"
        )
    return Check("policy", "ok", limits)


def check_grammars() -> Check:
    """Load every grammar of the table."""
    wanted = [language for language in (*languages.LANGUAGES, *languages.MORE) if language.grammar]
    missing = [language.id for language in wanted if languages.grammar(language) is None]
    if not missing:
        return Check("grammars", "ok", f"{len(wanted)} languages")
    remedy = "install qwen-lsp again, as docs/install.md says"
    return Check("grammars", "warning", f"cannot load {', '.join(missing)}", remedy)


def check_sandbox() -> Check:
    """What holds the processes that read the files of others; a system that has nothing is no fault."""
    found = sandbox.available()
    return Check("sandbox", "ok", "; ".join(found) or "none on this system")


def check_settings() -> Check:
    """Read the settings file once more for its problems."""
    from qwen_lsp.config import resolve, user_layer

    layer, problems = user_layer()
    problems += resolve([layer])[1]
    if problems:
        return Check("settings", "warning", "; ".join(map(str, problems)), f"correct {user_file()}")
    return Check(
        "settings", "ok", str(user_file()) if user_file().exists() else "defaults (no settings file)"
    )


def check_memory(config: Config) -> Check:
    """Compare the memory that the model needs with what is there, and show the threads."""
    threads, batch_threads = thread_counts(config.engine)
    total, free = psutil.virtual_memory().total, psutil.virtual_memory().available
    detail = (
        f"{free / 2**30:.1f} of {total / 2**30:.1f} GiB free; "
        f"{threads} thread{'s' * (threads > 1)} to write, {batch_threads} to read prompts"
    )
    try:
        needed = chosen_model(config).profile.memory_bytes
    except QwenLspError:
        needed = None
    if needed is None or ENGINE not in config.endpoint.urls or needed <= free:
        return Check("machine", "ok", detail)
    remedy = "close other programs or choose a smaller model (qwen-lsp models list)"
    return Check("machine", "warning", f"{detail}; the model needs {needed / 2**30:.1f} GiB", remedy)


def check_gpu(machine: hardware.Machine) -> Check:
    """Name the GPUs, and say how to get an engine that uses one which is idle."""
    upgrade = recommend.recommend(machine).upgrade
    if upgrade is not None:
        detail = f"{upgrade.gpu.name} is not used: this build of the engine cannot"
        return Check("GPU", "warning", detail, upgrade.command(sys.executable, hardware.has_pip()))
    used = ", ".join(gpu.name for gpu in machine.engine_gpus)
    return Check("GPU", "ok", used or f"none; the engine runs on the processor{_compiled(machine)}")


def _compiled(machine: hardware.Machine) -> str:
    """Say whether the engine is compiled for this processor, or may be worth it."""
    if (built := native.built()) is not None:
        return f", compiled for it (llama.cpp {built.release})"
    is_worth_it = machine.system == "linux" and "avx512" in machine.instructions
    return "; `qwen-lsp engine build` compiles a faster one for it" if is_worth_it else ""


def check_model(model: ChosenModel, *, is_auto: bool = False) -> Check:
    """Check that the model's file is there, and say which ones were too slow to be chosen."""
    try:
        detail = f"{model.profile.name} at {model.path()}"
    except QwenLspError as error:
        return Check("model", "failed", str(error), f"qwen-lsp models pull {model.profile.name}")
    if not is_auto:
        return Check("model", "ok", detail)
    found, speeds = hardware.known(), speed.remembered()
    unsuitable = [
        other.profile.name
        for other in store.installed()
        if other.profile.billions > model.profile.billions
        and not recommend.estimate(other.profile, found, speeds).suits
    ]
    if unsuitable:
        detail += f"; too large or too slow here: {', '.join(unsuitable)} (`model.name` insists on one)"
    best = recommend.recommend(found, speeds).best.profile
    if best.billions <= model.profile.billions:
        return Check("model", "ok", detail)
    return Check(
        "model", "ok", f"{detail}; {best.name} would suit this machine", f"qwen-lsp models pull {best.name}"
    )


async def _engine_checks(config: Config, model: ChosenModel) -> list[Check]:
    """Check every address by itself: those for completion, and those for chat where they are others."""
    completion, chat = config.endpoint.of("completion"), config.endpoint.of("chat")
    checks: list[Check] = []
    for one in completion.each():
        checks += await _checked(config, one, model, "completion")
    if chat != completion:
        for one in chat.each():
            checks += await _checked(config, one, model, "chat")
    return checks


async def _checked(config: Config, endpoint: EndpointConfig, model: ChosenModel, use: Use) -> list[Check]:
    host = open_host(msgspec.structs.replace(config, endpoint=endpoint), model.path, lambda state: None)
    name = "engine" if use == "completion" else "chat"
    try:
        client = await host.ready()
        if use == "chat":
            return [_check_endpoint(client, name), await _check_chat(client)]
        # What answers show of an endpoint is known after them.
        markers = await _check_markers(client, config, model)
        return [_check_endpoint(client, name), markers, await _check_speed(client)]
    except QwenLspError as error:
        remedy = "qwen-lsp models verify checks the file" if endpoint.is_engine else "start the endpoint"
        return [Check(name, "failed", str(error), remedy)]
    finally:
        await host.close()


def _check_endpoint(client: Client, name: str) -> Check:
    """Tell what answers, and what it cannot do."""
    end = client.endpoint
    missing = f"; without {', '.join(client.can.missing)}" if client.can.missing else ""
    model = f", {end.model}" if end.model else ""
    context = f", {end.context_tokens} tokens of context" if end.context_tokens else ""
    return Check(name, "ok", f"answers at {end.url} ({end.dialect.name}{model}{context}{missing})")


async def _check_chat(client: Client) -> Check:
    """Prove that a chat is answered."""
    if await chat_check.answers(client):
        return Check("chat answer", "ok", "a question got its right answer")
    remedy = "choose an instruct model for chat (`endpoint.chat.model`)"
    return Check("chat answer", "warning", "a simple question got no right answer", remedy)


async def _check_markers(client: Client, config: Config, model: ChosenModel) -> Check:
    """Prove that the FIM markers are single tokens and that the model fills holes by what follows them."""
    tokens = model.profile.tokens
    if client.endpoint.dialect.tokenize is not None:
        for mark in (tokens.fim_prefix, tokens.fim_suffix, tokens.fim_middle):
            if len(await client.tokenize(mark)) != 1:
                remedy = "choose a Qwen Coder model (qwen-lsp models list)"
                return Check("FIM markers", "failed", f"{mark} is not one token of this model", remedy)
    layout = model.profile.fim_layout if config.completion.layout == "auto" else config.completion.layout
    found = await fim_check.check(client, tokens, layout)
    detail = f"{layout}: {found.n_right} of {len(found.answers)} holes filled right"
    if found.verdict == "works":
        return Check("FIM markers", "ok", detail)
    detail += "; answers: " + ", ".join(map(repr, found.answers))
    if found.verdict == "template":
        return Check("FIM markers", "failed", detail, fim_check.TEMPLATE_REMEDY)
    remedy = "this model may not know fill-in-the-middle; choose a Qwen Coder model"
    return Check("FIM markers", "warning", detail, remedy)


async def _check_speed(client: Client) -> Check:
    """Measure how fast prompts are read and tokens written."""
    measured = await calibrate.measure(client)
    if measured is None:
        return Check("speed", "skipped", "the endpoint does not report its timings")
    detail = f"reads {measured.read:.0f} prompt tokens/s, writes {measured.write:.0f} tokens/s"
    if measured.write * recommend.MAX_LINE_S >= recommend.LINE_TOKENS:
        return Check("speed", "ok", detail)
    remedy = "choose a smaller model, or use an endpoint with a GPU (`endpoint.url`)"
    return Check("speed", "warning", f"{detail}: slower than typing", remedy)
