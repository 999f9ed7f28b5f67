"""Seeded bugs and the figures made of them."""

from __future__ import annotations

import ast
import itertools
from pathlib import Path

import pytest

from qwen_lsp.bench.review import cases as review_cases
from qwen_lsp.bench.review import report as review_report
from qwen_lsp.bench.review import run as review
from qwen_lsp.bench.review.mutations import mutated
from qwen_lsp.bench.review.seeds import MUTATIONS, clean, seeded, sources
from qwen_lsp.config import Config
from qwen_lsp.errors import InputError
from qwen_lsp.review.find.infill import Limits
from qwen_lsp.review.find.unlikely import Bar

PACKAGE = Path(review.__file__).parents[1]


@pytest.fixture(scope="module")
def files() -> list[tuple[str, str]]:
    import json

    folder = Path(json.__file__).parents[1]
    return sources([folder / name for name in ("json", "email", "http", "logging")])


def test_every_kind_is_seeded_on_changed_lines(files: list[tuple[str, str]]) -> None:
    made = list(seeded(files, 2 * len(MUTATIONS), 7))
    assert len(made) == 2 * len(MUTATIONS)
    assert len({seed.kind for seed in made}) > 0.8 * len(MUTATIONS), "some code has no place for some kinds"
    for seed in made:
        assert set(seed.lines) <= seed.file.patch.added, seed.kind
        if seed.kind != "conflict-marker":
            ast.parse(seed.after)
    assert made == list(seeded(files, 2 * len(MUTATIONS), 7)), "the same seed gives the same bugs"


def test_clean_changes_are_clean(files: list[tuple[str, str]]) -> None:
    made = list(clean(files, 10, 7))
    assert len(made) == 10
    assert all(seed.file.patch.added and not seed.lines for seed in made)


@pytest.mark.slow
def test_the_rules_hold_what_is_promised() -> None:
    """On the standard library's smaller packages: recall 0.9, precision 0.95, 0.2 findings a clean change."""
    import json as package

    folder = Path(package.__file__).parents[1]
    packages = [folder / name for name in ("json", "email", "http", "logging", "importlib")]
    cases = review_cases.of_packages(packages, 62, 7)
    figures = review_report.summary(review.run(cases, Config(), "", review.Rows(None), 10), None)["seeded"][
        "rules"
    ]
    assert figures["bugs"] == 62
    assert figures["recall"]["share"] >= 0.9, figures["missed"]
    assert figures["precision"]["share"] >= 0.95, figures["falseBy"]
    assert figures["findingsPerCleanChange"] <= 0.2


def test_quixbugs_and_bugsinpy_by_their_form(tmp_path: Path) -> None:
    good, bad = tmp_path / "correct_python_programs", tmp_path / "python_programs"
    for folder, text in ((good, "n - 1"), (bad, "n + 1")):
        folder.mkdir()
        (folder / "f.py").write_text(f'def f(n):\n    return {text}\n\n\n"""\nThe bug is ...\n"""\n')
    bug, repaired = review_cases.of_quixbugs(tmp_path)
    assert (bug.lines, repaired.lines) == ((2,), ())
    assert "The bug is" not in (bug.file.after or "")
    patch = tmp_path / "projects" / "p" / "bugs" / "1" / "bug_patch.txt"
    patch.parent.mkdir(parents=True)
    patch.write_text("diff --git a/x.py b/x.py\n--- a/x.py\n+++ b/x.py\n@@ -1,2 +1,2 @@\n a\n-bad\n+good\n")
    bug, repaired = review_cases.of_bugsinpy(tmp_path, None)
    assert (bug.file.after, bug.lines) == ("a\nbad\n", (2,))
    assert repaired.file.after == "a\ngood\n"


def test_a_wrong_folder_is_told(tmp_path: Path) -> None:
    for cases in (review_cases.of_quixbugs, lambda folder: review_cases.of_bugsinpy(folder, None)):
        with pytest.raises(InputError, match="is not a copy"):
            list(cases(tmp_path))


def test_bugs_of_meaning_are_one_expression_in_one_line(files: list[tuple[str, str]]) -> None:
    made = list(mutated(files, 20, 7))
    assert len(made) == 20
    assert len({bug.kind for bug, _ in made}) > 8
    for bug, clean_one in made:
        (number,) = bug.lines
        before, after = bug.before.split("\n"), bug.after.split("\n")
        assert [n for n, (a, b) in enumerate(zip(before, after, strict=True), 1) if a != b] == [number]
        assert ast.dump(ast.parse(bug.before)) != ast.dump(ast.parse(bug.after))
        assert (clean_one.before, clean_one.after, clean_one.lines) == (bug.after, bug.before, ())
    assert made[:5] == list(itertools.islice(mutated(files, 20, 7), 5)), "the same seed gives the same bugs"


def test_rows_are_gone_on_from_and_figures_are_made_of_them(tmp_path: Path) -> None:
    rows = review.Rows(tmp_path / "rows.jsonl")
    wrong = review.Suspected(3, "  return a", "name", 9.0, -0.1, 9.0, 9.0)
    weak = review.Suspected(4, "  return b", "name", 1.0, -0.1, 1.0, 1.0)
    found = review.Outcome(
        "s", "1", "bug", (3,), True, "return a", ((9, 9, "rule"),), 0.1, 1, (3, 4), (wrong, weak)
    )
    clean_one = review.Outcome("s", "2", "clean", (), False, "", (), 0.1, 1, (5, 6))
    for outcome in (found, clean_one):
        rows.add(outcome)
    assert review.Rows(tmp_path / "rows.jsonl").known == {found.key: found, clean_one.key: clean_one}
    bar = Bar(Limits(gap=2.0), 0.7)
    figures = review_report.summary([found, clean_one], bar)["s"]
    assert (figures["rules"]["found"], figures["rules"]["false"]) == (0, 1)
    assert (figures["model"]["found"], figures["model"]["exactFix"], figures["model"]["false"]) == (1, 1, 0)
    assert (figures["both"]["found"], figures["both"]["false"]) == (1, 1)
    assert figures["lines"]["rightLines"] == 3
    assert "s, both: 1 of 1 bugs found" in review_report.as_text({"s": figures})
    (tmp_path / "broken").write_text("{}\n")
    with pytest.raises(InputError, match="no file of rows"):
        review.Rows(tmp_path / "broken")
