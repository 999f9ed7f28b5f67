"""`bench actions --real`: which functions are drawn, and what the rubric says of a change."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from qwen_lsp.actions.task import FileText, Proposal, Refused, apply
from qwen_lsp.bench.actions import real, rubric
from qwen_lsp.bench.actions.real import Judged
from qwen_lsp.bench.actions.rubric import Place
from qwen_lsp.errors import InputError
from qwen_lsp.text import Edit, Span

PYTHON = '''import os


def read(folder, suffix):
    # every file whose name ends so
    found = []
    for name in os.listdir(folder):
        if name.endswith(suffix):
            found.append(name)
    return found


def documented(folder):
    """Count the files.

    :param folder: where they are
    """
    total = 0
    for name in os.listdir(folder):
        total += os.path.getsize(os.path.join(folder, name))
    return total
'''


def place(kind: str, name: str = "read") -> Place:
    found = [one for one in real._places(kind, "p", "src/a.py", PYTHON) if one.name.endswith(f": {name}")]
    assert len(found) == 1
    return found[0]


def changed(at: Place, old: str, new: str) -> list[str]:
    text = at.task.document.text
    assert text.count(old) == 1
    start = text.index(old)
    return rubric.broken_rules(at, Proposal((Edit(Span(start, start + len(old)), new),)))


def test_one_function_of_each_kind_and_none_twice() -> None:
    texts = {f"src/{letter}.py": PYTHON for letter in "abcdefgh"}
    drawn = list(real._of_package("p", texts, random.Random(7)))
    assert [one.kind for one in drawn] == list(real.KINDS)
    assert len({one.name for one in drawn}) == len(drawn)
    assert drawn == list(real._of_package("p", texts, random.Random(7)))


def test_a_kind_takes_functions_that_need_it() -> None:
    assert place("docstring").task.kind == "docstring"
    assert place("docstring, documented", "documented").task.kind == "docstring"
    with pytest.raises(AssertionError):
        place("docstring", "documented")
    assert place("docstring, Chinese").task.locale == "zh"
    assert place("translate").task.locale == "zh"
    with pytest.raises(AssertionError):
        place("translate", "nothing_to_translate")


def test_a_planted_misspelling_is_reported_over_its_line() -> None:
    at = place("fix")
    (problem,) = at.task.diagnostics
    text = at.task.document.text
    assert "fodler" in text[problem.span.start : problem.span.end]
    assert at.right == PYTHON
    assert changed(at, "fodler", "folder") == []
    assert changed(at, "fodler", "suffix") == ["repaired, and nothing else"]


HEADER = "def read(folder, suffix):\n"
GOOD = f'''{HEADER}    """List files.

    Args:
        folder: Where.
        suffix: How they end.
    """
'''
LONG = HEADER + '    """' + "Line.\n    " * 12 + '"""\n'


@pytest.mark.parametrize(
    ("kind", "old", "new", "broken"),
    [
        ("docstring", HEADER, GOOD, []),
        ("docstring", HEADER, GOOD.replace("suffix: How", "ending: How"), ["parameters exist"]),
        ("docstring", HEADER, f"{HEADER}    x = 1\n", ["code unchanged", "documented"]),
        ("docstring", HEADER, LONG, ["length"]),
        ("docstring, Chinese", HEADER, GOOD, []),  # the file's language
        ("docstring", HEADER, f'{HEADER}    """列出文件。"""\n', ["language"]),
        ("docstring, Chinese", HEADER, f'{HEADER}    """列出文件。"""\n', []),
        ("docstring", "import os\n", "import os\nimport re\n", ["code unchanged", "documented"]),
        ("translate", "# every file whose name ends so", "# 名称以此结尾的每个文件", []),
        ("translate", "# every file whose name ends so", "# each file that ends so", ["language"]),
        ("translate", "    # every file whose name ends so\n", "", ["a comment each"]),
        ("simplify", "found.append(name)", "found += [name]", []),
        ("simplify", HEADER, "def read(folder, suffix, deep):\n", ["signature"]),
        ("simplify", "    # every file whose name ends so\n", "", ["comments kept"]),
        ("optimise", "found.append(name)", "found.append((name)", ["parses"]),
        ("errors", "total = 0", "total = 1", ["scope"]),
    ],
)
def test_the_rubric(kind: str, old: str, new: str, broken: list[str]) -> None:
    assert set(changed(place(kind), old, new)) == set(broken)


def test_examples_are_kept() -> None:
    example = "    >>> read('a', 'b')  # the two of them\n"
    text = PYTHON.replace(
        "    # every file", f'    """Reads all of the files.\n\n{example}    """\n    # every file'
    )
    (at,) = [one for one in real._places("translate", "p", "src/a.py", text) if one.name.endswith(": read")]
    assert changed(at, "Reads all of the files.", "读取全部文件。") == []
    assert changed(at, "  # the two of them", "  # 两者") == ["examples kept"]


SCRIPT = "function f (p) {\n  if (p) {\n    const d = g(p)\n    h(d)\n  }\n  return p\n}\n"


def test_a_name_reaches_where_it_is_used() -> None:
    (at,) = real._places("errors", "p", "src/a.js", SCRIPT)
    assert changed(at, "return p", "return p ?? k") == []
    assert changed(at, "return p", "return d") == ["names reach"]


@pytest.mark.parametrize(
    ("tests", "broken"), [("def test_read():\n    assert read()\n", []), ("def test_(:\n", ["tests parse"])]
)
def test_new_tests_parse(tests: str, broken: list[str]) -> None:
    other = FileText("test_a.py", None, (Edit(Span(0, 0), tests),))
    assert rubric.broken_rules(place("test"), Proposal((), other)) == broken


def test_documentation_that_stood_there_is_kept() -> None:
    at = place("docstring, documented", "documented")
    assert changed(at, "where they are\n", "where they are\n    :returns: bytes\n") == []
    assert changed(at, "Count the files.", "Sum up sizes.") == ["what stood there is kept"]


def test_the_sheet_shows_every_change(tmp_path: Path) -> None:
    rows = [
        Judged("m", "fix", "p/a.py: read", "proposed", (), 1.5, "-a\n+```b"),
        Judged("m", "test", "p/a.py: read", "refused: names x", (), 2.0),
        Judged("m", "errors", "p/b.py: run", "proposed", ("scope",), 3.0, "+c"),
    ]
    sheet = real.as_sheet(rows)
    assert sheet.count("- [ ] keep") == 3
    assert "````diff\n-a\n+```b\n````" in sheet
    shown = real.as_text(rows)
    assert "errors: p/b.py: run: not scope" in shown
    file = tmp_path / "rows.jsonl"
    file.write_text("{}\n", "utf-8")
    with pytest.raises(InputError, match="no rows"):
        real._read(file)


def test_a_refusal_says_why() -> None:
    assert real._said(Refused("names", "total")) == "refused: names total"
    assert apply("a", ()) == "a"
