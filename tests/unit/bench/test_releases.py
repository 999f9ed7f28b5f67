"""Traces from two releases: fetching and checking archives, and which of the added lines are typed."""

from __future__ import annotations

import base64
import functools
import hashlib
import http.server
import io
import json
import random
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from qwen_lsp.bench.archives import read_archive
from qwen_lsp.bench.replay import release_traces
from qwen_lsp.bench.replay import run as replay
from qwen_lsp.bench.replay.release_traces import added_runs, draw, is_code, is_left_out, of_releases, places
from qwen_lsp.bench.replay.releases import Release, default_set, parse, texts
from qwen_lsp.bench.replay.traces import Trace
from qwen_lsp.cli import bench as cli_bench
from qwen_lsp.errors import InputError

OLD = {
    "pkg/core.py": "import os\n\n\ndef first(x):\n    return x\n\n\n" + "VALUE = 1\n" * 60,
    "pkg/other.py": "def other():\n    return 1\n",
    "tests/test_core.py": "def test_first():\n    assert True\n",
}
ADDED = "\n\ndef second(value, default=None):\n    return first(value) if value else default\n"
NEW = {
    "pkg/core.py": OLD["pkg/core.py"].replace("    return x\n", "    return x\n" + ADDED),
    "pkg/other.py": OLD["pkg/other.py"],
    "pkg/new.py": "def brand_new():\n    return 'not typed, because there was no such file'\n",
    "tests/test_core.py": OLD["tests/test_core.py"]
    + "\n\ndef test_second():\n    assert second(1) == 1, 'x'\n",
}


def archive(root: str, files: dict[str, str], *extra: tarfile.TarInfo) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for name, text in files.items():
            info = tarfile.TarInfo(f"{root}/{name}")
            data = text.encode()
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
        for info in extra:
            tar.addfile(info)
    return out.getvalue()


