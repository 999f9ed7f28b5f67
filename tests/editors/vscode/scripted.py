"""The scripted engine of the VS Code tour: the name of the file in the prompt says what it answers."""

from __future__ import annotations

from tests.support.engine_server import Answer, Generation, endless, refuses, says

# A little less than a token of a real engine on a small CPU.
_BETWEEN_S = 0.15


def answer(generation: Generation) -> Answer:
    """Answer a generation by the file it is for."""
    prompt = generation.prompt
    if "slow.py" in prompt:
        return says("first, second, third, fourth, fifth, sixth, seventh)", between_s=_BETWEEN_S)
    if "endless.py" in prompt:
        return endless("more, ", _BETWEEN_S)
    if "broken.py" in prompt:
        return refuses(500)
    if "indented.py" in prompt:
        return says("    return 1")
    return says("add(left, right)")
