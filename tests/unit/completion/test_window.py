"""The window of a prompt: short after a jump, and then only longer at its end."""

from __future__ import annotations

import pytest

from qwen_lsp.completion.budget import Budget
from qwen_lsp.completion.window import Windows
from qwen_lsp.model.tokens import estimate
from qwen_lsp.text import Cursor, Document, Edit, Span

LINES = "".join(f"value_{number} = compute({number})\n" for number in range(200))
BUDGET = Budget(600, 60, 24, 48, 0, 120)


def at_line(number: int, text: str = LINES) -> Cursor:
    document = Document("file:///a.py", text)
    return Cursor(document, document.starts[number])


def typed(cursor: Cursor, text: str) -> Cursor:
    edit = Edit(Span(cursor.offset, cursor.offset), text)
    return Cursor(cursor.document.with_edit(edit, 0), cursor.offset + len(text))


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_the_prompt_only_grows_while_somebody_types(ending: str) -> None:
    windows = Windows()
    cursor = at_line(150, LINES.replace("\n", ending))
    first, suffix = windows.around(cursor, BUDGET)
    assert estimate(first) <= 120
    before = first
    for _ in range(20):
        cursor = typed(cursor, f"other = compute(1){ending}")
        prefix, after = windows.around(cursor, BUDGET)
        assert prefix.startswith(before)
        assert after == suffix
        before = prefix
    assert estimate(before) > 200


def test_a_full_window_begins_anew() -> None:
    windows, cursor = Windows(), at_line(150)
    windows.around(cursor, BUDGET)
    longest = 0
    for _ in range(120):
        cursor = typed(cursor, "other = compute(1)\n")
        prefix, _ = windows.around(cursor, BUDGET)
        longest = max(longest, estimate(prefix))
    assert 400 < longest <= 600


def test_a_jump_begins_short_again() -> None:
    windows, cursor = Windows(), at_line(150)
    windows.around(cursor, BUDGET)
    for number in (20, 180, 150):
        prefix, _ = windows.around(at_line(number), BUDGET)
        assert estimate(prefix) <= 120
        assert prefix.endswith(LINES.splitlines(keepends=True)[number - 1])


def test_a_change_above_is_read_anew() -> None:
    windows, cursor = Windows(), at_line(150)
    first, _ = windows.around(cursor, BUDGET)
    changed = LINES.replace("value_145", "changed_145")
    prefix, _ = windows.around(at_line(150, changed), BUDGET)
    assert "changed_145" in prefix
    moved = Cursor(Document("file:///a.py", "# above\n" + LINES), cursor.offset + len("# above\n"))
    assert windows.around(moved, BUDGET)[0].endswith(first[-100:])


def test_a_document_that_was_closed_begins_short() -> None:
    windows, cursor = Windows(), at_line(150)
    first, _ = windows.around(cursor, BUDGET)
    cursor = typed(cursor, "other = compute(1)\n" * 8)
    windows.forget("file:///a.py")
    assert not windows.around(cursor, BUDGET)[0].startswith(first)
