"""The command group `qwen-lsp endpoint`: find model servers, test one, and make it the one that is used.

Only the user's own settings file is written, and only by `add` and `remove`.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

import click
import msgspec

from qwen_lsp.cli.config import read_config
from qwen_lsp.cli.echo import echo
from qwen_lsp.config import Layer, resolve, user_file
from qwen_lsp.endpoints import EndpointConfig, Kind, host_of, is_loopback
from qwen_lsp.errors import ConfigError, QwenLspError

if TYPE_CHECKING:
    from qwen_lsp.completion.fim_check import Result
    from qwen_lsp.model.client import Client

# What is done about what an endpoint cannot do, in the words of the setting or the feature.
_WITHOUT = {
    "grammar": "a word that is typed half is asked for from its beginning",
    "logprobs": "what is shown is judged by its syntax alone",
    "prompt cache": "nothing is read ahead",
    "slots": "actions and completion take turns in one cache",
}


@dataclass(frozen=True, slots=True)
class Tested:
    """An endpoint that answered: what it speaks, its model, what it cannot do, and its self-test."""

    url: str
    kind: str
    model: str
    missing: tuple[str, ...]
    layout: str
    fim: Result

    def to_json(self) -> dict[str, Any]:
        """Return the values that `--json` prints."""
        return {
            "url": self.url,
            "kind": self.kind,
            "model": self.model,
            "missing": list(self.missing),
            "layout": self.layout,
            "answers": list(self.fim.answers),
            "verdict": self.fim.verdict,
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
        echo(f"{one.url}  {one.kind}  {one.model}")
    if not found:
        ports = ", ".join(f"{port} ({name})" for name, port in discover.PORTS.items())
        echo(f"no model server answers on the ports {ports}; name another with `qwen-lsp endpoint test URL`")
    else:
        echo(f"use one: qwen-lsp endpoint add {found[0].url}")


def _options(command: Any) -> Any:
    for option in (
        click.option("--json", "as_json", is_flag=True, help="Print one JSON object."),
        click.option("--key-env", default="", metavar="NAME", help="Environment variable with the API key."),
        click.option("--model", default="", metavar="NAME", help="The model, where it serves several."),
        click.option("--kind", default="auto", type=click.Choice(get_args(Kind)), help="What it speaks."),
        click.argument("url", callback=lambda context, parameter, value: _address(value)),
    ):
        command = option(command)
    return command


@endpoint.command("test")
@_options
@click.option("--allow-remote", is_flag=True, help="Allow a host that is not this machine, for this test.")
def test(url: str, kind: str, model: str, key_env: str, as_json: bool, allow_remote: bool) -> None:
    """Ask a server what it speaks and can do, and fill three holes to prove its FIM markers."""
    tested = _tested(_config(url, kind, model, key_env, allow_remote))
    _show(tested, as_json)
    raise SystemExit(0 if tested.fim.verdict == "works" else 1)


@endpoint.command("add")
@_options
@click.option("--allow-remote", is_flag=True, help="Yes, code may be sent to this host.")
@click.option("--force", is_flag=True, help="Add it even if its FIM markers do not work.")
def add(
    url: str, kind: str, model: str, key_env: str, as_json: bool, allow_remote: bool, force: bool
) -> None:
    """Test a server, and write it into your settings: it is used from the next start of an editor."""
    from qwen_lsp import settings_file

    if not is_loopback(url) and not allow_remote:
        click.confirm(f"Code that you edit will be sent to {host_of(url)}. Allow that?", abort=True, err=True)
        allow_remote = True
    tested = _tested(_config(url, kind, model, key_env, allow_remote))
    _show(tested, as_json)
    if tested.fim.verdict == "template" and not force:
        raise QwenLspError(
            "nothing was written: completion would not work there; --force adds it all the same"
        )
    hosts = list(read_config().endpoint.allowed_hosts)
    if not is_loopback(url) and host_of(url) not in hosts:
        hosts.append(host_of(url))
    values = {
        "url": tested.url,
        "kind": tested.kind,
        "model": tested.model or None,
        "apiKeyEnv": key_env or None,
        "allowedHosts": hosts or None,
    }
    settings_file.update(user_file(), "endpoint", values)
    if tested.layout != "spm":
        settings_file.update(user_file(), "completion", {"layout": tested.layout})
    echo(f"written to {user_file()}; editors use it when they start next", err=as_json)


@endpoint.command("remove")
def remove() -> None:
    """Take the endpoint out of your settings: the model on this machine is used again."""
    from qwen_lsp import settings_file

    if not user_file().exists() or not read_config().endpoint.url:
        echo("no endpoint is set")
        return
    settings_file.update(user_file(), "endpoint", dict.fromkeys(("url", "kind", "model", "apiKeyEnv")))
    echo(f"taken out of {user_file()}")


def _address(text: str) -> str:
    return text if "//" in text else f"http://{text}"


def _config(url: str, kind: str, model: str, key_env: str, allow_remote: bool) -> EndpointConfig:
    """Return the settings as the command line gives them, within what an administrator allows.

    Raises: ConfigError when that is not this address.
    """
    values = {"url": url, "kind": kind, "model": model, "apiKeyEnv": key_env, "allowRemote": allow_remote}
    config, problems = resolve([Layer("command line", {"endpoint": values}, trusted=True)])
    if config.endpoint.url != url:
        raise ConfigError("; ".join(map(str, problems)))
    return config.endpoint


def _tested(config: EndpointConfig) -> Tested:
    from qwen_lsp.model.remote import RemoteEndpoint

    async def work() -> Tested:
        host = RemoteEndpoint(config, lambda state: None)
        try:
            return await _ask(await host.ready())
        finally:
            await host.close()

    return asyncio.run(work())


async def _ask(client: Client) -> Tested:
    """Run the self-test; where the model's own layout fails, the documented one is tried, too."""
    from qwen_lsp.completion import fim_check
    from qwen_lsp.model import catalog

    profile = catalog.endpoint_profile(client.endpoint.model)
    layout: str = profile.fim_layout
    result = await fim_check.check(client, profile.tokens, layout)
    if result.verdict != "works" and layout != "psm":
        other = await fim_check.check(client, profile.tokens, "psm")
        if other.verdict == "works":
            layout, result = "psm", other
    missing = set(client.can.missing) | ({"logprobs"} if not result.has_logprobs else set())
    dialect = client.endpoint.dialect.name
    return Tested(client.endpoint.url, dialect, client.endpoint.model, tuple(sorted(missing)), layout, result)


def _show(tested: Tested, as_json: bool) -> None:
    from qwen_lsp.completion.fim_check import TEMPLATE_REMEDY

    if as_json:
        echo(json.dumps(tested.to_json(), ensure_ascii=False))
        return
    echo(f"{tested.url} speaks `{tested.kind}` and serves {tested.model or 'a model without a name'}")
    for name in tested.missing:
        if name in _WITHOUT:
            echo(f"  without {name}: {_WITHOUT[name]}")
    echo(f"  fill-in-the-middle ({tested.layout}): {tested.fim.n_right} of 3 holes right")
    if tested.fim.verdict != "works":
        for answer in tested.fim.answers:
            echo(f"    {answer!r}")
    if tested.fim.verdict == "template":
        echo(f"  {TEMPLATE_REMEDY}")
