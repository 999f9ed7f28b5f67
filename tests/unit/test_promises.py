"""Each promise of SECURITY.md and each invariant of ARCHITECTURE.md names tests, and they exist."""

from __future__ import annotations

import re

import pytest

from tests.support.places import REPOSITORY

# A file of tests, perhaps with the name of one test in it.
NAMED = re.compile(r"`(tests/[\w/.-]+\.py)(?:::(\w+))?`")


def rows(file: str, section: str) -> list[tuple[str, str]]:
    """Return what is promised and by what it is held: the first and the last cell of a section's rows."""
    text = (REPOSITORY / file).read_text("utf-8").split(f"## {section}\n", 1)[1].split("\n## ", 1)[0]
    lines = [line for line in text.splitlines() if line.startswith("|")][2:]
    cells = [line.strip("| ").split(" | ") for line in lines]
    return [(one[-2], one[-1]) for one in cells]


ROWS = [*rows("SECURITY.md", "Promises"), *rows("ARCHITECTURE.md", "Invariants")]


def test_the_tables_are_read() -> None:
    assert len(ROWS) > 40


@pytest.mark.parametrize(("promise", "held_by"), ROWS, ids=[promise[:60] for promise, _ in ROWS])
def test_what_holds_a_promise_is_there(promise: str, held_by: str) -> None:
    found = NAMED.findall(held_by)
    assert found, f"no test holds: {promise}"
    for file, name in found:
        text = (REPOSITORY / file).read_text("utf-8")
        assert re.search(rf"^(async )?def {name or 'test_'}", text, re.MULTILINE), (file, name)
