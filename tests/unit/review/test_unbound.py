"""Names that a change left without a value on some way to where they are read."""

from __future__ import annotations

import asyncio

import pytest

from qwen_lsp.review import reviewer
from qwen_lsp.review.change.change import Change, ChangedFile, compare
from qwen_lsp.review.find.unbound import RULE
from qwen_lsp.review.finding import Finding


def found(path: str, before: str, after: str) -> list[Finding]:
    """Review one file."""
    file = ChangedFile(compare(path, before, after), before, after)
    return list(asyncio.run(reviewer.review(Change("t", (file,)))).findings)


HEAD = "def f(x, names):\n"
BEFORE = HEAD + "    value = load(x)\n    print(value)\n"
# (the function after, the line of the finding)
MISSING = [
    ("    if x == 1:\n        value = 1\n    elif names == 2:\n        value = 2\n    print(value)\n", 6),
    ("    if x:\n        value = load(x)\n    print(value)\n", 4),
    (
        "    try:\n        value = load(x)\n    except OSError:\n        log(x)\n    print(value)\n",
        6,
    ),
    (
        "    try:\n        value = load(x)\n    except OSError:\n        x.skip_spaces()\n    print(value)\n",
        6,
    ),
    ("    if x:\n        value = load(x)\n        return value\n    print(value)\n", 5),
    (
        "    try:\n        value = tree.read(x)\n    except tree.ParseError:\n        print(value)\n",
        5,
    ),
    ("    value = load(x)\n    del value\n    print(value)\n", 4),
    (
        "    if x:\n        value = 1\n    elif names:\n        pass\n    else:\n        value = 2\n"
        "    print(value)\n",
        8,
    ),
]
THERE = [
    # One of these is taken, as in a `match`.
    "    if x == 'a':\n        value = 1\n    elif x == 'b':\n        value = 2\n    print(value)\n",
    # What raises the module's own error comes after the assignment.
    "    try:\n        value = load(x)\n        tree.read(value)\n    except tree.ParseError:\n"
    "        print(value)\n",
    "    if x:\n        value = load(x)\n    else:\n        value = 0\n    print(value)\n",
    "    if x:\n        value = load(x)\n    if x and names:\n        print(value)\n",
    "    try:\n        value = load(x)\n    except OSError:\n        sys.exit(1)\n    print(value)\n",
    "    try:\n        value = load(x)\n    except OSError:\n        x.skipTest('no')\n    print(value)\n",
    "    try:\n        value = load(x)\n    finally:\n        close()\n    print(value)\n",
    "    for name in names:\n        value = load(name)\n    print(value)\n",
    "    while True:\n        value = load(x)\n        if value:\n            break\n    print(value)\n",
    "    if not x:\n        raise ValueError(x)\n    else:\n        value = 1\n    print(value)\n",
    "    with open(x) as file:\n        value = file.read()\n    print(value)\n",
    "    match x:\n        case [first, *rest]:\n            value = rest\n        case value:\n"
    "            pass\n    print(value)\n",
    "    if (value := load(x)) is None:\n        return\n    print(value)\n",
    "    failed = False\n    try:\n        value = load(x)\n    except OSError:\n        failed = True\n"
    "    if failed:\n        return\n    print(value)\n",
    "    global value\n    if x:\n        value = load(x)\n    print(value)\n",
    "    print([value for value in names])\n",
]


def lines(before: str, after: str) -> list[int]:
    return [one.start_line for one in found("a.py", before, after) if one.rule == RULE]


@pytest.mark.parametrize(("after", "line"), MISSING)
def test_a_way_without_a_value(after: str, line: int) -> None:
    assert lines(BEFORE, HEAD + after) == [line]
    assert lines(HEAD + after, BEFORE) == [], "the way back gives it one"
    assert lines(HEAD + after, HEAD + after.replace("print", "show")) == [], "it had none before"


@pytest.mark.parametrize("after", THERE)
def test_a_value_on_every_way(after: str) -> None:
    assert lines(BEFORE, HEAD + after) == []
