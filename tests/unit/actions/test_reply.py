"""Telling code from what models write around it."""

from __future__ import annotations

import pytest

from qwen_lsp.actions import reply
from qwen_lsp.actions.task import Refused

ORIGINAL = "def total(prices):\n    return sum(prices)"


@pytest.mark.parametrize(
    "answer",
    [
        "```python\n{code}\n```",
        "```\n{code}\n```",
        "{code}",
        "Sure! Here is the code:\n\n```python\n{code}\n```\nThis code sums the prices.",
        "好的，以下是修改后的代码：\n```python\n{code}\n```\n说明：没有改动。",
        "```python\n{code}",
        "~~~py\n{code}\n~~~",
        "Here is the code:\n{code}\n\nNote that nothing changed.",
        "Example:\n```\nprint(1)\n```\nThe code:\n```python\n{code}\n```",
        "```python\r\n{code}\r\n```\r\n",
        "````python\n{code}\n````",
    ],
)
def test_the_code_is_found(answer: str) -> None:
    assert reply.code_of(answer.replace("{code}", ORIGINAL), ORIGINAL) == ORIGINAL


def test_a_fence_that_is_opened_twice_is_opened_once() -> None:
    assert reply.code_of("```python\n```python\nx = 1\n```\n", "x = 0") == "x = 1"


def test_a_longer_fence_holds_a_shorter_one() -> None:
    code = 'text = """\n```\n"""'
    assert reply.code_of(f"````python\n{code}\n````", code) == code


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("", "empty"),
        ("```python\n```", "empty"),
        ("I'm sorry, but I can't help with that.", "refusal"),
        ("```python\n# I'm sorry, but I cannot do that\n```", "refusal"),
        ("抱歉，我无法完成这个请求。", "refusal"),
        ("Sure, here you go.", "chatter"),
        ("好的。", "chatter"),
        ("```python\ndef total(prices):\n    # ... rest of the code\n```", "placeholder"),
        ("```js\n// existing code\n```", "placeholder"),
        ("```python\n" + "x = 1\n" * 40 + "```", "loop"),
        ("```python\n" + "a = 1\nb = 2\n" * 20, "loop"),
    ],
)
def test_what_is_no_code(answer: str, reason: str) -> None:
    found = reply.code_of(answer, ORIGINAL)
    assert isinstance(found, Refused)
    assert found.reason == reason


def test_repetition_that_was_there_before_is_no_loop() -> None:
    original = "x = [\n" + "    0,\n" * 30 + "]"
    assert reply.code_of(f"```python\n{original}\n```", original) == original


@pytest.mark.parametrize(
    ("answer", "seen"),
    [
        ("", ""),
        ("``", ""),
        ("```pyth", ""),
        ("```python\ndef f", "def f"),
        ("```python\ndef f():\n    pass\n```\nSo", "def f():\n    pass"),
    ],
)
def test_what_is_seen_while_it_is_written(answer: str, seen: str) -> None:
    assert reply.so_far(answer) == seen
