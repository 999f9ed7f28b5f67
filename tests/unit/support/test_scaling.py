"""The measure of growth finds work that grows with the square of its input, however busy the machine is."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.support.scaling import MAX_GROWTH, growth


def spin(parts: int) -> None:
    for _ in range(parts):
        sum(range(2_000))


def forever() -> None:
    while True:
        spin(1)


@contextmanager
def others(count: int) -> Iterator[None]:
    running = [
        multiprocessing.get_context("spawn").Process(target=forever, daemon=True) for _ in range(count)
    ]
    for process in running:
        process.start()
    try:
        yield
    finally:
        for process in running:
            process.kill()
            process.join()


@pytest.mark.flaky(reruns=1)  # real processes beside it, and perhaps those of other tests
@pytest.mark.parametrize("busy", [0, 2])
def test_a_square_is_found_and_a_line_is_let_through(busy: int) -> None:
    with others(busy):
        assert growth(lambda n: n, spin, 40) <= MAX_GROWTH
        assert growth(lambda n: n, lambda n: spin(n * n // 40), 40) > MAX_GROWTH
        assert growth(lambda n: n, lambda n: spin(round(n**1.5) // 7), 40) > MAX_GROWTH


def test_a_step_where_a_cache_runs_out_is_no_square() -> None:
    assert growth(lambda n: n, lambda n: spin(n if n < 80 else n * 5 // 4), 40) <= MAX_GROWTH
