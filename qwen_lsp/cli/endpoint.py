"""The command group `qwen-lsp endpoint`: find model servers, test one, and make it the one that is used.

Only the user's own settings file is written, and only by `add` and `remove`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click
import msgspec

from qwen_lsp.cli.config import read_config
from qwen_lsp.cli.echo import echo
from qwen_lsp.config import Layer, resolve, user_file
from qwen_lsp.endpoints import ENGINE, EndpointConfig, Kind, Use, host_of, is_loopback, named
from qwen_lsp.errors import ConfigError, EndpointRejected, QwenLspError

if TYPE_CHECKING:
    from qwen_lsp.completion.fim_check import Result
    from qwen_lsp.model.client import Client

_SECTIONS: dict[Use, str] = {"completion": "endpoint", "chat": "endpoint.chat"}
_KEYS = ("apiKeyEnv", "apiKeyFile", "apiKeyCommand")
_OTHER: dict[Use, Use] = {"completion": "chat", "chat": "completion"}
# What is done about what an endpoint cannot do, in the words of the setting or the feature.
WITHOUT = {
    "raw prompt": "the server writes the markers, and no pieces of other files are shown to it",
    "suffix": "code is completed in a chat, which may answer in prose",
    "grammar": "a word that is typed half is asked for from its beginning",
    "schema": "the form of an answer is asked for in words",
    "logprobs": "what is shown is judged by its syntax alone",
    "likelihood": "there is no review by completion",
    "prompt cache": "nothing is read ahead",
    "slots": "actions and completion take turns in one cache",
    "cancels on disconnect": "an answer that nobody waits for may be written, and paid for, to its end",
    "lists models": "its model has to be named",
}


@dataclass(frozen=True, slots=True)
class Tested:
    """An endpoint that answered: what it speaks, its model, all it serves, what it lacks, and its self-test.

    Units: `context_tokens`, 0 where it does not say. `fim` is None where it was tested for chat; then
    `verdict` is that of a question.
    """

    url: str
    kind: str
    model: str
    models: tuple[str, ...]
    context_tokens: int
    missing: tuple[str, ...]
    layout: str
    fim: Result | None
    verdict: str

    def to_json(self) -> dict[str, Any]:
        """Return the values that `--json` prints."""
        return {
            "url": self.url,
            "kind": self.kind,
            "model": self.model,
            "models": list(self.models),
            "contextTokens": self.context_tokens,
            "missing": list(self.missing),
            "layout": self.layout,
            "answers": list(self.fim.answers) if self.fim is not None else [],
            "verdict": self.verdict,
        }


@click.group()
def endpoint() -> None:
    """Use a model server that runs already: Ollama, LM Studio, llama.cpp, vLLM, ..."""


@endpoint.command("find")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON array.")
def find(as_json: bool) -> None:
    """Look for model servers on this machine's usual ports."""
    from qwen_lsp.model import discover

    found = asyncio.run(discover.find())
    if as_json:
        echo(json.dumps([msgspec.to_builtins(one) for one in found]))
        return
    for one in found:
        others = ", ".join(name for name in one.models if name != one.model)
        echo(f"{one.url}  {one.kind}  {one.model}" + (f" (also {others})" if others else ""))
    if not found:
        ports = ", ".join(f"{port} ({name})" for name, port in discover.PORTS.items())
        echo(f"no model server answers on the ports {ports}; name another with `qwen-lsp endpoint test URL`")
    else:
        echo(f"use one: qwen-lsp endpoint add {found[0].url}")


def _options(command: Any) -> Any:
    for option in (
        click.option("--json", "as_json", is_flag=True, help="Print one JSON object."),
        click.option(
            "--key-command",
            default="",
            metavar="COMMAND",
            help="Program that prints the API key.",
        ),
        click.option("--key-file", default="", metavar="FILE", help="File with the API key, yours alone."),
        click.option("--key-env", default="", metavar="NAME", help="Environment variable with the API key."),
        click.option("--model", default="", metavar="NAME", help="The model, where it serves several."),
        click.option("--kind", default="auto", type=click.Choice(get_args(Kind)), help="What it speaks."),
        click.option(
            "--for", "use", default="completion", type=click.Choice(get_args(Use)), help="What it is for."
        ),
        click.argument("url", callback=lambda context, parameter, value: _address(value)),
    ):
        command = option(command)
    return command


@endpoint.command("test")
@_options
@click.option("--allow-remote", is_flag=True, help="Allow a host that is not this machine, for this test.")
def test(
    url: str,
    use: Use,
    kind: str,
    model: str,
    key_env: str,
    key_file: str,
    key_command: str,
    as_json: bool,
    allow_remote: bool,
) -> None:
    """Ask a server what it speaks and can do, and prove its FIM markers with three holes, or its chat."""
    key = _key_settings(key_env, key_file, key_command)
    tested = _tested(_config(url, kind, model, key, allow_remote), use)
    _show(tested, as_json)
    raise SystemExit(0 if tested.verdict == "works" else 1)


