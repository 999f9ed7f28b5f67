"""A model that fills the holes of the FIM self-test, as long as it sees the markers."""

from __future__ import annotations

from qwen_lsp.completion.fim_check import HOLES
from tests.support.engine_server import Answer, Generation, says


def fills_holes(generation: Generation) -> Answer:
    """Fill holes as a coder does that sees the markers; answer a question in prose."""
    if generation.prompt.startswith("<|im_start|>"):
        return says("Sure! Here is the code:")
    hole = next((hole for hole in HOLES if hole.before.split("\n")[0] in generation.prompt), None)
    if hole is None:
        return says("pass")
    rest = hole.answer.removeprefix(generation.forced.strip())
    return says(rest if generation.forced else f"{hole.answer}{hole.after[:1]}")
