"""Rules of the whole suite: how property tests run, and which skips are failures."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Generator

import pytest
from hypothesis import settings
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from qwen_lsp.model import shared
from tests.support.isolation import RUNTIME

# The machines are shared and noisy: a slow example says nothing. The same examples every time, so that a
# change is judged by what it changed; HYPOTHESIS_PROFILE=search looks for new ones.
settings.register_profile("qwen-lsp", deadline=None, print_blob=True, derandomize=True)
settings.register_profile("search", deadline=None, print_blob=True, max_examples=2_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "qwen-lsp"))

# What one process of a parallel run does alone: all that needs the real engine, for two at once ruin both,
# and else the tests of one file, which share what they start. The longest come first.
MODEL = "tests/model"
LONGEST = (
    MODEL,
    "tests/test_packaging.py",
    "tests/editors/vscode/test_vscode_package.py",
    "tests/editors/test_neovim.py",
    "tests/protocol/test_clients.py",
    "tests/security/test_ci_gate.py",
)

# Read once: tests that isolate themselves from the user take the variable away.
REQUIRE_ALL = bool(os.environ.get("QWEN_LSP_REQUIRE_ALL"))


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "required: with QWEN_LSP_REQUIRE_ALL set, skipping it is a failure; so is a `model` test"
    )


def pytest_sessionfinish() -> None:
    """Leave no engine behind: servers that had no reason to have their own have shared one."""
    if any(RUNTIME.iterdir()):
        os.environ["XDG_RUNTIME_DIR"] = str(RUNTIME)
        asyncio.run(shared.stop())
    shutil.rmtree(RUNTIME, ignore_errors=True)


def pytest_itemcollected(item: pytest.Item) -> None:
    """Where real processes meet, a test that fails is run once more, and the summary names it.

    A window of a busy machine loses a click now and then; what fails twice is at fault.
    """
    if not item.nodeid.startswith("tests/unit"):
        item.add_marker(pytest.mark.flaky(reruns=1))


class ByGroup(LoadScopeScheduling):  # type: ignore[misc]
    """Gives each group to one process."""

    def _split_scope(self, nodeid: str) -> str:
        return _group(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    return ByGroup(config, log)


def _group(nodeid: str) -> str:
    file = nodeid.partition("::")[0]
    return MODEL if file.startswith(f"{MODEL}/") else file


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest files, so that the processes of a parallel run end at about the same time."""
    places = {name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(_group(item.nodeid), len(LONGEST)))


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
