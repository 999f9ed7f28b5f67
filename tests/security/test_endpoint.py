"""The boundary to an endpoint: no key and no byte of code reaches a listener that the user did not name."""

from __future__ import annotations

import asyncio
import itertools
import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lsprotocol import types

from qwen_lsp.bench.editor import capabilities
from qwen_lsp.config import Layer, resolve
from qwen_lsp.endpoints import EndpointConfig, host_of, is_http, is_loopback, matches, may_receive_code
from qwen_lsp.errors import ConfigError, EndpointRejected, EndpointUnavailable
from qwen_lsp.model.client import Client, Endpoint
from qwen_lsp.model.generation import Request
from qwen_lsp.model.remote import RemoteEndpoint
from tests.support.editor import Editor, editing
from tests.support.engine_server import EngineServer, running
from tests.support.waiting import until

KEY = "the-key-of-the-user"
CODE = "canary_of_the_user"


@dataclass
class Stranger:
    """A listener that nobody named, and every byte that reached it."""

    port: int = 0
    heard: bytearray = field(default_factory=bytearray)
    connections: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.heard += await reader.read(65_536)
        writer.close()


@asynccontextmanager
async def listening() -> AsyncIterator[Stranger]:
    stranger = Stranger()
    server = await asyncio.start_server(stranger.serve, "127.0.0.1", 0)
    stranger.port = server.sockets[0].getsockname()[1]
    async with server:
        yield stranger


def hostile(port: int) -> list[dict[str, Any]]:
    """Every setting of an endpoint, and every other that names a place, aimed at a port."""
    url = f"http://127.0.0.1:{port}"
    single: dict[str, Any] = {
        "endpoint.url": url,
        "endpoint.kind": "openai",
        "endpoint.model": "other",
        "endpoint.allowedHosts": ["127.0.0.1", "*"],
        "endpoint.allowRemote": True,
        "endpoint.apiKeyEnv": "PATH",
        "endpoint.caFile": "/dev/null",
        "endpoint.clientCertificate": "/dev/null",
        "endpoint.clientKey": "/dev/null",
        "endpoint.chat.url": url,
        "endpoint.chat.allowRemote": True,
        "endpoint.chat.apiKeyEnv": "PATH",
        "endpoint.apiKeyFile": "/etc/hostname",
        "endpoint.apiKeyCommand": ["/bin/sh", "-c", f"curl {url}"],
        "endpoint.chat.apiKeyCommand": ["/bin/sh", "-c", f"curl {url}"],
        "model.huggingfaceUrl": url,
        "model.modelscopeUrl": url,
        "engine.program": "/bin/true",
        "model.path": "/dev/zero",
    }
    return [
        *({key: value} for key, value in single.items()),
        single,
        {"endpoint": {"url": url}},
        {"endpoint": {"url": url, "allowRemote": True, "kind": "llama"}},
        {"qwenLsp": {"endpoint": {"url": url}}},
        {"qwenLsp.endpoint.url": url},
        {"endpoint": {"url": f"{url}/v1", "allowedHosts": ["127.0.0.1"]}},
        {"endpoint": [url]},
        {"endpoint": {"url": {"url": url}}},
        {"endpoint.url.": url},
        {"Endpoint": {"Url": url}, "endpoint": {"URL": url}},
    ]


async def used(editor: Editor, marker: str = "") -> None:
    """Ask for a completion; its answer comes from the user's own engine. `marker` is a setting in force."""
    if marker:
        messages = editor.session.messages
        await until(lambda: any(marker in one.message for one in messages), f"{marker} is in force")
    place = await editor.open(f"{CODE} = ║\n")
    await editor.suggest(place)
    await editor.session.close(place.uri)


@pytest.mark.parametrize("layer", ["initializationOptions", "workspace/configuration", "pushed"])
async def test_no_layer_of_a_client_moves_the_endpoint(
    engine: EngineServer, settings_file: Path, monkeypatch: pytest.MonkeyPatch, layer: str
) -> None:
    engine.api_key = KEY
    monkeypatch.setenv("OWN_KEY", KEY)
    settings_file.parent.mkdir(parents=True, exist_ok=True)
    settings_file.write_text(
        f'[endpoint]\nurl = "{engine.url}"\nallowRemote = true\napiKeyEnv = "OWN_KEY"\n', "utf-8"
    )
    async with listening() as stranger:
        attacks = hostile(stranger.port)
        # Each start of a server costs half a second, so one that is reported all in turn is asked after each.
        is_first = layer == "initializationOptions"
        client = capabilities([types.PositionEncodingKind.Utf16])
        assert client.workspace is not None
        client.workspace.configuration = layer != "pushed"  # who can be asked is not listened to
        for reported in [_merged(attacks), *attacks[-9:-6]] if is_first else [{}]:
            user, options = {"endpoint.url": None}, _marked(reported, "first")
            async with editing(engine, user=user, options=options, client=client) as editor:
                await used(editor, "first")
                for number, attack in enumerate(attacks if not is_first else []):
                    marker = f"marker{number}."
                    if layer == "workspace/configuration":
                        editor.session.settings = _marked(attack, marker)
                    editor.session.client.workspace_did_change_configuration(
                        types.DidChangeConfigurationParams({"qwenLsp": _marked(attack, marker)})
                    )
                    await used(editor, marker)
                editor.take_messages()
        assert (stranger.connections, bytes(stranger.heard)) == (0, b"")
    assert any(CODE in made.prompt for made in engine.generations), "the user's own engine is still asked"
    assert {headers.get("authorization") for headers in engine.headers} == {f"Bearer {KEY}"}


