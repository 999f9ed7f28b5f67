"""The scripted engine of the VS Code tour: what is asked about says what it answers.

A completion is known by the name of its file, a code action by the name of the function that it is about.
"""

from __future__ import annotations

import re

from qwen_lsp.model.engine import CHAT_SLOT
from tests.support.engine_server import Answer, Generation, endless, refuses, says

# A little less than a token of a real engine on a small CPU.
_BETWEEN_S = 0.15

SUM = "def total(prices):\n    return sum(prices)\n```"
TEST = "def test_tested():\n    assert tested([1, 2]) == 3\n```"
EXPLANATION = """It adds up **all** prices:

1. it starts at 0,
2. it adds each price,
3. it returns the sum."""


def answer(generation: Generation) -> Answer:
    """Answer a generation."""
    return _acted(generation) if generation.slot == CHAT_SLOT else _completed(generation)


def _completed(generation: Generation) -> Answer:
    match asked_in(generation):
        case "slow":
            return says("first, second, third, fourth, fifth, sixth, seventh)", between_s=_BETWEEN_S)
        case "endless":
            return endless("more, ", _BETWEEN_S)
        case "broken":
            return refuses(500)
        case "indented":
            return says("    return 1")
        case "lines":
            return says("total = first + second\n    return total")
        case "others" if generation.forced.endswith("sum"):
            return says("(left)")
        case "others":
            return says("add(left, right)", others=("sum",))
    return says("add(left, right)")


def _acted(generation: Generation) -> Answer:
    match acted_on(generation):
        case "forever":
            # No two lines alike: a loop would be ended by the server itself.
            lines = (f"prices = prices + [{number * number}]\n    " for number in range(2000))
            return Answer(("def forever(prices):\n    ", *lines), between_s=_BETWEEN_S, end="hang")
        case "failing":
            return refuses(500)
        case "explained":
            return says(EXPLANATION, between_s=3 * _BETWEEN_S)  # the first preview of a window takes seconds
        case "add":
            return says(
                "把两个数**相加**：\n\n1. 取 `left` 和 `right`，\n2. 返回它们的和。", between_s=_BETWEEN_S
            )
        case "tested":
            return says(TEST, between_s=_BETWEEN_S)
    return says(SUM, between_s=_BETWEEN_S)


def asked_in(generation: Generation) -> str:
    """Return the name of the file: the last one in the prompt; others before it are only context."""
    names = re.findall(r"(\w+)\.py", generation.prompt)
    return str(names[-1]) if names else ""


def acted_on(generation: Generation) -> str:
    """Return the name of the function that a code action is about."""
    names = re.findall(r"def (\w+)", generation.prompt)
    return str(names[-1]) if names else ""
