"""Hugging Face and ModelScope: ask what a file is, then stream it into a part that can be resumed.

Both may be mirrors under another address. A hub redirects to hosts of its own for the bytes; the
user's token goes to the hub alone. Every failure becomes a SourceFailed with the reason, soon: a
network that swallows packets must not keep the user waiting. Not by huggingface_hub: a download goes on from
one source to the next in the same part, with one hash over all of it, which that library does not offer.
"""

from __future__ import annotations

import os
import queue
import re
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Literal, TypeVar
from urllib.parse import quote

import httpx
import msgspec

from qwen_lsp.errors import ModelError
from qwen_lsp.model import part
from qwen_lsp.model.catalog import HubFile, Profile
from qwen_lsp.model.part import Advance, SourceFailed, Whole

Hub = Literal["huggingface", "modelscope"]

_CONNECT_TIMEOUT_S = 4.0
# For asking about a file as a whole: looking up a name has no timeout of its own, and a host with a
# dozen addresses gets the connect timeout for each.
_ASK_DEADLINE_S = 10.0
_SILENCE_TIMEOUT_S = 30.0

_RETRY_WAITS_S = (0.0, 1.0, 2.0, 4.0, 8.0)
# A connection that brings this much before it breaks is slow going, not a failure.
_HEADWAY_BYTES = 8 * 1024 * 1024
_MAX_REDIRECTS = 5

_SHA256 = re.compile(r"[0-9a-f]{64}")

_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True)
class Remote:
    """A file that a hub has: where, and what it is."""

    url: str
    file: HubFile
    whole: Whole
    headers: dict[str, str] = field(default_factory=dict, repr=False)


class _Broken(Exception):
    """The transfer ended early; trying again may help."""


class _ModelScopeFile(msgspec.Struct, frozen=True, rename="pascal"):
    path: str
    size: int | None = None
    sha256: str | None = None


class _ModelScopeFiles(msgspec.Struct, frozen=True, rename="pascal"):
    files: list[_ModelScopeFile]


class _ModelScopeAnswer(msgspec.Struct, frozen=True, rename="pascal"):
    data: _ModelScopeFiles


def locate(hub: Hub, base_url: str, profile: Profile) -> Remote:
    """Ask the hub about the model's file.

    Raises: SourceFailed when it has none, another version of it, or does not answer in time;
    ModelError when `base_url` is no address.
    """
    hub_file = profile.huggingface if hub == "huggingface" else profile.modelscope
    if hub_file is None:
        raise SourceFailed("does not have this model, as far as the catalog knows")
    base_url = base_url.rstrip("/")
    if not base_url.startswith(("http://", "https://")):
        raise ModelError(f"{base_url!r} is not the address of a hub; it must start with https://")
    if hub == "huggingface":
        return _within_deadline(lambda: _locate_on_huggingface(base_url, hub_file, profile))
    return _within_deadline(lambda: _locate_on_modelscope(base_url, hub_file, profile))


def fetch(remote: Remote, unfinished: Path, advance: Advance) -> None:
    """Stream the file into the part, going on where it ends; leave it there whole but unchecked.

    A connection that breaks is taken up again a few times.
    Raises: SourceFailed; the part then keeps what came, for another try or another source.
    """
    furthest_bytes = held_bytes = part.start(unfinished, remote.whole)
    advance(held_bytes, remote.whole.size_bytes)
    failures, reason = 0, ""
    with _client() as client:
        while held_bytes < remote.whole.size_bytes:
            try:
                _stream(client, remote, unfinished, advance)
            except (httpx.HTTPError, _Broken) as error:
                failures += 1
                reason = _reason(error)
            held_bytes = part.held_bytes(unfinished)
            if held_bytes >= furthest_bytes + _HEADWAY_BYTES:
                furthest_bytes, failures = held_bytes, min(failures, 1)
            if failures > len(_RETRY_WAITS_S):
                raise SourceFailed(
                    f"the transfer broke {failures} times, the last time after {held_bytes:,} of "
                    f"{remote.whole.size_bytes:,} bytes: {reason}"
                )
            if failures and held_bytes < remote.whole.size_bytes:
                time.sleep(_RETRY_WAITS_S[failures - 1])