def _marked(values: dict[str, Any], marker: str) -> dict[str, Any]:
    """Add a setting that there is not: the message about it says that the others are in force, too."""
    return {**values, marker: True}


def _merged(attacks: list[dict[str, Any]]) -> dict[str, Any]:
    return {key: value for values in attacks for key, value in values.items()}


def test_no_settings_of_a_client_change_the_endpoint_of_the_user() -> None:
    chance = random.Random(7)
    user = Layer("file", {"endpoint.url": "http://gpu:1", "endpoint.allowedHosts": ["gpu"]}, trusted=True)
    own, _ = resolve([user])
    attacks = hostile(9)
    for _ in range(200):
        layers = [Layer(f"client {n}", chance.choice(attacks)) for n in range(chance.randint(1, 4))]
        layers.insert(chance.randrange(len(layers) + 1), user)
        config, problems = resolve(layers)
        assert (config.endpoint, config.engine, config.model) == (own.endpoint, own.engine, own.model)
        assert problems, layers


def test_key_and_permission_belong_to_one_origin() -> None:
    file = Layer(
        "file",
        {
            "endpoint.url": "https://team.example/v1",
            "endpoint.allowRemote": True,
            "endpoint.apiKeyEnv": "TEAM_KEY",
            "endpoint.clientCertificate": "/me.pem",
        },
        trusted=True,
    )
    same = Layer("command line", {"endpoint.url": "https://TEAM.example:443/"}, trusted=True)
    config, _ = resolve([file, same])
    assert config.endpoint.api_key_env == "TEAM_KEY"
    assert config.endpoint.allow_remote
    for url in ("https://other.example", "http://team.example", "https://team.example:444"):
        config, _ = resolve([file, Layer("command line", {"endpoint": {"url": url}}, trusted=True)])
        assert config.endpoint == EndpointConfig(url=url)
        own = {"endpoint.url": url, "endpoint.allowRemote": True, "endpoint.apiKeyEnv": "MINE"}
        config, _ = resolve([file, Layer("command line", own, trusted=True)])
        assert config.endpoint == EndpointConfig(url=url, allow_remote=True, api_key_env="MINE")


@pytest.mark.parametrize(
    ("url", "hosts", "is_allowed"),
    [
        ("https://gpu.example", ["gpu.example"], True),
        ("https://GPU.example/v1", ["Gpu.Example"], True),
        ("https://gpu.example:8443", ["gpu.example:8443"], True),
        ("https://gpu.example", ["gpu.example:443"], True),
        ("https://gpu.example:8443", ["gpu.example:443"], False),
        ("https://a.example", ["*.example"], True),
        ("https://example", ["*.example"], False),
        ("https://evilexample", ["*.example"], False),
        ("https://gpu.example.evil", ["gpu.example"], False),
        ("https://gpu.example", ["*"], False),
        ("https://gpu.example", [""], False),
        ("https://[2001:db8::1]:8080", ["[2001:db8::1]:8080"], True),
        ("https://[2001:db8::1]", ["2001:db8::1"], True),
        ("https://[2001:db8::1]", ["2001:db8::2"], False),
        ("https://gpu.example@evil", ["gpu.example", "evil"], False),
    ],
)
def test_hosts_are_allowed_by_name(url: str, hosts: list[str], is_allowed: bool) -> None:
    assert matches(url, hosts) is is_allowed
    assert may_receive_code(EndpointConfig(url=url, allowed_hosts=tuple(hosts))) is is_allowed


_WORDS = (
    "http https :// / \\ @ : # ? 127.0.0.1 localhost evil.example [::1] 80 8080 %40 . ::ffff: 。 ０ u v1 ] ["
)
_PIECES = st.sampled_from([*_WORDS.split(), "\t", "\n", " ", "http://"])


