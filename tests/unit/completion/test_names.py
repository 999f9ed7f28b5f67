"""The rest of a name from the file and the repository: when it is likely enough, and when nothing is said."""

from __future__ import annotations

import pytest

from qwen_lsp.completion.names import Names
from qwen_lsp.text import Cursor, Document

FILE = "retry_handler = 1\nretry_handler += 1\nresult_of_all = 2\n"


def rest(typed: str, after: str = "", known: dict[str, int] | None = None, before: str = FILE) -> str:
    names = Names((lambda cursor, letters: known) if known is not None else None)
    return names.rest(Cursor(Document("file:///a.py", before + typed + after), len(before + typed)))


@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("x = ret", "ry_handler"),
        ("self.ret", "ry_handler"),
        ("f(retry_h", "andler"),
        ("res", "ult_of_all"),
        ("$re", ""),
    ],
)
def test_a_likely_name_is_completed(typed: str, completed: str) -> None:
    assert rest(typed) == completed


@pytest.mark.parametrize(
    ("typed", "after"),
    [
        ("re", ""),  # two letters, and two names
        ("retry_handle", ""),  # one letter is left: no key is saved
        ("retry_handler", ""),
        ("1ret", ""),
        ("my_ret", ""),
        ("xyz", ""),
        ("", ""),
        ("ret", "urn"),  # inside a word
    ],
)
def test_nothing_is_said_where_it_is_not_likely(typed: str, after: str) -> None:
    assert rest(typed, after) == ""


def test_names_that_are_as_likely_exclude_one_another() -> None:
    assert rest("han", before="handle_first()\nhandle_second()\n") == ""
    assert rest("han", before="handle_first()\n" * 3 + "handle_second()\n") == "dle_first"


def test_the_repository_knows_more_names() -> None:
    assert rest("con", known={"connect_all": 3}) == "nect_all"
    assert rest("ret", known={"return_value": 2}) == ""
    assert rest("ret", known={"retry_handler": 2}) == "ry_handler"


def test_what_is_typed_now_is_no_name_of_the_file() -> None:
    names = Names()
    for end in range(3, 8):
        text = "connect"[:end]
        assert names.rest(Cursor(Document("file:///a.py", text), end)) == ""


def test_the_line_of_the_cursor_counts_too() -> None:
    assert rest("first_value = fir") == "st_value"


def test_another_text_of_the_same_document_is_counted_again() -> None:
    names = Names()
    assert names.rest(Cursor(Document("file:///a.py", "alpha_one\nalp"), 13)) == "ha_one"
    assert names.rest(Cursor(Document("file:///a.py", "beta_one\nalp"), 12)) == ""
    assert names.rest(Cursor(Document("file:///a.py", "alp\nalpha_two"), 3)) == "ha_two"
