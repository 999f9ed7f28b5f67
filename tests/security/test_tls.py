"""Connections with TLS, over real sockets: whose certificate is believed, and what is shown of our own."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import trustme

from qwen_lsp.endpoints import EndpointConfig
from qwen_lsp.errors import ConfigError, EndpointUnavailable
from qwen_lsp.model.remote import RemoteEndpoint

KEY = "the-key-of-the-user"
MODELS = {"data": [{"id": "qwen2.5-coder-1.5b", "owned_by": "someone"}]}


@dataclass
class Secure:
    """A server behind TLS: what it heard in plain text, and whose certificates it was shown."""

    port: int = 0
    heard: list[bytes] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)


@dataclass
class Files:
    """The PEM files of one test."""

    authority: Path
    certificate: Path
    key: Path


@pytest.fixture
def company() -> trustme.CA:
    return trustme.CA(organization_name="The company")


@pytest.fixture
def files(company: trustme.CA, tmp_path: Path) -> Files:
    made = Files(tmp_path / "ca.pem", tmp_path / "me.pem", tmp_path / "me.key")
    company.cert_pem.write_to_path(str(made.authority))
    mine = company.issue_cert("developer@example.org")
    for part in mine.cert_chain_pems:
        part.write_to_path(str(made.certificate), append=True)
    mine.private_key_pem.write_to_path(str(made.key))
    return made


@asynccontextmanager
async def serving(
    company: trustme.CA, name: str = "localhost", *, wants_certificate: bool = False
) -> AsyncIterator[Secure]:
    secure = Secure()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    company.issue_cert(name).configure_cert(context)
    company.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED if wants_certificate else ssl.CERT_NONE

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            return
        secure.heard.append(head)
        shown = writer.get_extra_info("peercert") or {}
        secure.shown += [str(value) for kind, value in shown.get("subjectAltName", ())]
        body = json.dumps(MODELS if b"/v1/models" in head else {"error": "no"}).encode()
        status = "200 OK" if b"/v1/models" in head else "404 Not Found"
        writer.write(
            f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode()
        )
        writer.write(body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
    secure.port = server.sockets[0].getsockname()[1]
    async with server:
        yield secure


async def reached(secure: Secure, **settings: str) -> str:
    """Ask the server for its model, as an endpoint with these settings is."""
    config = EndpointConfig(url=f"https://localhost:{secure.port}", api_key_env="OWN_KEY", **settings)  # type: ignore[arg-type]
    host = RemoteEndpoint(config, lambda state: None)
    try:
        return (await host.ready()).endpoint.model
    finally:
        await host.close()


@pytest.fixture(autouse=True)
def own_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OWN_KEY", KEY)


async def test_an_authority_of_the_user_s_is_believed_besides_the_system_s(
    company: trustme.CA, files: Files
) -> None:
    async with serving(company) as secure:
        assert await reached(secure, ca_file=str(files.authority)) == "qwen2.5-coder-1.5b"
        assert all(KEY.encode() in head for head in secure.heard)
        assert secure.shown == []


async def test_a_stranger_s_certificate_gets_not_a_byte(company: trustme.CA, tmp_path: Path) -> None:
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(str(other))
    async with serving(company) as secure:
        for settings in ({}, {"ca_file": str(other)}):
            with pytest.raises(EndpointUnavailable, match=r"cannot be reached.*certificate"):
                await reached(secure, **settings)
        assert secure.heard == []


async def test_a_certificate_for_another_name_gets_not_a_byte(company: trustme.CA, files: Files) -> None:
    async with serving(company, "models.example.org") as secure:
        with pytest.raises(EndpointUnavailable, match="cannot be reached"):
            await reached(secure, ca_file=str(files.authority))
        assert secure.heard == []


async def test_a_certificate_of_our_own_is_shown_to_who_asks(company: trustme.CA, files: Files) -> None:
    own = {"client_certificate": str(files.certificate), "client_key": str(files.key)}
    async with serving(company, wants_certificate=True) as secure:
        assert await reached(secure, ca_file=str(files.authority), **own) == "qwen2.5-coder-1.5b"
        assert set(secure.shown) == {"developer@example.org"}
        heard = len(secure.heard)
        with pytest.raises(EndpointUnavailable):
            await reached(secure, ca_file=str(files.authority))
        assert len(secure.heard) == heard, "without one nothing is heard"


@pytest.mark.parametrize("setting", ["ca_file", "client_certificate"])
async def test_a_file_that_is_none_is_named(company: trustme.CA, tmp_path: Path, setting: str) -> None:
    broken = tmp_path / "broken.pem"
    broken.write_text("no certificate", "utf-8")
    names = {"ca_file": "endpoint.caFile", "client_certificate": "endpoint.clientCertificate"}
    async with serving(company) as secure:
        with pytest.raises(ConfigError, match=names[setting]):
            await reached(secure, **{setting: str(broken)})
        assert secure.heard == []
