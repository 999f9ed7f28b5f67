"""The settings of endpoints, and the one rule of which address may get code and a key.

A loopback address needs no permission. Any other host is allowed by name (`endpoint.allowedHosts`) or by
`allowRemote`, which means the hosts of the `url` that stands beside it. Completion and chat may have
endpoints of their own, and each may have several, tried in order. Knows no HTTP.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection, Mapping
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

USER_ONLY: dict[str, Any] = {"x-scope": "user"}

# The settings that name addresses, and what belongs to their origins: whoever names others brings it again.
URL_KEYS = ("endpoint.url", "endpoint.chat.url")
_BOUND = ("allowRemote", "apiKeyEnv", "apiKeyFile", "apiKeyCommand", "clientCertificate", "clientKey")
# What stands in the place of an address for the engine on this machine.
ENGINE = "engine"
# Nothing that two parsers of addresses may read differently: no user name, no backslash, no blank.
_PLAIN_ADDRESS = re.compile(r"https?://[A-Za-z0-9._:\[\]-]+(?:/[!-?A-\[\]-~]*)?")


# What an endpoint speaks; `auto` finds it out.
Kind = Literal[
    "auto",
    "llama",
    "ollama",
    "openai",
    "vllm",
    "sglang",
    "tensorrt",
    "lmstudio",
    "modelstudio",
    "suffix",
    "chat",
]
# What an endpoint is asked for. Actions and the questions of a review are chats.
Use = Literal["completion", "chat"]


class _Server(msgspec.Struct, frozen=True, rename="camel"):
    """What is said of an endpoint, whatever it is used for."""

    kind: Annotated[
        Kind,
        Meta(
            description="What it speaks. `auto`: find out; `llama`: llama.cpp's own API; `ollama`: Ollama's; "
            "`openai`: /v1/completions with the model's markers in the prompt; `vllm`, `sglang`, `tensorrt`, "
            "`lmstudio`, `modelstudio`: the same with what these servers can and cannot do; `suffix`: a "
            "gateway that takes a `suffix` and writes the markers itself; `chat`: one that has chat alone.",
            extra_json_schema=USER_ONLY,
        ),
    ] = "auto"
    model: Annotated[
        str,
        Meta(
            description="The model's name at the endpoint, where it serves several.",
            extra_json_schema=USER_ONLY,
        ),
    ] = ""
    allow_remote: Annotated[
        bool,
        Meta(
            description="Allow the hosts of the `url` that stands in the same place as this setting.",
            extra_json_schema=USER_ONLY,
        ),
    ] = False
    api_key_env: Annotated[
        str,
        Meta(
            description="Name of the environment variable that holds the endpoint's API key. "
            "It is sent to the hosts of `url` only, over HTTPS unless that is this machine.",
            extra_json_schema=USER_ONLY,
        ),
    ] = ""
    api_key_file: Annotated[
        str,
        Meta(
            description="File that holds the API key, readable by you alone; `qwen-lsp endpoint add "
            "--ask-key` writes one.",
            extra_json_schema=USER_ONLY,
        ),
    ] = ""
    api_key_command: Annotated[
        tuple[str, ...],
        Meta(
            description="Program that prints the API key, with its arguments: that of a keyring or a "
            'password manager, such as `["secret-tool", "lookup", "host", "models.example.org"]`. It runs '
            "once a session, without a shell.",
            extra_json_schema=USER_ONLY,
        ),
    ] = ()
    client_certificate: Annotated[
        str,
        Meta(
            description="PEM file of the certificate to identify with at the endpoint.",
            extra_json_schema=USER_ONLY,
        ),
    ] = ""
    client_key: Annotated[
        str,
        Meta(
            description="PEM file of that certificate's key, where it is a file of its own.",
            extra_json_schema=USER_ONLY,
        ),
    ] = ""


class ChatEndpointConfig(_Server, frozen=True, rename="camel"):
    """Another endpoint for actions and the questions of a review."""

    url: Annotated[
        str | tuple[str, ...],
        Meta(
            description="As `endpoint.url`, for actions and the questions of a review; empty: the same as "
            "for completion, with another `model` if one is named here.",
            extra_json_schema=USER_ONLY,
        ),
    ] = ""


class EndpointConfig(_Server, frozen=True, rename="camel"):
    """A server to use instead of the built-in engine. Only the user's own settings can name one."""

    url: Annotated[
        str | tuple[str, ...],
        Meta(
            description="llama.cpp's server, Ollama or any OpenAI-compatible one, such as "
            "http://127.0.0.1:8080. In a list, the next one is used while one is down; `engine` is the "
            "engine on this machine. A host that is not this machine has to be named in `allowedHosts`.",
            extra_json_schema=USER_ONLY,
        ),
    ] = ""
    allowed_hosts: Annotated[
        tuple[str, ...],
        Meta(
            description="Hosts that may receive your code: `gpu.example.org`, `gpu.example.org:8443`, "
            "`*.example.org`.",
            extra_json_schema=USER_ONLY,
        ),
    ] = ()
    ca_file: Annotated[
        str,
        Meta(
            description="PEM file of authorities to trust for the endpoint besides the system's.",
            extra_json_schema=USER_ONLY,
        ),
    ] = ""
    redact: Annotated[
        Literal["remote", "always"],
        Meta(
            description="Replace secrets in what is sent: to other machines, or `always`, to this one too.",
            extra_json_schema=USER_ONLY,
        ),
    ] = "remote"
    keep_sent_text: Annotated[
        bool,
        Meta(
            description="Keep what is sent to other machines, word for word, in the record of `qwen-lsp "
            "audit`, which stays on this machine.",
            extra_json_schema=USER_ONLY,
        ),
    ] = False
    chat: ChatEndpointConfig = ChatEndpointConfig()

    @property
    def urls(self) -> tuple[str, ...]:
        """The addresses in their order, without repetition; ENGINE where none is set."""
        return named(self.url) or (ENGINE,)

    @property
    def is_engine(self) -> bool:
        """Whether the engine on this machine is all there is."""
        return self.urls == (ENGINE,)

    def each(self) -> tuple[EndpointConfig, ...]:
        """Return the settings of each address by itself."""
        return tuple(msgspec.structs.replace(self, url=url) for url in self.urls)

    def of(self, use: Use) -> EndpointConfig:
        """Return what is used for completion or for chat, as settings without a `chat` of their own."""
        alone = msgspec.structs.replace(self, chat=ChatEndpointConfig())
        if use == "completion":
            return alone
        if not named(self.chat.url):
            return msgspec.structs.replace(alone, model=self.chat.model) if self.chat.model else alone
        own = {name: getattr(self.chat, name) for name in self.chat.__struct_fields__}
        return msgspec.structs.replace(alone, **own)