def _locate_on_huggingface(base_url: str, hub_file: HubFile, profile: Profile) -> Remote:
    """Read the headers that stand on the answer of the hub itself, before its redirect to the bytes.

    Source: huggingface_hub, get_hf_file_metadata: X-Linked-Size, and X-Linked-ETag, which for a
    large file is its sha256.
    """
    revision = hub_file.revision or "main"
    url = f"{base_url}/{hub_file.repository}/resolve/{quote(revision, safe='')}/{quote(hub_file.file)}"
    token = os.environ.get("HF_TOKEN", "").strip()
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    with _client() as client:
        # The identity encoding keeps Content-Length the length of the file.
        request = client.build_request("HEAD", url, headers={**headers, "Accept-Encoding": "identity"})
        for _ in range(_MAX_REDIRECTS):
            response = client.send(request)
            target = response.next_request
            if target is None or target.url.netloc != request.url.netloc:
                break
            request = target  # the repository was renamed
    if response.status_code >= 400:
        raise SourceFailed(_status_reason(response.status_code, hub_file))
    own_length = response.headers.get("content-length") if response.status_code == 200 else None
    size_text = response.headers.get("x-linked-size") or own_length
    etag = response.headers.get("x-linked-etag") or response.headers.get("etag") or ""
    size_bytes = int(size_text) if size_text and size_text.isdecimal() else None
    whole = _agree(profile, size_bytes, etag.removeprefix("W/").strip('"'))
    return Remote(url, hub_file, whole, headers)


def _locate_on_modelscope(base_url: str, hub_file: HubFile, profile: Profile) -> Remote:
    """Find the file in the repository's list.

    Source: modelscope, HubApi.get_model_files: Data.Files[] with Path, Size and Sha256.
    """
    revision = hub_file.revision or "master"
    with _client() as client:
        response = client.get(
            f"{base_url}/api/v1/models/{hub_file.repository}/repo/files",
            params={"Revision": revision, "Recursive": "true"},
            follow_redirects=True,
        )
    if response.status_code >= 400:
        raise SourceFailed(_status_reason(response.status_code, hub_file))
    try:
        answer = msgspec.json.decode(response.content, type=_ModelScopeAnswer)
    except msgspec.DecodeError as error:
        raise SourceFailed(f"answered with something unreadable ({error})") from error
    for file in answer.data.files:
        if file.path == hub_file.file:
            folder = f"{base_url}/models/{hub_file.repository}/resolve/{quote(revision, safe='')}"
            return Remote(
                f"{folder}/{quote(file.path)}", hub_file, _agree(profile, file.size, file.sha256 or "")
            )
    raise SourceFailed(_status_reason(404, hub_file))


def _agree(profile: Profile, size_bytes: int | None, sha256: str) -> Whole:
    """Join what the catalog knows with what the hub says; the catalog is right where they differ."""
    reported = sha256.lower() if _SHA256.fullmatch(sha256.lower()) else None
    if profile.sha256 and reported and profile.sha256 != reported:
        raise SourceFailed(f"has another version of the file: sha256 {reported}, expected {profile.sha256}")
    if profile.size_bytes and size_bytes and profile.size_bytes != size_bytes:
        raise SourceFailed(
            f"has another version of the file: {size_bytes:,} bytes, expected {profile.size_bytes:,}"
        )
    whole_sha256, whole_bytes = profile.sha256 or reported, profile.size_bytes or size_bytes
    if whole_sha256 is None or whole_bytes is None:
        raise SourceFailed("does not state the sha256 and the size of the file, so it could not be checked")
    return Whole(whole_sha256, whole_bytes)