class Registry:
    """A folder served over HTTP as both registries."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.url = url

    def publish(self, version: str, files: dict[str, str], *, sha256: str | None = None) -> str:
        data = archive(f"tiny_pkg-{version}", files)
        (self.folder / f"tiny_pkg-{version}.tar.gz").write_bytes(data)
        page = self.folder / "simple" / "tiny-pkg" / "index.html"  # what a static server serves for a folder
        page.parent.mkdir(parents=True, exist_ok=True)
        listed = json.loads(page.read_text())["files"] if page.is_file() else []
        reported = sha256 or hashlib.sha256(data).hexdigest()
        name = f"tiny_pkg-{version}.tar.gz"
        listed.append({"filename": name, "url": f"../../{name}", "hashes": {"sha256": reported}})
        page.write_text(json.dumps({"files": listed}))
        return f"sha256-{hashlib.sha256(data).hexdigest()}"

    def publish_npm(self, version: str, files: dict[str, str]) -> None:
        data = archive("package", files)
        (self.folder / f"tiny-{version}.tgz").write_bytes(data)
        integrity = f"sha512-{base64.b64encode(hashlib.sha512(data).digest()).decode()}"
        page = self.folder / "@us" / "tiny" / version
        page.parent.mkdir(parents=True, exist_ok=True)
        dist = {"tarball": f"{self.url}/tiny-{version}.tgz", "integrity": integrity}
        page.write_text(json.dumps({"dist": dist}))


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
    folder = tmp_path / "registry"
    folder.mkdir()
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder))
    )
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    url = f"http://127.0.0.1:{server.server_address[1]}"
    monkeypatch.setenv("PIP_INDEX_URL", f"{url}/simple")
    monkeypatch.setenv("NPM_CONFIG_REGISTRY", url)
    yield Registry(folder, url)
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize(
    ("spec", "release"),
    [
        ("tiny==1.0..1.1", Release("pypi", "tiny", "1.0", "1.1")),
        ("npm:@us/tiny==1.0.0..1.1.0", Release("npm", "@us/tiny", "1.0.0", "1.1.0")),
    ],
)
def test_what_a_release_is_called(spec: str, release: Release) -> None:
    assert parse(spec) == release
    assert str(release) == spec


@pytest.mark.parametrize("spec", ["tiny", "tiny==1.0", "tiny==1.0..", "gem:tiny==1..2", "a/b/c==1..2"])
def test_what_is_no_release(spec: str) -> None:
    with pytest.raises(InputError, match=r"is not NAME==A\.\.B"):
        parse(spec)


def test_two_releases_of_pypi(registry: Registry, tmp_path: Path) -> None:
    pins = registry.publish("1.0", OLD), registry.publish("1.1", NEW)
    release = Release("pypi", "Tiny.Pkg", "1.0", "1.1", pins)
    assert texts(release, tmp_path / "cache") == (OLD, NEW)
    (registry.folder / "tiny_pkg-1.0.tar.gz").unlink()
    assert texts(release, tmp_path / "cache") == (OLD, NEW)  # from the cache
    with pytest.raises(InputError, match="404"):
        texts(release, tmp_path / "other")


def test_two_releases_of_npm(registry: Registry, tmp_path: Path) -> None:
    registry.publish_npm("1.0.0", OLD)
    registry.publish_npm("1.1.0", NEW)
    assert texts(parse("npm:@us/tiny==1.0.0..1.1.0"), tmp_path / "cache") == (OLD, NEW)


def test_a_release_that_the_registry_lacks(registry: Registry, tmp_path: Path) -> None:
    registry.publish("1.0", OLD)
    with pytest.raises(InputError, match=r"no source distribution of tiny-pkg 1\.1"):
        texts(parse("tiny-pkg==1.0..1.1"), tmp_path / "cache")


def test_an_archive_that_is_not_what_was_promised(registry: Registry, tmp_path: Path) -> None:
    pin = registry.publish("1.0", OLD, sha256="0" * 64)
    with pytest.raises(InputError, match="is not the file with the hash"):
        texts(parse("tiny-pkg==1.0..1.0"), tmp_path / "cache")
    assert not list((tmp_path / "cache").glob("*")) if (tmp_path / "cache").exists() else True
    registry.publish("1.2", OLD)
    other = Release("pypi", "tiny-pkg", "1.2", "1.2", (f"{pin}0", pin))
    with pytest.raises(InputError, match="is not the file with the hash"):
        texts(other, tmp_path / "cache")


def test_a_damaged_copy_in_the_cache_is_fetched_again(registry: Registry, tmp_path: Path) -> None:
    pins = registry.publish("1.0", OLD), registry.publish("1.1", NEW)
    release = Release("pypi", "tiny-pkg", "1.0", "1.1", pins)
    texts(release, tmp_path)
    (tmp_path / "pypi-tiny-pkg-1.0.tar.gz").write_bytes(b"damaged")
    assert texts(release, tmp_path)[0] == OLD


def test_only_plain_text_files_inside_the_archive_are_read() -> None:
    link = tarfile.TarInfo("root/link.py")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    data = archive("root", {"a.py": "x\n", "../../b.py": "y\n", "c.py": "z\0"}, link)
    assert read_archive(data, "it") == {"a.py": "x\n"}
    with pytest.raises(InputError, match="cannot be read"):
        read_archive(b"no archive", "it")


def drawn(n: int = 2, max_chars: int = 220) -> list[Trace]:
    return draw(parse("tiny==1..2"), OLD, NEW, n=n, key_ms=180, seed=7, max_chars=max_chars)


def test_added_code_is_typed_after_looking_elsewhere() -> None:
    (trace,) = drawn()
    assert trace.path == "pkg/core.py"
    assert trace.text == OLD["pkg/core.py"]
    assert ADDED.rstrip() in trace.final_text
    assert trace.edits[0].at_ms == 1500
    assert 2 <= len(trace.places) <= 3
    here = trace.text.count("\n", 0, trace.cursor)
    assert all(abs(trace.text.count("\n", 0, place.offset) - here) >= 25 for place in trace.places)
    assert trace.files == {
        "pkg/other.py": OLD["pkg/other.py"],
        "tests/test_core.py": OLD["tests/test_core.py"],
    }


def test_the_same_seed_draws_the_same_traces() -> None:
    assert drawn() == drawn()
    assert drawn(max_chars=60) != drawn()


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("tests/a.py", ""),
        ("pkg/test_a.py", ""),
        ("src/a.test.ts", ""),
        ("dist/a.js", ""),
        ("src/types.d.ts", ""),
        ("lib/a.min.js", ""),
        ("pkg/a_pb2.py", ""),
        ("pkg/a.py", "# This file is generated by make. DO NOT EDIT.\n"),
        ("lib/a.js", f"var x = '{'y' * 500}'\n"),
    ],
)
def test_what_nobody_types_is_left_out(path: str, text: str) -> None:
    assert is_left_out(path, text)


@pytest.mark.parametrize("path", ["pkg/latest.py", "src/contest.ts", "lib/distance.js", "src/testimony.ts"])
def test_what_only_looks_like_it_is_kept(path: str) -> None:
    assert not is_left_out(path, "x = 1\n")


def test_comments_and_imports_are_no_code() -> None:
    assert not is_code("\n# one\n# two\nx = 1\n")
    assert not is_code("\nimport a\nfrom b import c\n")
    assert is_code("\n# one\nx = first(1)\ny = 2\n")


def test_runs_of_lines_are_those_of_a_diff_without_context() -> None:
    runs = added_runs("a\nb\nc\nd\n", "a\nB\nc\nd\ne\n")
    assert [(run.first_old, run.n_old, run.first_new, run.n_new) for run in runs] == [
        (1, 1, 1, 1),
        (4, 0, 4, 1),
    ]
    assert added_runs("a\n", "a\n") == []


def test_a_short_file_has_places_too() -> None:
    found = places("a = 1\nb = 2\n", 5, random.Random(1))
    assert [place.offset for place in found] == [11]
    assert places("", 0, random.Random(1)) == ()


def test_the_pinned_set() -> None:
    pinned = default_set()
    assert len(pinned) * release_traces.TRACES_A_RELEASE == 24
    assert all(all(release.hashes) for release in pinned)
    halves = {
        half: {release.name for release in pinned if release.half == half} for half in ("tuning", "reporting")
    }
    assert len(halves["tuning"]) == len(halves["reporting"]) == 6
    assert not halves["tuning"] & halves["reporting"]
    assert {release.half for release in release_traces.quick(pinned)} == {"reporting"}


def test_traces_of_named_releases(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    registry.publish("1.0", OLD)
    registry.publish("1.1", NEW)
    made = replay.released_traces(
        ["tiny-pkg==1.0..1.1"], half="", is_quick=False, n=None, seed=7, key_ms=None
    )
    assert [trace.path for trace in made] == ["pkg/core.py"]
    with pytest.raises(InputError, match="no source file got"):
        of_releases([parse("tiny-pkg==1.0..1.0")], seed=7, key_ms=180, folder=tmp_path)


@pytest.mark.parametrize(
    "arguments",
    [["tiny==1..2"], ["--releases", "tiny"], ["--arm", "x={", "--quick"], ["--build", "x", "--quick"]],
)
def test_the_command_line_says_what_is_wrong(arguments: list[str]) -> None:
    done = CliRunner().invoke(cli_bench.replay, arguments)
    assert done.exit_code != 0
