"""Calls and imports that do not fit, in one file and across files, each with its reverse case."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from qwen_lsp.review import reviewer
from qwen_lsp.review.change.change import Change, ChangedFile, compare
from qwen_lsp.review.finding import Finding
from tests.unit.review.repositories import committed_and_reviewed


def found(before: str, after: str) -> list[Finding]:
    """Review one file without a repository."""
    file = ChangedFile(compare("a.py", before, after), before, after)
    report = asyncio.run(reviewer.review(Change("t", (file,))))
    return [one for one in report.findings if one.rule in ("call-does-not-fit", "no-such-name")]


def in_repository(
    tmp_path: Path, files: dict[str, str | bytes], change: dict[str, str | bytes]
) -> list[Finding]:
    """Review a change of committed files by these rules."""
    return [
        one
        for one in committed_and_reviewed(tmp_path / "r", files, change)
        if one.rule in ("call-does-not-fit", "no-such-name")
    ]


DEFINED = (
    "def f(a, b, *, c=1):\n    return a + b + c\n\n\n"
    "class A:\n    def __init__(self, x):\n        self.x = x\n\n"
)
METHODS = "    def m(self, y=0):\n        return y\n\n    def n(self):\n        return self.m({})\n"


@pytest.mark.parametrize(
    ("call", "words"),
    [
        ("f(1)", "needs b"),
        ("f(1, 2, 3)", "3 > 2"),
        ("f(1, 2, d=3)", "`d`"),
        ("A()", "needs x"),
        ("A(1, 2)", "2 > 1"),
        ("A(z=1)", "`z`"),
    ],
)
def test_a_call_that_does_not_fit(call: str, words: str) -> None:
    (finding,) = found(DEFINED, f"{DEFINED}\nR = {call}\n")
    assert (finding.severity, finding.start_line, finding.is_caused) == ("warning", 10, False)
    assert words in finding.message


@pytest.mark.parametrize(
    "call",
    [
        "f(1, 2)",
        "f(1, b=2, c=3)",
        "f(*xs)",
        "f(**kw)",
        "f(1, *xs)",
        "f(1, c=2, **kw)",
        "A(1)",
        "A(x=1)",
        "g(1)",
    ],
)
def test_a_call_that_fits_or_may_fit(call: str) -> None:
    assert found(DEFINED, f"{DEFINED}\nR = {call}\n") == []


@pytest.mark.parametrize(
    "defined",
    [
        "@decorated\ndef f(a):\n    return a\n",
        "def f(a):\n    return a\n\n\nf = g\n",
        "if x:\n    def f(a):\n        return a\nelse:\n    def f():\n        return 1\n",
        "def f(*a, **k):\n    return a\n",
        "class f(Unknown):\n    def __init__(self, a):\n        self.a = a\n",
        "class f(metaclass=M):\n    def __init__(self, a):\n        self.a = a\n",
        "class f:\n    def __new__(cls):\n        return 1\n\n    def __init__(self, a):\n        pass\n",
        "def f(a):\n    raise NotImplementedError\n",
    ],
)
def test_what_is_not_certain_is_not_called_wrong(defined: str) -> None:
    assert found(defined, f"{defined}\n\nR = f()\n") == []


def test_a_local_name_is_not_the_function() -> None:
    assert found(DEFINED, f"{DEFINED}\ndef g(f):\n    return f()\n") == []


def test_a_match_on_a_constant_is_read() -> None:
    (finding,) = found("", f"{DEFINED}\nmatch x:\n    case True | None:\n        f()\n")
    assert "needs a, b" in finding.message


def test_methods_of_the_same_class() -> None:
    good, bad = (DEFINED + METHODS.format(text) for text in ("1", "1, 2"))
    (finding,) = found(good, bad)
    assert "self.m" in finding.message
    assert "2 > 1" in finding.message
    assert found(bad, good) == []
    assert found(bad, f"{bad}\nR = 1\n") == []
    assert found("", f"{bad}\n    def o(self):\n        self.m = print\n") == [], "it may be another function"


LIBRARY: dict[str, str | bytes] = {
    "pkg/__init__.py": "",
    "pkg/lib.py": "def load(path):\n    return path\n\n\nLIMIT = 3\n",
}
USER = "from pkg.lib import load\n\n\ndef run():\n    return load('x')\n"


def test_a_signature_in_another_file(tmp_path: Path) -> None:
    (finding,) = in_repository(tmp_path, {**LIBRARY, "a.py": USER}, {"a.py": USER.replace("'x'", "'x', 2")})
    assert (finding.path, finding.start_line) == ("a.py", 5)
    assert "pkg/lib.py:1" in finding.message


def test_an_import_of_what_is_not_there(tmp_path: Path) -> None:
    (finding,) = in_repository(
        tmp_path, {**LIBRARY, "a.py": USER}, {"a.py": USER.replace("import load", "import load, save")}
    )
    assert "`save` is not defined in pkg/lib.py" in finding.message
    assert (
        in_repository(tmp_path / "2", LIBRARY, {"a.py": "from pkg import lib\nfrom pkg.lib import LIMIT\n"})
        == []
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("def load(path, mode):\n    return path\n\n\nLIMIT = 3\n", "needs mode"),
        ("def read(path):\n    return path\n\n\nLIMIT = 3\n", "`load` is not defined"),
    ],
)
def test_callers_that_were_left_behind(tmp_path: Path, text: str, words: str) -> None:
    files: dict[str, str | bytes] = {**LIBRARY, "pkg/user.py": "from .lib import load\n\nX = load('x')\n"}
    (finding,) = in_repository(tmp_path, files, {"pkg/lib.py": text})
    assert (finding.path, finding.start_line, finding.severity) == ("pkg/lib.py", 1, "error")
    assert words in finding.message
    assert "pkg/user.py:" in finding.message


def test_a_line_that_is_added_to_a_signature(tmp_path: Path) -> None:
    old = "def load(\n    path,\n):\n    return path\n\n\nLIMIT = 3\n"
    files: dict[str, str | bytes] = {
        **LIBRARY,
        "pkg/lib.py": old,
        "pkg/user.py": "from .lib import load\n\nX = load('x')\n",
    }
    (finding,) = in_repository(
        tmp_path / "a", files, {"pkg/lib.py": old.replace("path,\n", "path,\n    mode,\n")}
    )
    assert "needs mode" in finding.message
    assert in_repository(tmp_path / "b", files, {"pkg/lib.py": old + "MORE = 4\n"}) == []


def test_a_module_that_cannot_be_read_is_there_nevertheless(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "p/__init__.py": "A = 1\n",
        "p/newer.py": "try:\n    a = 1\nexcept (A, B) as as c:\n    pass\n",
        "p/part/inner.py": "a = 1\n",
        "a.py": "a = 1\n",
    }
    imports = "from p import newer\nfrom p import part\nfrom p import gone\n"
    assert [one.start_line for one in in_repository(tmp_path, files, {"a.py": imports})] == [3]


def test_callers_that_came_along(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {**LIBRARY, "pkg/user.py": "from .lib import load\n\nX = load('x')\n"}
    change: dict[str, str | bytes] = {
        "pkg/lib.py": "def load(path, mode='r'):\n    return path, mode\n\n\nLIMIT = 3\n",
        "pkg/other.py": "from .lib import load\n\nX = load('x', mode='w')\n",
    }
    assert in_repository(tmp_path, files, change) == []


@pytest.mark.parametrize(
    ("head", "n"),
    [
        ("import lazy\n\n__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)\n", 0),
        ("def __getattr__(name):\n    return 1\n", 0),
        ("class A:\n    def __getattr__(self, name):\n        return 1\n", 1),
    ],
)
def test_a_module_that_loads_its_names_when_they_are_asked_for(tmp_path: Path, head: str, n: int) -> None:
    files: dict[str, str | bytes] = {"pkg/__init__.py": head, "a.py": "A = 1\n"}
    found = in_repository(tmp_path, files, {"a.py": "from pkg import gaussian\n\nA = gaussian\n"})
    assert [one.rule for one in found] == ["no-such-name"] * n
