from __future__ import annotations

import hashlib
import os
import socket
import ssl
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import certifi
import pytest

from qwen_lsp.errors import ModelError
from qwen_lsp.model import hubs, part
from qwen_lsp.model.catalog import HubFile
from qwen_lsp.model.hubs import Hub as HubName
from qwen_lsp.model.hubs import Remote
from qwen_lsp.model.part import SourceFailed, Whole
from tests.support.hub import FILE, REPOSITORY, Hub, Report, closed_port_url, isolate, payload, profile_of

DATA = payload()
WHOLE = Whole(hashlib.sha256(DATA).hexdigest(), len(DATA))
TINY = profile_of(DATA)
UNKNOWN = profile_of(DATA, size_bytes=None, sha256=None)
BOTH: tuple[HubName, ...] = ("huggingface", "modelscope")


@pytest.fixture(autouse=True)
def models(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    isolate(monkeypatch, tmp_path)
    return tmp_path


@pytest.fixture
def hub() -> Iterator[Hub]:
    with Hub() as running:
        running.add(DATA)
        yield running


@pytest.fixture
def unfinished(tmp_path: Path) -> Path:
    return tmp_path / "tiny.gguf.part"


def remote(hub: Hub) -> Remote:
    return hubs.locate("huggingface", hub.url, TINY)


def hold(unfinished: Path, size_bytes: int) -> None:
    """Leave the first bytes there, as an interrupted download would."""
    part.start(unfinished, WHOLE)
    unfinished.write_bytes(DATA[:size_bytes])


@pytest.mark.parametrize("name", BOTH)
def test_a_hub_tells_what_the_catalog_does_not_know(hub: Hub, name: HubName) -> None:
    assert hubs.locate(name, hub.url, UNKNOWN).whole == WHOLE
    assert hub.asked("cdn") == []


@pytest.mark.parametrize("name", BOTH)
def test_the_catalog_is_enough_for_a_hub_that_states_no_hash(hub: Hub, name: HubName) -> None:
    hub.states_hash = False
    assert hubs.locate(name, hub.url, TINY).whole == WHOLE
    with pytest.raises(SourceFailed, match="does not state"):
        hubs.locate(name, hub.url, UNKNOWN)


@pytest.mark.parametrize("name", BOTH)
def test_another_version_of_the_file_is_refused_before_it_is_fetched(hub: Hub, name: HubName) -> None:
    hub.told_sha256 = "e" * 64
    with pytest.raises(SourceFailed, match="another version of the file: sha256 eeee"):
        hubs.locate(name, hub.url, TINY)
    hub.told_sha256 = TINY.sha256 or ""
    hub.add(DATA + b"more")
    with pytest.raises(SourceFailed, match="another version of the file: 300,004 bytes"):
        hubs.locate(name, hub.url, TINY)
    assert hub.asked("cdn") == []


@pytest.mark.parametrize("name", BOTH)
def test_addresses_may_end_in_a_slash_and_names_may_need_quoting(
    hub: Hub, name: HubName, unfinished: Path
) -> None:
    hub.files["Maker/Tiny-GGUF/sub folder/ä.gguf"] = DATA
    file = HubFile("Maker/Tiny-GGUF", "sub folder/ä.gguf")
    found = hubs.locate(name, f"{hub.url}/", profile_of(DATA, huggingface=file, modelscope=file))
    hubs.fetch(found, unfinished, Report().progress.advance)
    assert unfinished.read_bytes() == DATA


@pytest.mark.parametrize("name", BOTH)
def test_a_missing_file_is_named(hub: Hub, name: HubName) -> None:
    gone = HubFile(REPOSITORY, "gone.gguf")
    with pytest.raises(SourceFailed, match=r"no gone\.gguf in Maker/Tiny-GGUF"):
        hubs.locate(name, hub.url, profile_of(DATA, huggingface=gone, modelscope=gone))
    nowhere = HubFile("Maker/Gone-GGUF", FILE)
    with pytest.raises(SourceFailed, match="HTTP 404"):
        hubs.locate(name, hub.url, profile_of(DATA, huggingface=nowhere, modelscope=nowhere))
    with pytest.raises(SourceFailed, match="does not have this model"):
        hubs.locate(name, hub.url, profile_of(DATA, huggingface=None, modelscope=None))


@pytest.mark.parametrize("name", BOTH)
@pytest.mark.parametrize(
    ("status", "reason"),
    [(401, "HF_TOKEN"), (403, "terms"), (429, "try again later"), (500, "HTTP status 500")],
)
def test_a_refusal_says_what_to_do(hub: Hub, name: HubName, status: int, reason: str) -> None:
    hub.status = status
    with pytest.raises(SourceFailed, match=reason):
        hubs.locate(name, hub.url, TINY)


def test_an_unreadable_list_is_a_reason(hub: Hub) -> None:
    hub.status = 200
    with pytest.raises(SourceFailed, match="unreadable"):
        hubs.locate("modelscope", hub.url, TINY)


def test_the_token_goes_to_the_hub_and_nowhere_else(
    hub: Hub, unfinished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.token = "hf_secret"
    with pytest.raises(SourceFailed, match="HTTP 401"):
        remote(hub)
    monkeypatch.setenv("HF_TOKEN", " hf_secret\n")
    found = remote(hub)
    assert "hf_secret" not in repr(found)
    hubs.fetch(found, unfinished, Report().progress.advance)
    assert unfinished.read_bytes() == DATA
    assert [seen.authorization for seen in hub.asked("hub", "HEAD")] == ["", "Bearer hf_secret"]
    assert [seen.authorization for seen in hub.asked("hub")] == ["Bearer hf_secret"]
    assert [seen.authorization for seen in hub.asked("cdn")] == [""]


def test_the_token_of_one_hub_is_not_shown_to_the_other(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    hubs.locate("modelscope", hub.url, TINY)
    assert [seen.authorization for seen in hub.seen] == [""]


@pytest.mark.parametrize("name", BOTH)
def test_nothing_listens(name: HubName) -> None:
    with pytest.raises(SourceFailed, match="cannot connect"):
        hubs.locate(name, closed_port_url(), TINY)


@pytest.mark.parametrize("name", BOTH)
def test_a_hub_that_never_answers_is_given_up(
    hub: Hub, name: HubName, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.silent = threading.Event()
    monkeypatch.setattr(hubs, "_ASK_DEADLINE_S", 0.1)
    with pytest.raises(SourceFailed, match=r"no answer within 0\.1 s"):
        hubs.locate(name, hub.url, TINY)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse when the queue of a socket is full")
def test_a_network_that_swallows_packets_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hubs, "_CONNECT_TIMEOUT_S", 0.1)
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        waiting = [socket.socket() for _ in range(3)]
        for client in waiting:
            client.setblocking(False)
            client.connect_ex(server.getsockname())
        with pytest.raises(SourceFailed, match=r"no connection within 0\.1 s"):
            hubs.locate("huggingface", f"http://127.0.0.1:{server.getsockname()[1]}", TINY)
        for client in waiting:
            client.close()


def test_an_address_without_a_scheme_is_the_user_s_mistake() -> None:
    with pytest.raises(ModelError, match=r"'hf-mirror\.com' is not the address of a hub"):
        hubs.locate("huggingface", "hf-mirror.com", TINY)


def test_a_proxy_that_cannot_be_used_is_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "nonsense://127.0.0.1:1")
    with pytest.raises(SourceFailed, match="proxy"):
        hubs.locate("huggingface", closed_port_url(), TINY)


def test_certificates_that_are_not_there_are_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", os.devnull + "/none.pem")
    hubs._certificates.cache_clear()
    with pytest.raises(SourceFailed, match="certificates"):
        hubs.locate("huggingface", closed_port_url(), TINY)


def test_the_authorities_of_the_system_are_trusted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
    system = ssl.create_default_context().get_ca_certs(binary_form=True)
    if not system:
        pytest.skip("this system has no authorities")
    bundle = tmp_path / "one.pem"
    bundle.write_text(ssl.DER_cert_to_PEM_cert(system[0]), "utf-8")
    monkeypatch.setattr(certifi, "where", lambda: str(bundle))
    hubs._certificates.cache_clear()
    assert set(hubs._certificates().get_ca_certs(binary_form=True)) == set(system)
    hubs._certificates.cache_clear()


def test_only_the_rest_is_transferred(hub: Hub, unfinished: Path) -> None:
    hold(unfinished, 100_000)
    report = Report()
    hubs.fetch(remote(hub), unfinished, report.progress.advance)
    assert unfinished.read_bytes() == DATA
    assert [seen.range for seen in hub.asked("cdn")] == ["bytes=100000-"]
    assert hub.sent_bytes == [len(DATA) - 100_000]
    assert report.done_bytes[0] == 100_000
    assert report.done_bytes[-1] == len(DATA)


def test_a_complete_part_is_not_transferred_again(hub: Hub, unfinished: Path) -> None:
    hold(unfinished, len(DATA))
    hubs.fetch(remote(hub), unfinished, Report().progress.advance)
    assert hub.asked("cdn") == []


def test_a_part_of_another_version_is_not_continued(hub: Hub, unfinished: Path) -> None:
    part.start(unfinished, Whole("e" * 64, len(DATA)))
    unfinished.write_bytes(b"other bytes")
    hubs.fetch(remote(hub), unfinished, Report().progress.advance)
    assert [seen.range for seen in hub.asked("cdn")] == [""]
    assert unfinished.read_bytes() == DATA


def test_a_dropped_connection_is_taken_up_again(hub: Hub, unfinished: Path) -> None:
    hub.drop_after = [80_000, 80_000]
    hubs.fetch(remote(hub), unfinished, Report().progress.advance)
    assert unfinished.read_bytes() == DATA
    assert sum(hub.sent_bytes) == len(DATA)
    starts = [int(seen.range.removeprefix("bytes=").removesuffix("-") or 0) for seen in hub.asked("cdn")]
    assert starts == [0, 80_000, 160_000]


def test_passing_errors_of_the_server_are_tried_again(hub: Hub, unfinished: Path) -> None:
    hub.cdn_status = [503, 429, 500]
    hubs.fetch(remote(hub), unfinished, Report().progress.advance)
    assert unfinished.read_bytes() == DATA


def test_it_gives_up_in_the_end_and_keeps_what_came(hub: Hub, unfinished: Path) -> None:
    hub.drop_after = [1000] * 50
    with pytest.raises(SourceFailed, match=r"broke 6 times, the last time after 6,000 of 300,000 bytes"):
        hubs.fetch(remote(hub), unfinished, Report().progress.advance)
    assert unfinished.read_bytes() == DATA[:6000]


def test_slow_going_is_not_failure(hub: Hub, unfinished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hubs, "_HEADWAY_BYTES", 10_000)
    hub.drop_after = [20_000] * 14
    hubs.fetch(remote(hub), unfinished, Report().progress.advance)
    assert unfinished.read_bytes() == DATA


def test_a_server_without_ranges_starts_again(hub: Hub, unfinished: Path) -> None:
    hub.ignores_range = True
    hold(unfinished, 100_000)
    hubs.fetch(remote(hub), unfinished, Report().progress.advance)
    assert unfinished.read_bytes() == DATA
    assert hub.sent_bytes == [len(DATA)]


def test_a_server_that_cannot_go_on_from_there_starts_again(hub: Hub, unfinished: Path) -> None:
    hub.cdn_status = [416]
    hold(unfinished, 100_000)
    hubs.fetch(remote(hub), unfinished, Report().progress.advance)
    assert [seen.range for seen in hub.asked("cdn")] == ["bytes=100000-", ""]
    assert unfinished.read_bytes() == DATA


def test_a_login_page_does_not_cost_the_part(hub: Hub, unfinished: Path) -> None:
    hub.login_page = True
    hold(unfinished, 100_000)
    with pytest.raises(SourceFailed, match=r"sends 26 bytes where 300,000 are missing"):
        hubs.fetch(remote(hub), unfinished, Report().progress.advance)
    assert unfinished.read_bytes() == DATA[:100_000]


def test_a_refusal_by_the_cdn_is_final(hub: Hub, unfinished: Path) -> None:
    hub.cdn_status = [403]
    with pytest.raises(SourceFailed, match="HTTP 403"):
        hubs.fetch(remote(hub), unfinished, Report().progress.advance)
    assert len(hub.asked("cdn")) == 1
