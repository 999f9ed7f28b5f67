"""Tests for nothing that became tests for truth, and values read without asking; each with its way back."""

from __future__ import annotations

import asyncio
import re

import pytest

from qwen_lsp.review import reviewer
from qwen_lsp.review.change.change import Change, ChangedFile, compare
from qwen_lsp.review.find.weaker import READ, TEST
from qwen_lsp.review.finding import Finding


def found(path: str, before: str, after: str) -> list[Finding]:
    """Review one file."""
    file = ChangedFile(compare(path, before, after), before, after)
    return list(asyncio.run(reviewer.review(Change("t", (file,)))).findings)


# (path, line before, line after, what was asked)
TESTS = [
    ("a.py", "if item.size is not None:", "if item.size:", "item.size is not None"),
    ("a.py", "if form.get('name', None) is None:", "if not form.get('name'):", "form.get('name') is None"),
    (
        "a.py",
        "shown = (limit is not None and limit < n)",
        "shown = (limit and limit < n)",
        "limit is not None",
    ),
    ("a.ts", "if (row.size !== undefined) {", "if (row.size) {", "row.size !== undefined"),
    ("a.ts", "const n = options.n ?? 10", "const n = options.n || 10", "options.n ?? …"),
    ("a.js", "if (row.name === null) {", "if (!row.name) {", "row.name === null"),
]
READS = [
    ("a.py", "name = user.name if user else ''", "name = user.name", "if user else ''"),
    ("a.py", "x = self.env.get('A') if self.env is not None else None", "x = self.env.get('A')", "self.env"),
    ("a.py", "if url and url[-1] == '/':", "if url[-1] == '/':", "url"),
    ("a.py", "agent = headers.get('Agent', '').lower()", "agent = headers.get('Agent').lower()", "''"),
    ("a.py", "if not rows or rows[0] == 1:", "if rows[0] == 1:", "not rows"),
    ("a.js", "if (user && user.name) {", "if (user.name) {", "user"),
]
NEITHER = [
    ("a.py", "if item.size is not None:", "if item.length:"),
    ("a.py", "if item.size is not None:", "if item.size is not Missing:"),
    ("a.py", "if ready and url[-1] == '/':", "if url[-1] == '/':"),
    ("a.py", "name = user.name if ready else ''", "name = user.name"),
    ("a.py", "agent = headers.get('Agent', '')", "agent = headers.get('Agent')"),
    ("a.py", "agent = headers.pop('Agent', '').lower()", "agent = headers.pop('Agent').lower()"),
    ("a.ts", "const n = options.n ?? 10", "const n = options.m || 10"),
    ("a.js", "if (user && other.user) {", "if (other.user) {"),
    ("tests/test_a.py", "if item.size is not None:", "if item.size:"),
]
AROUND = "a = 1\n{}\n    b = 2\n"


@pytest.mark.parametrize(("path", "before", "after", "asked"), TESTS)
def test_a_weaker_test(path: str, before: str, after: str, asked: str) -> None:
    one, *others = found(path, AROUND.format(before), AROUND.format(after))
    assert (one.rule, one.severity, one.start_line, others) == (TEST, "info", 2, [])
    assert f"`{asked}`" in one.message
    rules = {entry.rule for entry in found(path, AROUND.format(after), AROUND.format(before))}
    assert TEST not in rules, "what asks more exactly is none"


@pytest.mark.parametrize(("path", "before", "after", "asked"), READS)
def test_a_read_that_is_not_protected_any_more(path: str, before: str, after: str, asked: str) -> None:
    (one,) = (
        entry for entry in found(path, AROUND.format(before), AROUND.format(after)) if entry.rule == READ
    )
    # That `get` gives None, and that nothing is read of None, the language decides.
    is_sure = ".get('Agent'" in before or re.search(r"(?:not None|!== null|!== undefined)", before)
    assert (one.severity, one.start_line) == ("warning" if is_sure else "info", 2)
    assert asked in one.message
    rules = {entry.rule for entry in found(path, AROUND.format(after), AROUND.format(before))}
    assert READ not in rules, "what asks more is none"


@pytest.mark.parametrize(("path", "before", "after"), NEITHER)
def test_what_is_neither(path: str, before: str, after: str) -> None:
    rules = {entry.rule for entry in found(path, AROUND.format(before), AROUND.format(after))}
    assert rules.isdisjoint((TEST, READ))


def test_a_value_with_another_origin_may_always_be_there() -> None:
    before = "user = session.get('name')\nshown = user.strip() if user else ''\n"
    after = "user = session.get('name', 'nobody')\nshown = user.strip()\n"
    assert [one.rule for one in found("a.py", before, after)] == []


def test_lines_of_one_place_are_compared_one_by_one() -> None:
    before = "if a.b is not None:\n    x = 1\nif a.c is not None:\n"
    after = "if a.b:\n    x = 2\nif a.c:\n"
    assert [(one.rule, one.start_line) for one in found("a.py", before, after)] == [(TEST, 1), (TEST, 3)]
