"""FILE:LINE:COL on the command line: which places there are, and a sentence for those that are none."""

from __future__ import annotations

from pathlib import Path

import pytest

from qwen_lsp.context import named_files
from qwen_lsp.context.named_files import Place
from qwen_lsp.errors import InputError


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "a.py"
    path.write_bytes("x = '😀'\r\n\r\n价格 = 1".encode())
    return path


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("src/a.py:12:5", Place(Path("src/a.py"), 12, 5)),
        ("C:\\code\\a.py:1:2", Place(Path("C:\\code\\a.py"), 1, 2)),
        ("a:b:3:4", Place(Path("a:b"), 3, 4)),
        ("价 格.py:1:1", Place(Path("价 格.py"), 1, 1)),
    ],
)
def test_a_place(text: str, place: Place) -> None:
    assert named_files.parse_place(text) == place


@pytest.mark.parametrize(
    "text", ["", "a.py", "a.py:1", "a.py:1:", ":1:1", "a.py:x:1", "a.py:-1:1", "a.py:1:1 "]
)
def test_a_text_that_is_no_place(text: str) -> None:
    with pytest.raises(InputError, match="is not FILE:LINE:COL"):
        named_files.parse_place(text)


@pytest.mark.parametrize(
    ("line", "column", "before"),
    [(1, 1, ""), (1, 6, "x = '"), (1, 7, "x = '😀"), (1, 8, "x = '😀'"), (2, 1, "\r\n"), (3, 7, "价格 = 1")],
)
def test_where_a_place_is(file: Path, line: int, column: int, before: str) -> None:
    document = named_files.read(file)
    offset = named_files.offset(document, Place(file, line, column))
    assert document.text[:offset].endswith(before)
    assert document.line_of(offset) == line - 1


@pytest.mark.parametrize(
    ("line", "column", "said"),
    [
        (0, 1, "line 0 does not exist"),
        (4, 1, "has 3 lines; line 4 does not exist"),
        (10**20, 1, "does not exist"),
        (1, 0, "column 0 does not exist"),
        (1, 9, "has columns 1 to 8; column 9 does not exist"),
        (2, 2, "has columns 1 to 1; column 2 does not exist"),
    ],
)
def test_a_place_past_the_limits(file: Path, line: int, column: int, said: str) -> None:
    with pytest.raises(InputError, match=said):
        named_files.offset(named_files.read(file), Place(file, line, column))


def test_files_that_cannot_be_completed_in(tmp_path: Path) -> None:
    binary, large = tmp_path / "a.bin", tmp_path / "large.py"
    binary.write_bytes(b"\x7fELF\0\0")
    with large.open("wb") as handle:
        handle.truncate(21_000_000)
    for path, said in (
        (binary, "is not a text file"),
        (large, "is larger than 20 MB"),
        (tmp_path, "cannot be read"),
        (tmp_path / "none.py", "cannot be read"),
    ):
        with pytest.raises(InputError, match=said):
            named_files.read(path)


def test_what_a_file_becomes(file: Path) -> None:
    document = named_files.read(file)
    assert (document.language, document.path) == ("python", str(file.resolve()))
    assert document.text.count("\r\n") == 2


def test_the_path_that_the_model_sees(tmp_path: Path) -> None:
    assert named_files.repository_path(tmp_path / "a.py") == "a.py", "outside of a repository"
    assert named_files.repository_path(Path(__file__)) in (
        "tests/unit/context/test_named_files.py",
        "test_named_files.py",
    )
