"""The benchmark of actions: programs judged by their tests, functions drawn, figures computed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from qwen_lsp.actions.task import Proposal, apply
from qwen_lsp.bench.actions import (
    fix as actions_fix,
)
from qwen_lsp.bench.actions import (
    long as actions_long,
)
from qwen_lsp.bench.actions import (
    prose as actions_prose,
)
from qwen_lsp.bench.actions import (
    run as actions,
)
from qwen_lsp.errors import InputError
from qwen_lsp.text import Document, Edit, Span

PROGRAM = 'def gcd(a, b):\n    return a if b == 0 else gcd(a % b, b)\n\n"""\nWhat it should do.\n"""\n'
TESTS = """import pytest
from load_testdata import load_json_testcases

if pytest.use_correct:
    from correct_python_programs.gcd import gcd
else:
    from python_programs.gcd import gcd

testdata = load_json_testcases(gcd.__name__)


@pytest.mark.parametrize("input_data,expected", testdata)
def test_gcd(input_data, expected):
    if expected == 99:
        pytest.skip("takes too long")
    assert gcd(*input_data) == expected
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    for folder in ("python_programs", "python_testcases", "json_testcases"):
        (tmp_path / folder).mkdir()
    (tmp_path / "python_programs" / "gcd.py").write_text(PROGRAM, "utf-8")
    (tmp_path / "python_programs" / "node.py").write_text("class Node: pass\n", "utf-8")
    (tmp_path / "python_testcases" / "test_gcd.py").write_text(TESTS, "utf-8")
    (tmp_path / "json_testcases" / "gcd.json").write_text(
        "[[17, 0], 17]\n[[35, 21], 7]\n[[1, 1], 99]\n", "utf-8"
    )
    return tmp_path


async def test_a_program_is_judged_by_its_tests(checkout: Path) -> None:
    (program,) = actions_fix.programs(checkout)
    assert "What it should do" not in program.source, "the prose below would tell the answer"
    failing = await actions_fix.judged(program, program.source)
    assert not failing.passed
    assert "gcd(35, 21) must be 7, but raises RecursionError" in failing.reason
    assert (await actions_fix.judged(program, program.source.replace("a % b, b", "b, a % b"))).passed
    wrong = await actions_fix.judged(program, "def gcd(a, b):\n    return 17\n")
    assert "gcd(35, 21) must be 7, but is 17" in wrong.reason


