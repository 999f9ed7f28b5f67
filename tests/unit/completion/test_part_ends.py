"""A part shown unasked ends where nothing that it opened is open."""

from __future__ import annotations

import pytest

from qwen_lsp.completion import part_ends, stopping
from qwen_lsp.syntax import languages, parsing
from qwen_lsp.text import Cursor, Document


def ended(part: str, before: str = "", language: str = "javascript") -> str:
    known = languages.find(language, None)
    cursor = Cursor(Document("file:///a", before, 1, language), len(before))
    place = parsing.place_kind(before, "", known)
    return part_ends.ended(part, stopping.surroundings(cursor, known, place))


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ('println("', "println"),
        ('println("Hello', "println"),
        ("for (const x of list) {", "for (const x of list)"),
        ("for (const x of list) {\n  add(x);", "for (const x of list)"),
        ("total += items[", "total += items"),
        ("const sum =", "const sum"),
        ("a.b(c).", "a.b(c)"),
        ("ready &&", "ready"),
        ("return $", "return"),
        ("<p>{text}</p", "<p>{text}</p>"),
        ('<p class="', ""),
        ("`${name", ""),
    ],
)
def test_a_part_is_cut_back_to_what_is_whole(part: str, expected: str) -> None:
    assert ended(part) == expected


@pytest.mark.parametrize(
    ("part", "language", "expected"),
    [
        ("rm -rf", "shellscript", ""),
        ("rm -rf", "makefile", ""),
        ("cd build\nls -la --all", "shellscript", "cd build"),
        ("rm -rf build", "makefile", "rm -rf build"),
        ("docker run -it debian", "shellscript", "docker run -it debian"),
        ("x = a -b", "python", "x = a -b"),
    ],
)
def test_a_command_is_not_cut_before_its_arguments(part: str, language: str, expected: str) -> None:
    assert ended(part, language=language) == expected


@pytest.mark.parametrize(
    ("part", "before", "language"),
    [
        ('println("Hello");', "", "java"),
        ("for (const x of list)", "", "javascript"),
        ("if err != nil", "", "go"),
        ("i++", "", "javascript"),
        ("if not values:", "", "python"),
        (") / len(values)", "    return sum(values", "python"),
        ("Hello, world", 'print("', "python"),
        ("the user's name (", "# prints ", "python"),
        ("don't open a (pair) here", "", "markdown"),
        ("fn first<'a>(text: &'a str) -> &'a str", "", "rust"),
        ("a < b", "", "javascript"),
        ("it's, that's", "x = 'b' # ", "python"),
    ],
)
def test_what_is_whole_stays(part: str, before: str, language: str) -> None:
    assert ended(part, before, language) == part


def test_what_the_user_opened_is_not_the_parts_to_close() -> None:
    assert ended("name, age", "create(", "python") == "name, age"


def test_a_string_that_was_open_may_end_and_code_follow() -> None:
    assert ended('Hello", name)', 'print("', "python") == 'Hello", name)'
    assert ended('Hello", name, f(', 'print("', "python") == 'Hello", name, f'
