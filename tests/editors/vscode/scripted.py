"""The scripted engine of the VS Code tour: the file that is asked about says what it answers."""

from __future__ import annotations

import re

from tests.support.engine_server import Answer, Generation, endless, refuses, says

# A little less than a token of a real engine on a small CPU.
_BETWEEN_S = 0.15


def answer(generation: Generation) -> Answer:
    """Answer a generation by the file it is for."""
    if generation.path == "/v1/chat/completions":
        return says("def total(prices):\n    return sum(prices)\n```", between_s=_BETWEEN_S)
    match asked_in(generation):
        case "slow":
            return says("first, second, third, fourth, fifth, sixth, seventh)", between_s=_BETWEEN_S)
        case "endless":
            return endless("more, ", _BETWEEN_S)
        case "broken":
            return refuses(500)
        case "indented":
            return says("    return 1")
    return says("add(left, right)")


def asked_in(generation: Generation) -> str:
    """Return the name of the file: the last one in the prompt; others before it are only context."""
    names = re.findall(r"(\w+)\.py", generation.prompt)
    return str(names[-1]) if names else ""
