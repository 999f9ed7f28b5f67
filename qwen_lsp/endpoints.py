"""The settings of an endpoint, and the one rule of which address may get code and a key.

A loopback address needs no permission. Any other host is allowed by name (`endpoint.allowedHosts`) or by
`endpoint.allowRemote`, which means the host of the `endpoint.url` that stands beside it. Knows no HTTP.
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

# These belong to one origin: whoever names another one brings them again.
BOUND_KEYS = (
    "endpoint.allowRemote",
    "endpoint.apiKeyEnv",
    "endpoint.clientCertificate",
    "endpoint.clientKey",
)
# Nothing that two parsers of addresses may read differently: no user name, no backslash, no blank.
_PLAIN_ADDRESS = re.compile(r"https?://[A-Za-z0-9._:\[\]-]+(?:/[!-?A-\[\]-~]*)?")


# What an endpoint speaks; `auto` finds it out.
Kind = Literal["auto", "llama", "ollama", "openai", "suffix"]


class EndpointConfig(msgspec.Struct, frozen=True, rename="camel"):
    """A server to use instead of the built-in engine. Only the user's own settings can name one."""

    url: Annotated[
        str,
        Meta(
            description="llama.cpp's server, Ollama or any OpenAI-compatible one, such as "
            "http://127.0.0.1:8080. A host that is not this machine has to be named in `allowedHosts`.",
            extra_json_schema=USER_ONLY,
        ),
    ] = ""
    kind: Annotated[
        Kind,
        Meta(
            description="`llama`: llama.cpp's own API; `ollama`: Ollama's; `openai`: /v1/completions with "
            "the model's markers in the prompt (vLLM, SGLang, LM Studio, Model Studio); `suffix`: the same "
            "with a `suffix` field; `auto`: detect it.",
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
    allowed_hosts: Annotated[
        tuple[str, ...],
        Meta(
            description="Hosts that may receive your code: `gpu.example.org`, `gpu.example.org:8443`, "
            "`*.example.org`.",
            extra_json_schema=USER_ONLY,
        ),
    ] = ()
    allow_remote: Annotated[
        bool,
        Meta(
            description="Allow the host of the `url` that stands in the same place as this setting.",
            extra_json_schema=USER_ONLY,
        ),
    ] = False
    api_key_env: Annotated[
        str,
        Meta(
            description="Name of the environment variable that holds the endpoint's API key. "
            "It is sent to the host of `url` only, over HTTPS unless that is this machine.",
            extra_json_schema=USER_ONLY,
        ),
    ] = ""
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
    """Tell whether code may go to `config.url`: this machine, or a host that the user allowed."""
    url = config.url
    return is_http(url) and (is_loopback(url) or config.allow_remote or matches(url, config.allowed_hosts))


def keeps_key(url: str) -> bool:
    """Tell whether a key stays secret on its way: over TLS, or without leaving this machine."""
    return is_loopback(url) or url.startswith("https://")


def released(values: Mapping[str, Any], url: str) -> tuple[str, ...]:
    """Name the settings that a new `endpoint.url` makes void, because they were given to another origin."""
    return () if origin(str(values["endpoint.url"])) == origin(url) else BOUND_KEYS
