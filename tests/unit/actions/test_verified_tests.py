"""Tests that a model wrote are run on the code as it is, confined, in folders that are trusted."""

from __future__ import annotations

import os
import re
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from qwen_lsp import sandbox
from qwen_lsp.actions import calls, verified_tests
from qwen_lsp.actions import run as runner
from qwen_lsp.actions.task import Proposal, Refused, Task, apply
from tests.support.chatting import Speaker, session, task

pytestmark = pytest.mark.skipif(
    not any("Landlock" in one for one in sandbox.available()), reason="this kernel has no Landlock"
)
CODE = "def half(n):⟦⟧\n    return n / 2\n"
GOOD = "def test_of_two():\n    assert half(2) == 1\n"
BAD = "def test_of_three():\n    assert half(3) < 1\n"


@pytest.fixture(autouse=True)
def python_with_pytest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"])))
    monkeypatch.setattr(verified_tests, "_TIMEOUT_S", 300)  # the machine may be busy
    monkeypatch.setattr(calls, "_can_run", lambda target: False)  # tests from calls have tests of their own
    # Those of this environment cost more than the tests that are run.
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")


def asked(root: Path, *, is_trusted: bool = True) -> Task:
    (root / "maths.py").write_text(CODE.replace("⟦⟧", ""), "utf-8")
    made = task("test", CODE, language="python", path="maths.py")
    return replace(made, root=str(root), is_trusted=is_trusted)


async def written_for(root: Path, *answers: str, is_trusted: bool = True) -> tuple[str | Refused, Speaker]:
    speaker = Speaker(*(f"```python\n{answer}```" for answer in answers))
    found = await runner.run(asked(root, is_trusted=is_trusted), session(speaker))
    if isinstance(found, Refused):
        return found, speaker
    assert isinstance(found, Proposal)
    assert found.other is not None
    before = found.other.document.text if found.other.document else ""
    return apply(before, found.other.edits), speaker


async def test_what_fails_is_left_out(tmp_path: Path) -> None:
    written, speaker = await written_for(tmp_path, f"{GOOD}\n\n{BAD}")
    assert written == f"from maths import half\n\n\n{GOOD}"
    assert len(speaker.prompts) == 1
    assert sorted(file.name for file in tmp_path.iterdir()) == ["maths.py"], "nothing is written there"


async def test_what_holds_stays_as_it_is(tmp_path: Path) -> None:
    written, _ = await written_for(tmp_path, GOOD)
    assert written == f"from maths import half\n\n\n{GOOD}"


async def test_tests_that_all_fail_are_asked_for_once_more(tmp_path: Path) -> None:
    written, speaker = await written_for(tmp_path, BAD, GOOD)
    assert written == f"from maths import half\n\n\n{GOOD}"
    assert "assert 1.5 < 1" in speaker.prompts[1], "it is told what fails"
    refused, _ = await written_for(tmp_path, BAD, BAD)
    assert isinstance(refused, Refused)
    assert refused.reason == "tests_fail"
    assert "assert 1.5 < 1" in refused.detail


async def test_a_wrong_value_becomes_the_one_that_the_code_gives(tmp_path: Path) -> None:
    wrong = (
        "def test_of_more():\n    # three is rounded\n    assert half(3) == 1  # one\n"
        "    assert half(1) == 0\n    assert half(4) == 2\n"
    )
    right = (
        "def test_of_more():\n    assert half(3) == 1.5\n    assert half(1) == 0.5\n    assert half(4) == 2\n"
    )
    written, speaker = await written_for(tmp_path, f"{GOOD}\n\n{wrong}")
    assert written == f"from maths import half\n\n\n{GOOD}\n\n{right}"
    assert len(speaker.prompts) == 1


def test_a_wrong_value_that_has_a_name_becomes_the_right_one() -> None:
    text = "def test_it():\n    given = 1\n    expected = 1\n    assert half(given) == expected\n"
    right = text.replace("expected = 1", "expected = 0.5")
    assert verified_tests._with_value(text, "test_it", "AssertionError: assert 0.5 == 1") == right


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("assert half(3) == half(1)", "AssertionError: assert 1.5 == 0.5"),  # no value is written there
        ("assert half(3) == 1 or half(5) == 1", "AssertionError: assert 1.5 == 1"),  # which of the two
        ("assert half(3) == [1]", "AssertionError: assert <object at 0x7f> == [1]"),  # no value to be written
        ("assert half(3) == 1", "TypeError: 'int' object is not callable"),
    ],
)
def test_a_value_that_is_not_certain_stays(line: str, why: str) -> None:
    text = f"def test_it():\n    {line}\n"
    assert verified_tests._with_value(text, "test_it", why) == text


async def test_tests_that_were_there_stay(tmp_path: Path) -> None:
    there = "from maths import half\n\n\ndef test_old():\n    assert half(5) == 1\n"
    (tmp_path / "test_maths.py").write_text(there, "utf-8")
    written, _ = await written_for(tmp_path, f"{GOOD}\n\n{BAD}")
    assert written == f"{there}\n\n{GOOD}"


async def test_in_a_folder_that_is_not_trusted_nothing_is_run(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text("open('ran', 'w')\n", "utf-8")
    written, _ = await written_for(tmp_path, f"{GOOD}\n\n{BAD}", is_trusted=False)
    assert isinstance(written, str)
    assert re.findall(r"def (\w+)", written) == ["test_of_two", "test_of_three"]


async def test_they_can_neither_write_nor_connect(tmp_path: Path) -> None:
    harm = (
        "def test_half_writes():\n    assert half(2)\n    open('harm', 'w')\n\n\n"
        "def test_half_connects():\n    import socket\n    assert half(2)\n"
        "    try:\n        socket.create_connection(('127.0.0.1', 9), 1)\n"
        "    except PermissionError:\n        raise\n    except OSError:\n        pass\n"
    )
    written, _ = await written_for(tmp_path, f"{GOOD}\n\n{harm}")
    assert written == f"from maths import half\n\n\n{GOOD}"
    assert not (tmp_path / "harm").exists()


async def test_without_pytest_they_are_proposed_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    written, _ = await written_for(tmp_path, f"{GOOD}\n\n{BAD}")
    assert isinstance(written, str)
    assert "test_of_three" in written
