"""Where everything must run, a skipped test that is required is a failure."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.places import REPOSITORY

TESTS = """
import pytest

@pytest.mark.required
def test_required():
    pytest.skip("no weights here")

@pytest.mark.required
@pytest.mark.skipif(True, reason="wrong machine")
def test_required_by_condition():
    pass

@pytest.fixture
def missing():
    pytest.skip("nothing to set up")

@pytest.mark.required
def test_required_fixture(missing):
    pass

def test_not_required():
    pytest.skip("as on any machine")

def test_runs():
    pass
"""


@pytest.mark.parametrize(
    ("require", "outcome"), [("", "1 passed, 4 skipped"), ("1", "1 failed, 1 passed, 1 skipped, 2 errors")]
)
def test_the_rule(tmp_path: Path, require: str, outcome: str) -> None:
    (tmp_path / "conftest.py").write_text((REPOSITORY / "tests" / "conftest.py").read_text("utf-8"), "utf-8")
    (tmp_path / "test_it.py").write_text(TESTS, "utf-8")
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", os.devnull, str(tmp_path)],
        env={**os.environ, "QWEN_LSP_REQUIRE_ALL": require},
        cwd=tmp_path,
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )
    assert outcome in ran.stdout, ran.stdout
    assert ran.returncode == (1 if require else 0)
    if require:
        for reason in ("no weights here", "wrong machine", "nothing to set up"):
            assert reason in ran.stdout