@endpoint.command("add")
@_options
@click.option("--fallback", is_flag=True, help="Add it behind those that are set, for when they are down.")
@click.option("--ask-key", is_flag=True, help="Ask for the API key, and keep it in a file of yours alone.")
@click.option("--key-stdin", is_flag=True, help="The same with a key that stands on standard input.")
@click.option("--allow-remote", is_flag=True, help="Yes, code may be sent to this host.")
@click.option("--force", is_flag=True, help="Add it even if its self-test fails.")
def add(
    url: str,
    use: Use,
    kind: str,
    model: str,
    key_env: str,
    key_file: str,
    key_command: str,
    as_json: bool,
    fallback: bool,
    ask_key: bool,
    key_stdin: bool,
    allow_remote: bool,
    force: bool,
) -> None:
    """Test a server, and write it into your settings: it is used from the next start of an editor.

    URL may be `engine`, the engine on this machine.
    """
    from qwen_lsp import settings_file
    from qwen_lsp.model import keys

    key = _key_settings(key_env, key_file, key_command)
    if url == ENGINE:
        tested = None
    else:
        if not is_loopback(url) and not allow_remote:
            question = f"Code that you edit will be sent to {host_of(url)}. Allow that?"
            click.confirm(question, abort=True, err=True)
            allow_remote = True
        if ask_key or key_stdin:
            question = f"API key of {host_of(url)}"
            entered = sys.stdin.readline() if key_stdin else click.prompt(question, hide_input=True, err=True)
            key_file = str(keys.save(host_of(url), entered))
            key = _key_settings(key_env, key_file, key_command)
        tested = _tested(_config(url, kind, model, key, allow_remote), use)
        _show(tested, as_json)
        if tested.verdict == "template" and not force:
            raise QwenLspError(
                "nothing was written: completion would not work there; --force adds it all the same"
            )
    now = read_config().endpoint
    settings_file.update(user_file(), _SECTIONS[use], _values(now.of(use), tested, url, key, fallback))
    if not is_loopback(url) and url != ENGINE and host_of(url) not in now.allowed_hosts:
        hosts = [*now.allowed_hosts, host_of(url)]
        settings_file.update(user_file(), "endpoint", {"allowedHosts": hosts})
    if tested is not None and tested.fim is not None and tested.layout != "spm":
        settings_file.update(user_file(), "completion", {"layout": tested.layout})
    echo(f"written to {user_file()}; editors use it when they start next", err=as_json)


def _values(
    now: EndpointConfig, tested: Tested | None, url: str, key: Mapping[str, Any], fallback: bool
) -> dict[str, Any]:
    """Return the settings that make a server the one that is used, or the last of the list."""
    kind, model = (tested.kind, tested.model) if tested is not None else ("auto", "")
    if not fallback:
        return {"url": url, "kind": kind, "model": model or None, **dict.fromkeys(_KEYS), **key}
    return {
        "url": list(dict.fromkeys((*now.urls, url))),
        # These hold for the whole list: what its servers differ in is asked of each.
        "kind": kind if now.kind == kind else "auto",
        "model": model if now.model == model and model else None,
        **key,
    }


@endpoint.command("remove")
@click.option("--for", "use", default="completion", type=click.Choice(get_args(Use)), help="Whose endpoints.")
def remove(use: Use) -> None:
    """Take the endpoints out of your settings, with the hosts and the layout that they brought."""
    from qwen_lsp import settings_file
    from qwen_lsp.model import keys

    config = read_config()
    gone, left = config.endpoint.of(use), config.endpoint.of(_OTHER[use])
    own_urls = config.endpoint.url if use == "completion" else config.endpoint.chat.url
    if not user_file().exists() or not (own_urls or (use == "chat" and config.endpoint.chat.model)):
        echo("no endpoint is set")
        return
    names = dict.fromkeys(("url", "kind", "model", *_KEYS, "allowRemote"))
    settings_file.update(user_file(), _SECTIONS[use], names)
    taken = [_SECTIONS[use]]
    removed = {host_of(url) for url in named(own_urls)}
    if use == "completion" and not config.endpoint.chat.url:
        kept = set()  # chat followed it, and does no longer
    else:
        kept = {host_of(url) for url in left.urls}
    hosts = [host for host in config.endpoint.allowed_hosts if host not in removed - kept]
    if len(hosts) < len(config.endpoint.allowed_hosts):
        settings_file.update(user_file(), "endpoint", {"allowedHosts": hosts or None})
        taken.append("endpoint.allowedHosts")
    if use == "completion" and config.completion.layout == "psm":
        settings_file.update(user_file(), "completion", {"layout": None})
        taken.append("completion.layout")
    for host in removed - kept:
        if gone.api_key_file and Path(gone.api_key_file) == keys.own_file(host):
            keys.own_file(host).unlink(missing_ok=True)
            taken.append(gone.api_key_file)
    echo(f"taken out of {user_file()}: {', '.join(taken)}")


