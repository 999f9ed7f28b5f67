"""Rules of the whole suite: how property tests run, and which skips are failures."""

from __future__ import annotations

import os
from collections.abc import Generator

import pytest
from hypothesis import settings

# The machines are shared and noisy: a slow example says nothing.
settings.register_profile("qwen-lsp", deadline=None, print_blob=True)
settings.load_profile("qwen-lsp")

# Read once: tests that isolate themselves from the user take the variable away.
REQUIRE_ALL = bool(os.environ.get("QWEN_LSP_REQUIRE_ALL"))


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "required: with QWEN_LSP_REQUIRE_ALL set, skipping it is a failure; so is a `model` test"
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Where everything must run, a required test that was skipped has failed."""
    report = yield
    is_required = any(item.get_closest_marker(name) for name in ("required", "model"))
    if report.skipped and is_required and REQUIRE_ALL:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} must run here (QWEN_LSP_REQUIRE_ALL is set). {reason}"
    return report
