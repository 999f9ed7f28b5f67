"""The boundary to whoever can cause errors: the log says what happened, and how often, in bounded space."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from qwen_lsp.logs import Bounded


class Written(logging.Handler):
    """What reached the log."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


@pytest.fixture
def now() -> list[float]:
    return [0.0]


@pytest.fixture
def written(now: list[float]) -> Iterator[Written]:
    """A logger of the test's own, `attack`, behind the bound."""
    kept, logger = Written(), logging.getLogger("attack")
    bound = Bounded([kept], lambda: now[0])
    logger.addHandler(bound)
    logger.propagate = False
    yield kept
    logger.removeHandler(bound)


def fail(text: str) -> None:
    try:
        raise ValueError(text)
    except ValueError:
        logging.getLogger("attack").exception("cannot handle %s", text)


def test_an_error_is_logged_once_with_its_traceback_and_then_counted(
    written: Written, now: list[float]
) -> None:
    for number in range(10_000):
        fail(f"message {number}")
    assert sum("Traceback" in line for line in written.lines) == 1
    assert "Traceback" in written.lines[0]
    assert len(written.lines) == 10
    now[0] = 61.0
    fail("late")
    assert written.lines[-1] == "cannot handle late (and 9990 more like it)"


def test_another_error_has_its_own_traceback(written: Written) -> None:
    for _ in range(100):
        fail("one")
    try:
        1 / 0  # noqa: B018
    except ZeroDivisionError:
        logging.getLogger("attack").exception("another")
    assert "ZeroDivisionError" in written.lines[-1]


def test_no_line_is_as_long_as_a_message(written: Written) -> None:
    logging.getLogger("attack").error("%s", "x" * 1_000_000)
    assert len(written.lines[0]) < 5_000


def test_ordinary_lines_are_all_logged(written: Written) -> None:
    logger = logging.getLogger("attack")
    logger.setLevel(logging.INFO)
    for number in range(100):
        logger.info("indexed %s", number)
    assert len(written.lines) == 100