def named(url: Any) -> tuple[str, ...]:
    """Return the addresses that a setting names, without repetition; none for what is no such setting."""
    many = (url,) if isinstance(url, str) else url if isinstance(url, list | tuple) else ()
    return tuple(dict.fromkeys(one for one in many if isinstance(one, str) and one))


def is_http(url: str) -> bool:
    """Tell whether a text is the plain address of an HTTP server, which every parser reads alike."""
    try:
        parts = urlsplit(url)
        has_place = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        return False
    return has_place and _PLAIN_ADDRESS.fullmatch(url) is not None


def is_loopback(url: str) -> bool:
    """Tell whether a URL certainly names this machine; any doubt means no."""
    try:
        host = urlsplit(url).hostname or ""
        return is_http(url) and (host == "localhost" or ipaddress.ip_address(host).is_loopback)
    except ValueError:
        return False


def origin(url: str) -> tuple[str, str, int] | None:
    """Return scheme, host and port of an address; None where it is none."""
    if not is_http(url):
        return None
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)


def host_of(url: str) -> str:
    """Return the host that an address names, for people; the text itself where it is no address."""
    place = origin(url)
    return place[1] if place else url


def matches(url: str, hosts: Collection[str]) -> bool:
    """Tell whether the host of an address is one of `hosts`: a name, a name with its port, or `*.name`."""
    if (place := origin(url)) is None:
        return False
    _, host, port = place
    for pattern in hosts:
        name, mark, wanted = (
            pattern.lower().rpartition(":") if _has_port(pattern) else (pattern.lower(), "", "")
        )
        if mark and wanted != str(port):
            continue
        name = name.strip("[]")
        if host == name or (name.startswith("*.") and host.endswith(name[1:])):
            return True
    return False


def _has_port(pattern: str) -> bool:
    head, _, tail = pattern.rpartition(":")
    return tail.isdecimal() and (":" not in head or head.endswith("]"))


def may_receive_code(config: EndpointConfig) -> bool:
    """Tell whether code may go to `config.url`: to this machine, or hosts that the user allowed."""
    return all(
        url == ENGINE
        or (is_http(url) and (is_loopback(url) or config.allow_remote or matches(url, config.allowed_hosts)))
        for url in config.urls
    )


def keeps_key(url: str) -> bool:
    """Tell whether a key stays secret on its way: over TLS, or without leaving this machine."""
    return is_loopback(url) or url.startswith("https://")


def released(values: Mapping[str, Any], key: str, url: Any) -> tuple[str, ...]:
    """Name the settings that a new value of one of URL_KEYS makes void: they were given to other origins."""
    before, after = (
        {place for one in named(value) if (place := origin(one))} for value in (values[key], url)
    )
    if after <= before:
        return ()
    return tuple(f"{key.removesuffix('url')}{name}" for name in _BOUND)