@given(st.lists(_PIECES, max_size=9).map("".join))
def test_our_reading_of_an_address_is_the_http_library_s(url: str) -> None:
    """What we take for this machine, or for an allowed host, is where the bytes really go."""
    for text in (url, f"http://{url}"):
        if not is_http(text):
            assert not is_loopback(text)
            continue
        try:
            parsed = httpx.URL(text.rstrip("/"))
        except httpx.InvalidURL:
            continue
        assert parsed.host == host_of(text)


async def test_a_key_is_never_sent_in_the_clear(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEAM_KEY", KEY)
    for url in ("http://gpu.example:8080", "http://192.0.2.1"):
        config = EndpointConfig(url=url, allow_remote=True, api_key_env="TEAM_KEY")
        host = RemoteEndpoint(config, lambda state: None)
        with pytest.raises(ConfigError, match="https"):
            await host.ready()
        await host.close()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_no_redirect_is_followed(status: int) -> None:
    async with listening() as stranger:
        answers = itertools.repeat(
            f"HTTP/1.1 {status} Moved\r\nLocation: http://127.0.0.1:{stranger.port}/completion\r\n"
            "Content-Length: 0\r\n\r\n"
        )

        async def redirect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(next(answers).encode())
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(redirect, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with server:
            client = Client(Endpoint(f"http://127.0.0.1:{port}", api_key=KEY))
            with pytest.raises(EndpointRejected, match="sends on to"):
                async with client.stream(Request(CODE, 1)) as chunks:
                    _ = [chunk async for chunk in chunks]
            with pytest.raises(EndpointRejected, match="sends on to"):
                await client.served()
            assert not await client.health()
            await client.close()
        assert stranger.connections == 0


async def test_a_proxy_of_the_environment_never_sees_what_stays_here(
    engine: EngineServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with listening() as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "HTTPS_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        client = Client(Endpoint(engine.url))
        async with client.stream(Request(CODE, 1)) as chunks:
            _ = [chunk async for chunk in chunks]
        await client.close()
        assert proxy.connections == 0
        remote = Client(Endpoint("http://gpu.invalid"))
        with pytest.raises((EndpointUnavailable, EndpointRejected)):
            await remote.served()
        await remote.close()
        assert proxy.connections == 1, "and what goes to another machine takes the way of the network"


async def test_another_engine_s_permission_is_not_this_one_s() -> None:
    """The permission for one host does not open another, with a real listener behind the second name."""
    async with listening() as stranger:
        url = f"http://localhost.localdomain:{stranger.port}"
        host = RemoteEndpoint(
            EndpointConfig(url=url, allowed_hosts=("gpu.example", "localhost")), lambda state: None
        )
        with pytest.raises(ConfigError, match="allowedHosts"):
            await host.ready()
        await host.close()
        assert stranger.connections == 0


def test_the_message_of_a_refused_host_is_one_line_of_toml() -> None:
    assert json.dumps([host_of("https://gpu.example/v1")]) == '["gpu.example"]'


async def test_the_engine_that_the_user_names_is_asked(engine: EngineServer) -> None:
    """The reverse case: with nobody in the way, code goes where the user said."""
    async with running(EngineServer()) as own, editing(own) as editor:
        await used(editor)
        assert any(CODE in made.prompt for made in own.generations)
    assert engine.generations == []


def test_key_and_permission_of_chat_are_its_own() -> None:
    team, other = "https://team.example", "https://other.example"
    file = Layer("file", {"endpoint": {"chat": {"url": team, "apiKeyEnv": "K", "allowRemote": True}}}, True)
    assert resolve([file])[0].endpoint.of("chat").api_key_env == "K"
    assert resolve([file])[0].endpoint.of("completion") == EndpointConfig()
    for key, url in (("endpoint.chat.url", other), ("endpoint.chat.url", [team, other])):
        config, _ = resolve([file, Layer("command line", {key: url}, trusted=True)])
        chat = config.endpoint.of("chat")
        assert (chat.api_key_env, chat.allow_remote, may_receive_code(chat)) == ("", False, False)
    kept, _ = resolve([file, Layer("command line", {"endpoint.chat.url": [team, "engine"]}, trusted=True)])
    assert kept.endpoint.of("chat").api_key_env == "K"
    assert may_receive_code(kept.endpoint.of("chat"))


def test_every_address_of_a_list_has_to_be_allowed() -> None:
    urls = ("https://a.example", "http://127.0.0.1:1", "engine", "https://b.example")
    assert may_receive_code(EndpointConfig(url=urls, allowed_hosts=("*.example",)))
    assert not may_receive_code(EndpointConfig(url=urls, allowed_hosts=("a.example",)))
