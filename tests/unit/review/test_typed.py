"""What fails by its types, as ty says: in real repositories, each with its reverse case."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from qwen_lsp.review import reviewer
from qwen_lsp.review.change.change import from_git
from qwen_lsp.review.find import typed
from qwen_lsp.review.finding import Finding
from qwen_lsp.review.reviewer import Options
from tests.unit.review.repositories import git, repository, write

FILES: dict[str, str | bytes] = {
    "pkg/__init__.py": "",
    "pkg/lib.py": "class Store:\n    def load(self, path):\n        return path\n\n\n"
    "def shown(x):\n    return str(x)\n",
    "pkg/use.py": "from pkg import lib\n\n\ndef run():\n    return lib.shown(1)\n",
}
HEAD = "import tempfile\n\nfrom pkg import lib\n\n\n"


def found(tmp_path: Path, new: dict[str, str | bytes], *, is_strict: bool = False) -> list[Finding]:
    """Review a change of `FILES`; what ty says of it."""
    root = repository(tmp_path / "r", FILES)
    write(root, new)
    git(root, "add", "-A")
    git(root, "commit", "-qm", "two")
    change = replace(from_git(root, "range", "HEAD^..HEAD"), is_strict=is_strict)
    report = asyncio.run(reviewer.review(change, Options(linters="plain")))
    return [one for one in (*report.findings, *report.remarks) if one.rule.startswith("ty/")]


@pytest.mark.parametrize(
    ("body", "rule", "words"),
    [
        ("def run():\n    return lib.show(1)\n", "missing-attribute", "`show`"),
        (
            "def run():\n    with tempfile.TemporaryDirectory() as name:\n        return name.name\n",
            "missing-attribute",
            "`str` has no attribute `name`",
        ),
        ("def run():\n    return lib.Store().loaded\n", "missing-attribute", "`loaded`"),
        (
            "class A:\n    def f(self):\n        return self.unheard_of\n",
            "missing-attribute",
            "`self` has no attribute `unheard_of`",
        ),
        ("def run():\n    return lib.Store().load()\n", "missing-argument", "`path`"),
        ("def run():\n    return lib.Store().load['a']\n", "not-subscriptable", "`__getitem__`"),
        ("def run():\n    raise 'no'\n", "invalid-raise", "no"),
    ],
)
def test_what_cannot_work(tmp_path: Path, body: str, rule: str, words: str) -> None:
    (one,) = found(tmp_path, {"pkg/use.py": HEAD + body})
    severity = "info" if words.startswith("`self`") else "warning"
    assert (one.rule, one.severity, one.path) == (f"ty/{rule}", severity, "pkg/use.py")
    assert words in one.message
    assert one.url.endswith(f"#{rule}")


@pytest.mark.parametrize(
    "body",
    [
        # one of several types has it
        "def run(x: int | lib.Store):\n    return x.load(1)\n",
        "def run(x: lib.Store | None):\n    return x.load(1)\n",
        # whoever inherits may have it: the name is known elsewhere
        "class Mixin:\n    def f(self):\n        return self.load(1)\n",
        "class Own:\n    def f(self):\n        return self.unheard_of\n\n\n"
        "class A(Own, tempfile.TemporaryDirectory):\n    pass\n",
        "class OwnMixin:\n    def f(self):\n        return self.unheard_of\n",
        "import socket\n\nA = socket._GLOBAL_DEFAULT_TIMEOUT\n",
        # packages are not looked at
        "import unknown\n\n\nclass A(unknown.B):\n    def f(self):\n        return self.unheard_of\n",
        # what fails is expected to
        "def run():\n    try:\n        return lib.show(1)\n    except AttributeError:\n        return None\n",
        "def run():\n    return lib.show(1)  # type: ignore[attr-defined]\n",
        "def run():\n    return getattr(lib, 'show')(1)\n",
        "def run():\n    return lib.show(1) if hasattr(lib, 'show') else None\n",
        # an annotation that promises something else
        "from collections.abc import Callable\n\n\n"
        "def run(f: Callable[[int], None]):\n    return f(1, 2).pop()\n",
        "def run(x: int | float):\n    return x[0] if lib.shown(x) else x\n",
        "def run():\n    return __import__('threading').RLock()._is_owned()\n",
        "def run(x: str = None):\n    return x\n",
        "def run(path: str):\n    return lib.Store().load(path + None)\n",
    ],
)
def test_what_may_work(tmp_path: Path, body: str) -> None:
    assert found(tmp_path, {"pkg/use.py": HEAD + body}) == []


def test_what_the_base_has_is_not_new(tmp_path: Path) -> None:
    bad = "from pkg import lib\n\n\ndef old():\n    return lib.show(1)\n"
    root = repository(tmp_path / "r", {**FILES, "pkg/use.py": bad})
    write(root, {"pkg/use.py": f"{bad}\n\ndef new():\n    return lib.shown(2)\n"})
    git(root, "commit", "-qam", "two")
    report = asyncio.run(reviewer.review(from_git(root, "range", "HEAD^..HEAD"), Options(linters="plain")))
    assert [one.rule for one in report.findings] == []


def test_a_file_of_the_same_change_counts(tmp_path: Path) -> None:
    new = {"pkg/more.py": "def show(x):\n    return x\n"}
    use = "from pkg import more\n\n\ndef run():\n    return more.show(1)\n"
    assert found(tmp_path, {**new, "pkg/use.py": use}) == []
    (one,) = found(tmp_path / "b", {**new, "pkg/use.py": use.replace(".show(", ".shew(")})
    assert "`shew`" in one.message


def test_a_package_below_a_folder(tmp_path: Path) -> None:
    use = "from own import lib\n\n\ndef run():\n    return lib.shew(1)\n"
    new: dict[str, str | bytes] = {
        "apps/own/__init__.py": "",
        "apps/own/lib.py": "A = 1\n",
        "apps/own/use.py": use,
    }
    (one,) = found(tmp_path, new)
    assert "`shew`" in one.message


def test_a_module_that_is_called_like_one_of_the_library(tmp_path: Path) -> None:
    use = "import logging\n\nlogging.getLogger(__name__)\n"
    new: dict[str, str | bytes] = {"pkg/logging/__init__.py": "", "pkg/plugins/own.py": use}
    assert found(tmp_path, new) == []
    assert found(tmp_path / "b", {"logging/__init__.py": "", "use.py": use}) == []


def test_a_package_of_another_name_than_a_folder_beside(tmp_path: Path) -> None:
    new: dict[str, str | bytes] = {
        "pkg/formats/gguf/own.py": "A = 1\n",
        "pkg/formats/use.py": "from gguf import Value\n\nB = Value()\n",
    }
    assert found(tmp_path, new) == []


def test_tests_and_broken_files_are_left_alone(tmp_path: Path) -> None:
    body = HEAD + "def run():\n    return lib.show(1)\n"
    assert found(tmp_path, {"tests/test_use.py": body}) == []
    assert found(tmp_path / "b", {"pkg/use.py": body + "def (\n"}) == []


def test_no_comment_and_no_configuration_of_a_strict_review_silences(tmp_path: Path) -> None:
    body = HEAD + "def run():\n    return lib.show(1)  # ty: ignore[missing-attribute]\n"
    quiet: dict[str, str | bytes] = {"ty.toml": "[rules]\nall = 'ignore'\n", "pkg/use.py": body}
    assert len(found(tmp_path, quiet, is_strict=True)) == 1
    assert found(tmp_path / "b", quiet) == []


def test_without_ty_nothing_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(typed, "_program", lambda: None)
    assert found(tmp_path, {"pkg/use.py": HEAD + "def run():\n    return lib.show(1)\n"}) == []