def test_a_folder_that_is_no_checkout(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is no checkout of QuixBugs"):
        actions_fix.programs(tmp_path)
    with pytest.raises(InputError, match="holds no Python function"):
        actions_prose.draw(tmp_path, 3, 1)


def test_functions_are_drawn_for_what_they_lack(tmp_path: Path) -> None:
    body = "    # Add them up first.\n    b = a\n    return b\n"
    (tmp_path / "a.py").write_text(f"def bare(a):\n{body}\n\ndef typed(a: int) -> int:\n{body}", "utf-8")
    (tmp_path / "b.py").write_text("def broken(:\n", "utf-8")
    marked = body.replace("# Add them up first.", "# pragma: no cover at all").replace(
        "b = a", "b = '# a b c'"
    )
    (tmp_path / "c.py").write_text(f'def marked():\n    """It is."""\n{marked}', "utf-8")
    drawn = actions_prose.draw(tmp_path, 5, 1)
    assert {kind: [function.name for function in found] for kind, found in drawn.items()} == {
        "docstring": ["bare"],
        "types": ["bare"],
        "translate": ["bare"],
        "annotated": ["typed"],
    }
    (typed,) = drawn["annotated"]
    assert typed.annotations == {"a": "int", "": "int"}
    assert typed.document.text[typed.span.start : typed.span.end] == f"def typed(a):\n{body}".rstrip()
    after = typed.document.text.replace("typed(a)", "typed(a: Optional[int]) -> 'int'")
    assert actions_prose.agreement(typed, after) == (2, 2, 1)
    assert actions_prose.agreement(typed, typed.document.text) == (2, 0, 0)
    for one, other in (("Optional[List[str]]", "None | list[str]"), ("t.Dict[str, Any]", "dict[str, Any]")):
        assert actions_prose._plain(one) == actions_prose._plain(other)
    assert actions_prose._plain("list[int]") != actions_prose._plain("list[str]")


@pytest.mark.parametrize(
    ("new", "same", "in_language"),
    [
        ('def f(a):\n    """返回参数。"""\n    return a\n', True, True),
        ('def f(a: int) -> int:\n    """Return it."""\n    return a\n', True, False),
        ('def f(a):\n    """返回。"""\n    return a + 1\n', False, True),
    ],
)
def test_prose_is_judged_without_the_product(new: str, same: bool, in_language: bool) -> None:
    document = Document("file:///a.py", "def f(a):\n    return a\n", 0, "python", "/a.py")
    whole = Span(0, len(document.text))
    task = actions_prose.task("docstring", actions_prose.Function(document, whole, "f"), "zh")
    verdict = actions_prose.verdict(task, Proposal((Edit(whole, new),)))
    assert (verdict.parses, verdict.is_same_code) == (True, same)
    assert not actions_prose.verdict(task, Proposal((Edit(whole, "def f(:"),))).parses
    assert in_language == ("返回" in new)


def test_the_figures() -> None:
    def row(name: str, reason: str, *, is_good: bool) -> actions.Row:
        return actions.Row(
            "m", "fix", name, not reason, True, is_good, reason, 100.0, 1000.0, 20, 500.0, ("x",), "", ""
        )

    report = actions.Report("m", [row("a", "", is_good=True), row("b", "syntax", is_good=False)])
    (figures,) = report.measures()
    assert (figures["n"], figures["good"], figures["proposed"], figures["parses"]) == (2, 1, 1, 1)
    assert figures["tokens_per_s"] == 40.0
    assert figures["refused"] == {"syntax": 1}
    assert "refused: syntax 1" in actions.as_text(report)
    assert json.loads(actions.as_json(report))["model"] == "m"


def test_long_functions_are_misspelt_in_one_place(tmp_path: Path) -> None:
    body = "".join(f"    value_{n} = price_价 + {n}\n    print(value_{n})\n" for n in range(20))
    text = f"def long(price_价):\n{body}    return value_0\n"
    (tmp_path / "a.py").write_text(text, "utf-8")
    (tmp_path / "b.py").write_text("def short(a):\n    return a\n", "utf-8")
    (one,) = actions_long.draw(tmp_path, 5, 1)
    document, (problem,) = one.task.document, one.task.diagnostics
    typo = document.text[problem.span.start : problem.span.end]
    assert problem.message == f"undefined name '{typo}'"
    assert (typo not in text, one.text) == (True, text)
    edit = Edit(problem.span, text[problem.span.start : problem.span.end])
    assert apply(document.text, [edit]) == text


def test_how_much_sooner() -> None:
    def row(name: str, measure: str, total_ms: float) -> actions.Row:
        return actions.Row("m", measure, name, True, True, True, "", 1.0, total_ms, 9, 9.0, (), "", "")

    whole, change = actions._LONG
    rows = [row("a", whole, 900.0), row("a", change, 300.0), row("b", whole, 200.0), row("b", change, 200.0)]
    rows += [row("c", whole, 400.0), row("c", change, 200.0), row("d", whole, 100.0)]
    report = actions.Report("m", rows)
    assert report.speedup() == 2.0
    assert "2.0 times sooner" in actions.as_text(report)


def test_rows_are_kept_and_not_measured_again(tmp_path: Path) -> None:
    kept = tmp_path / "rows.jsonl"
    report = actions.Report("m", kept_in=kept)
    row = actions.Row("m", "fix", "a", False, True, False, "syntax", None, 1.0, 9, 9.0, ("答",), "x", "")
    report.add(row)
    assert actions.read(kept) == [row]
    assert report.has("fix", "a")
    assert not report.has("fix", "b")
    assert actions.read(tmp_path / "none.jsonl") == []
    kept.write_text("{}\n", "utf-8")
    with pytest.raises(InputError, match="holds no rows"):
        actions.read(kept)