def _stream(client: httpx.Client, remote: Remote, unfinished: Path, advance: Advance) -> None:
    """Append the rest of the file, or write it again when the server does not do ranges."""
    size_bytes, held_bytes = remote.whole.size_bytes, part.held_bytes(unfinished)
    headers = {**remote.headers, "Accept-Encoding": "identity"}
    if held_bytes:
        headers["Range"] = f"bytes={held_bytes}-"
    with client.stream("GET", remote.url, headers=headers, follow_redirects=True) as response:
        status = response.status_code
        if status in (408, 429, 416) or status >= 500:
            if status == 416:  # it cannot go on from here, so the next try begins again
                unfinished.unlink(missing_ok=True)
            raise _Broken(f"HTTP status {status}")
        if status not in (200, 206):
            raise SourceFailed(_status_reason(status, remote.file))
        range_start = f"bytes {held_bytes}-"
        is_rest = status == 206 and response.headers.get("content-range", "").startswith(range_start)
        if status == 206 and not is_rest:
            unfinished.unlink(missing_ok=True)
            raise _Broken("the server sent another range than asked for")
        done_bytes = held_bytes if is_rest else 0
        length = response.headers.get("content-length", "")
        if length.isdecimal() and int(length) != size_bytes - done_bytes:
            # A login page of the network, most likely; what is there already must survive it.
            raise SourceFailed(f"sends {int(length):,} bytes where {size_bytes - done_bytes:,} are missing")
        with unfinished.open("ab" if is_rest else "wb") as file:
            for chunk in response.iter_raw():  # in no set size, which would lose the last one on a break
                done_bytes += len(chunk)
                if done_bytes > size_bytes:
                    raise SourceFailed(f"sends more than the {size_bytes:,} bytes of the file")
                file.write(chunk)
                advance(done_bytes, size_bytes)
    if done_bytes < size_bytes:
        raise _Broken("the connection was closed early")


def _client() -> httpx.Client:
    """Open a client that uses the proxy and the certificates that the environment names."""
    timeout = httpx.Timeout(_SILENCE_TIMEOUT_S, connect=_CONNECT_TIMEOUT_S)
    try:
        return httpx.Client(timeout=timeout, headers={"User-Agent": "qwen-lsp"}, verify=_certificates())
    except (ImportError, OSError, ValueError, httpx.InvalidURL) as error:
        raise SourceFailed(f"the environment's proxy or certificates cannot be used: {error}") from error


@cache
def _certificates() -> ssl.SSLContext:
    """Trust those that the environment names, else httpx's own, and the system's, where companies add one."""
    made = httpx.create_ssl_context()  # reading the authorities takes longer than a request
    made.load_default_certs()
    return made


def _within_deadline(ask: Callable[[], _Answer]) -> _Answer:
    """Run `ask` in a thread and give up on it after the deadline.

    Raises: SourceFailed for everything that goes wrong on the network.
    """
    done: queue.SimpleQueue[tuple[_Answer | None, Exception | None]] = queue.SimpleQueue()

    def run() -> None:
        try:
            done.put((ask(), None))
        except Exception as error:
            done.put((None, error))

    threading.Thread(target=run, name="qwen-lsp-ask-hub", daemon=True).start()
    try:
        answer, error = done.get(timeout=_ASK_DEADLINE_S)
    except queue.Empty:
        raise SourceFailed(f"no answer within {_ASK_DEADLINE_S:g} s") from None
    if isinstance(error, httpx.HTTPError | httpx.InvalidURL):
        raise SourceFailed(_reason(error)) from error
    if error is not None:
        raise error
    return answer  # type: ignore[return-value]  # None only beside an error


def _reason(error: Exception) -> str:
    if isinstance(error, httpx.ConnectTimeout):
        return f"no connection within {_CONNECT_TIMEOUT_S:g} s"
    if isinstance(error, httpx.TimeoutException):
        return f"silent for {_SILENCE_TIMEOUT_S:g} s"
    if isinstance(error, httpx.ConnectError):
        return f"cannot connect ({error})"
    return str(error) or type(error).__name__


def _status_reason(status: int, file: HubFile) -> str:
    if status in (401, 403):
        return (
            f"refused (HTTP {status}): it may want the terms of {file.repository} accepted and HF_TOKEN set"
        )
    if status == 404:
        return f"has no {file.file} in {file.repository} (HTTP 404)"
    if status == 429:
        return "too many requests (HTTP 429); try again later"
    return f"HTTP status {status}"