def _address(text: str) -> str:
    return text if "//" in text or text == ENGINE else f"http://{text}"


def _key_settings(env: str, file: str, command: str) -> dict[str, Any]:
    """Return the settings of a key that the command line names; {} for none."""
    values = dict(zip(_KEYS, (env, file, shlex.split(command)), strict=True))
    return {name: value for name, value in values.items() if value}


def _config(url: str, kind: str, model: str, key: Mapping[str, Any], allow_remote: bool) -> EndpointConfig:
    """Return the settings as the command line gives them, within what an administrator allows.

    Raises: ConfigError when that is not this address.
    """
    values = {"url": url, "kind": kind, "model": model, "allowRemote": allow_remote, **key}
    config, problems = resolve([Layer("command line", {"endpoint": values}, trusted=True)])
    if config.endpoint.url != url:
        raise ConfigError("; ".join(map(str, problems)))
    return config.endpoint


def _tested(config: EndpointConfig, use: Use) -> Tested:
    from qwen_lsp.model.dialects.known import others
    from qwen_lsp.model.remote import RemoteEndpoint

    async def work(config: EndpointConfig) -> Tested:
        host = RemoteEndpoint(config, lambda state: None)
        try:
            client = await host.ready()
            return await (_ask(client) if use == "completion" else _ask_chat(client))
        finally:
            await host.close()

    async def best() -> Tested:
        """Ask; where an endpoint can be taken for another kind, only its answers show which it is."""
        found = await work(config)
        if use == "completion" and config.kind == "auto" and found.verdict != "works":
            for dialect in others(found.kind):
                with contextlib.suppress(EndpointRejected):
                    other = await work(msgspec.structs.replace(config, kind=dialect.name))
                    if other.verdict == "works":
                        return other
        return found

    return asyncio.run(best())


async def _ask(client: Client) -> Tested:
    """Run the self-test; where the model's own layout fails, the documented one is tried, too."""
    from qwen_lsp.completion import fim_check
    from qwen_lsp.model import catalog

    profile = catalog.endpoint_profile(client.endpoint.model)

    async def check(layout: str) -> Result:
        try:
            return await fim_check.check(client, profile.tokens, layout)
        except EndpointRejected as error:  # it has a list of models, and perhaps chat, but not this
            return fim_check.Result((str(error),) * len(fim_check.HOLES), has_logprobs=False)

    layout: str = profile.fim_layout
    result = await check(layout)
    if result.verdict != "works" and layout != "psm":
        other = await check("psm")
        if other.verdict == "works":
            layout, result = "psm", other
    missing = set(client.can.missing) | ({"logprobs"} if not result.has_logprobs else set())
    return _found(client, missing, layout, result, result.verdict)


async def _ask_chat(client: Client) -> Tested:
    from qwen_lsp.model import chat_check

    is_right = await chat_check.answers(client)
    return _found(client, set(client.can.missing), "", None, "works" if is_right else "unsure")


def _found(client: Client, missing: set[str], layout: str, fim: Result | None, verdict: str) -> Tested:
    end = client.endpoint
    lacks = tuple(sorted(missing))
    return Tested(
        end.url, end.dialect.name, end.model, end.models, end.context_tokens, lacks, layout, fim, verdict
    )


def _show(tested: Tested, as_json: bool) -> None:
    from qwen_lsp.completion.fim_check import TEMPLATE_REMEDY

    if as_json:
        echo(json.dumps(tested.to_json(), ensure_ascii=False))
        return
    context = f" with {tested.context_tokens} tokens of context" if tested.context_tokens else ""
    model = tested.model or "a model without a name"
    echo(f"{tested.url} speaks `{tested.kind}` and serves {model}{context}")
    for name in tested.missing if tested.fim is not None else ():
        echo(f"  without {name}: {WITHOUT[name]}")
    if tested.fim is None:
        echo(f"  chat: a simple question got {'its' if tested.verdict == 'works' else 'no'} right answer")
        return
    echo(f"  fill-in-the-middle ({tested.layout}): {tested.fim.n_right} of 3 holes right")
    if tested.fim.verdict != "works":
        for answer in tested.fim.answers:
            echo(f"    {answer!r}")
    if tested.fim.verdict == "template":
        echo(f"  {TEMPLATE_REMEDY}")
