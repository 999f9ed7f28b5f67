"""Statements that can become a function of their own, and why others cannot: what all languages share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Tie = Literal["place", "flow", "names", "bound"]


class Tied(Exception):
    """Why statements cannot be moved.

    `place`: they are not whole statements of one function; `flow`: they return, leave a loop or yield on some
    ways only; `names`: the value of `detail` would be another, or none; `bound`: `detail` only works there.
    """

    def __init__(self, tie: Tie, detail: str = "") -> None:
        super().__init__(tie, detail)
        self.tie, self.detail = tie, detail


@dataclass(frozen=True, slots=True)
class Piece:
    """Statements that can be moved. Units: lines from 1, both ends included.

    Shape: `parameters` and `annotations` are as long; an annotation is source text or "". `results` is empty
    where `returns`: then the call takes the place of a `return`. `receiver` is `self` or `cls` where the new
    function must be a method; `above` is the line that the new function goes in front of. `kept` are lines
    inside of strings, which must not be indented again. `last_value_line` is where the last statement begins
    if it assigns the only result and nothing else, so that its value can be returned directly; else 0.
    Where a language has words for new variables, `declares` is the one for `declared`, which are among the
    results; `is_guarded` where the line before would go on with a bracket.
    """

    first: int
    last: int
    parameters: tuple[str, ...]
    annotations: tuple[str, ...]
    results: tuple[str, ...]
    returns: bool
    return_annotation: str
    is_async: bool
    receiver: str
    above: int
    kept: frozenset[int]
    last_value_line: int
    declares: str = ""
    declared: tuple[str, ...] = ()
    is_guarded: bool = False
