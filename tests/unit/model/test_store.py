from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from qwen_lsp.cli.doctor import check_model
from qwen_lsp.config import Config
from qwen_lsp.errors import ModelError, ModelNotFound
from qwen_lsp.model import catalog, hardware, part, speed, store
from qwen_lsp.model.hardware import Machine
from qwen_lsp.model.part import Whole
from qwen_lsp.model.select import chosen_model
from qwen_lsp.model.speed import Speed
from tests.support.hub import isolate, payload, profile_of
from tests.support.isolation import isolate_user

DATA = payload(5000)
TINY = profile_of(DATA)


@pytest.fixture(autouse=True)
def models(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    isolate_user(monkeypatch, tmp_path)  # the speeds that were measured here, too
    isolate(monkeypatch, tmp_path)
    return tmp_path


def install(name: str) -> Path:
    """Put a file of the right length where the model belongs; it takes no room on the disk."""
    profile = catalog.find(name)
    assert profile.size_bytes
    file = store.final_path(profile)
    with file.open("wb") as handle:
        handle.truncate(profile.size_bytes)
    return file


def test_the_directory_is_the_user_s_data_directory_unless_named(
    monkeypatch: pytest.MonkeyPatch, models: Path
) -> None:
    assert store.directory() == models
    monkeypatch.setenv("QWEN_LSP_MODELS", "~/weights")
    assert store.directory() == Path.home() / "weights"
    monkeypatch.setenv("QWEN_LSP_MODELS", "weights")
    assert store.directory() == Path.cwd() / "weights"
    monkeypatch.delenv("QWEN_LSP_MODELS")
    assert store.directory().parts[-2:] == ("qwen-lsp", "models")


def test_only_a_whole_file_counts() -> None:
    file = store.final_path(TINY)
    assert store.path(TINY) is None
    file.write_bytes(DATA[:-1])
    assert store.path(TINY) is None
    file.write_bytes(DATA)
    assert store.path(TINY) == file


def test_a_model_of_unknown_size_counts_when_it_is_there() -> None:
    unknown = profile_of(DATA, size_bytes=None, sha256=None)
    assert store.path(unknown) is None
    store.final_path(unknown).write_bytes(DATA)
    assert store.path(unknown)


def test_a_model_that_runs_elsewhere_has_no_file() -> None:
    server = catalog.find("qwen3-coder-480b")
    assert store.path(server) is None
    for act in (store.final_path, store.verify, store.remove):
        with pytest.raises(ModelError, match=r"endpoint\.url"):
            act(server)
    with pytest.raises(ModelError, match=r"endpoint\.url"):
        store.choose("qwen3-coder-480b")


def test_installed_lists_what_is_there_in_the_catalog_s_order() -> None:
    install("qwen2.5-coder-7b")
    install("qwen2.5-coder-0.5b")
    assert [model.profile.name for model in store.installed()] == ["qwen2.5-coder-0.5b", "qwen2.5-coder-7b"]


def machine(monkeypatch: pytest.MonkeyPatch, cores: int, memory_gib: int) -> None:
    """Be another machine, without a GPU."""
    found = Machine("linux", "x86_64", cores, memory_gib * 1024**3, instructions=("avx2",))
    monkeypatch.setattr(hardware, "known", lambda: found)


@pytest.mark.parametrize(
    ("present", "cores", "memory_gib", "expected"),
    [
        (["0.5b", "1.5b", "7b"], 32, 64, "7b"),
        (["0.5b", "1.5b", "7b"], 32, 8, "1.5b"),  # the larger one does not fit
        (["0.5b", "1.5b", "7b"], 8, 64, "1.5b"),  # the larger one is too slow
        (["0.5b", "1.5b", "7b"], 2, 64, "0.5b"),
        (["7b", "14b"], 4, 4, "7b"),  # none fits: the smallest
        (["0.5b", "7b-base"], 32, 64, "0.5b"),  # a base model cannot follow a request
        (["0.5b-base", "1.5b-base"], 8, 16, "1.5b-base"),
        (["14b", "0.5b-base"], 4, 4, "0.5b-base"),
    ],
)
def test_auto_is_the_largest_that_suits(
    monkeypatch: pytest.MonkeyPatch, present: list[str], cores: int, memory_gib: int, expected: str
) -> None:
    machine(monkeypatch, cores, memory_gib)
    for size in present:
        install(f"qwen2.5-coder-{size}")
    assert store.choose().profile.name == f"qwen2.5-coder-{expected}"


def test_auto_passes_over_a_model_that_was_measured_to_be_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    machine(monkeypatch, 16, 32)
    for size in ("0.5b", "1.5b", "3b"):
        install(f"qwen2.5-coder-{size}")
    speed.save("qwen2.5-coder-1.5b", Speed(read=400.0, write=60.0))
    speed.save("qwen2.5-coder-3b", Speed(read=20.0, write=3.0))
    assert store.choose().profile.name == "qwen2.5-coder-1.5b"
    for size in ("0.5b", "1.5b"):
        speed.save(f"qwen2.5-coder-{size}", Speed(read=20.0, write=4.0))
    assert store.choose().profile.name == "qwen2.5-coder-0.5b", "all are slow: the smallest"
    assert store.choose("qwen2.5-coder-3b").profile.name == "qwen2.5-coder-3b", "a name is taken at its word"


def test_doctor_says_which_models_are_too_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    machine(monkeypatch, 4, 32)
    for size in ("0.5b", "7b"):
        install(f"qwen2.5-coder-{size}")
    check = check_model(chosen_model(Config()), is_auto=True)
    assert "0.5b at " in check.detail
    assert "too large or too slow here: qwen2.5-coder-7b" in check.detail
    assert "qwen2.5-coder-1.5b would suit this machine" in check.detail
    assert check.remedy == "qwen-lsp models pull qwen2.5-coder-1.5b"


def test_choose_says_how_to_get_what_is_missing() -> None:
    with pytest.raises(ModelNotFound, match="`qwen-lsp models pull`"):
        store.choose("auto")
    with pytest.raises(ModelNotFound, match=r"`qwen-lsp models pull qwen2\.5-coder-7b`"):
        store.choose("Qwen2.5-Coder-7B")
    with pytest.raises(ModelNotFound, match="did you mean"):
        store.choose("qwen2.5-coder-8b")
    file = install("qwen2.5-coder-7b")
    assert store.choose("Qwen2.5-Coder-7B").path == file


def test_verify_reads_the_whole_file() -> None:
    store.final_path(TINY).write_bytes(DATA)
    seen: list[tuple[int, int]] = []
    assert (
        store.verify(TINY, lambda done, total: seen.append((done, total))) == hashlib.sha256(DATA).hexdigest()
    )
    assert seen[-1] == (len(DATA), len(DATA))


def test_verify_finds_one_wrong_byte() -> None:
    store.final_path(TINY).write_bytes(b"X" + DATA[1:])
    with pytest.raises(ModelError, match=r"corrupt.*models remove tiny"):
        store.verify(TINY)


def test_verify_wants_a_file_and_a_hash() -> None:
    with pytest.raises(ModelNotFound):
        store.verify(TINY)
    unknown = profile_of(DATA, size_bytes=None, sha256=None)
    store.final_path(unknown).write_bytes(DATA)
    with pytest.raises(ModelError, match="nothing is known"):
        store.verify(unknown)


def test_the_recorded_hash_stands_in_for_an_unknown_one() -> None:
    unknown = profile_of(DATA, size_bytes=None, sha256=None)
    whole = Whole(hashlib.sha256(DATA).hexdigest(), len(DATA))
    part.start(store.part_path(unknown), whole)
    store.part_path(unknown).write_bytes(DATA)
    file = store.admit(unknown, whole, "modelscope")
    record = store.read_record(unknown)
    assert record
    assert (record.sha256, record.size_bytes, record.source) == (whole.sha256, len(DATA), "modelscope")
    assert store.verify(unknown) == whole.sha256
    file.write_bytes(DATA[::-1])
    with pytest.raises(ModelError, match="corrupt"):
        store.verify(unknown)


def test_a_damaged_record_is_no_record() -> None:
    assert store.read_record(TINY) is None
    store.final_path(TINY).with_name("tiny.gguf.json").write_text("{")
    assert store.read_record(TINY) is None


def test_remove_leaves_nothing(models: Path) -> None:
    whole = Whole(hashlib.sha256(DATA).hexdigest(), len(DATA))
    part.start(store.part_path(TINY), whole)
    store.part_path(TINY).write_bytes(DATA)
    store.admit(TINY, whole, "huggingface")
    part.start(store.part_path(TINY), whole)
    store.part_path(TINY).write_bytes(DATA[:10])
    assert store.remove(TINY) == len(DATA) + 10
    assert list(models.iterdir()) == []
    with pytest.raises(ModelNotFound, match="nothing to remove"):
        store.remove(TINY)


def test_a_part_is_only_continued_for_the_same_file() -> None:
    unfinished = store.part_path(TINY)
    whole = Whole("a" * 64, 100)
    assert part.start(unfinished, whole) == 0
    unfinished.write_bytes(b"x" * 40)
    assert part.start(unfinished, whole) == 40
    assert part.start(unfinished, Whole("b" * 64, 100)) == 0
    unfinished.write_bytes(b"x" * 101)  # longer than the file can be
    assert part.start(unfinished, Whole("b" * 64, 100)) == 0
    unfinished.write_bytes(b"x" * 40)
    unfinished.with_name(unfinished.name + ".json").write_text("not json")
    assert part.start(unfinished, Whole("b" * 64, 100)) == 0


def test_a_guessed_speed_is_not_remembered() -> None:
    speed.save("qwen2.5-coder-7b", Speed())
    assert speed.remembered() == {}
    speed.save("qwen2.5-coder-7b", Speed(read=20.0, write=4.0))
    assert speed.load("qwen2.5-coder-7b") == Speed(read=20.0, write=4.0)
