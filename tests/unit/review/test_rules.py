"""Every rule against its fixtures: each marked line is found, no other line is, and the fixes are right.

A fixture is fixtures/review/rules/<rule>/{bad,good,fixed}.<extension>; a line that ends with the mark `<-`
in a comment is the first line of a finding. `fixed` is `bad` with every fix applied.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from qwen_lsp.review.find import rules
from qwen_lsp.review.finding import Finding
from qwen_lsp.syntax import languages
from qwen_lsp.syntax.parsing import error_count
from qwen_lsp.syntax.rules import all_rules, check_all
from qwen_lsp.text import Document
from tests.support.places import FIXTURES, REPOSITORY

FOLDER = FIXTURES / "review" / "rules"
MARK = re.compile(r"(?:#|//|/\*|<!--) <-")
MARK_ABOVE = re.compile(r"(?:#|//) v$")  # where a comment on the line itself would matter


def of_kind(kind: str) -> list[Path]:
    return sorted(FOLDER.glob(f"*/{kind}.*"))


def name(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"


def review(path: Path, text: str | None = None) -> list[Finding]:
    """Run all rules on a whole file, as if it were new and stood in src/."""
    document = Document("", path.read_text("utf-8") if text is None else text, path=f"src/{path.name}")
    return rules.run(document, languages.find("", path.name))


def marked(path: Path) -> set[int]:
    lines = path.read_text("utf-8").split("\n")
    here = {number for number, line in enumerate(lines, 1) if MARK.search(line)}
    return here | {number + 1 for number, line in enumerate(lines, 1) if MARK_ABOVE.search(line)}


def test_every_query_fits_its_grammar() -> None:
    check_all()


@pytest.mark.parametrize("path", of_kind("bad"), ids=name)
def test_what_is_bad_is_found(path: Path) -> None:
    found = [finding for finding in review(path) if finding.rule == path.parent.name]
    lines = {finding.start_line for finding in found}
    expected = marked(path)
    assert expected
    text = path.read_text("utf-8").split("\n")
    assert expected - lines == set(), [text[line - 1] for line in expected - lines]
    assert lines - expected == set(), [text[line - 1] for line in lines - expected]
    assert all(finding.message and finding.scenario and "{" not in finding.message for finding in found)


@pytest.mark.parametrize("path", of_kind("good"), ids=name)
def test_what_is_good_is_left_alone(path: Path) -> None:
    assert [(finding.rule, finding.quote) for finding in review(path)] == []


@pytest.mark.parametrize("path", of_kind("fixed"), ids=name)
def test_fixes(path: Path) -> None:
    bad = path.with_stem("bad")
    text = bad.read_text("utf-8")
    found = [finding for finding in review(bad) if finding.rule == path.parent.name]
    edits = [finding.fix for finding in found if finding.fix]
    for edit in sorted(edits, key=lambda edit: -edit.span.start):
        text = text[: edit.span.start] + edit.new_text + text[edit.span.end :]
    assert text == path.read_text("utf-8")
    assert error_count(text, languages.find("", path.name)) == 0


def test_every_fixture_is_real_code() -> None:
    broken = [
        name(path)
        for path in FOLDER.glob("*/*.*")
        if path.parent.name != "conflict-marker"
        and error_count(path.read_text("utf-8"), languages.find("", path.name))
    ]
    assert broken == []


def test_every_rule_has_fixtures_for_each_of_its_languages() -> None:
    missing = []
    for rule in all_rules().values():
        if not (rule.match or rule.pattern):  # what compares two texts has tests of its own
            continue
        ids = {match_id for match in rule.match for match_id in match.languages}
        for kind in ("bad", "good"):
            there = {
                language.id
                for path in (FOLDER / rule.id).glob(f"{kind}.*")
                if (language := languages.find("", path.name))
            }
            wanted = {"javascript" if language == "js" else language for language in ids} or {"python"}
            missing += [f"{rule.id}/{kind} {language}" for language in sorted(wanted - there)]
        if any(match.fix for match in rule.match) and not list((FOLDER / rule.id).glob("fixed.*")):
            missing.append(f"{rule.id}/fixed")
    assert missing == []


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ("README.md", "{n} rules"),
        ("README.zh-CN.md", "{n} 条规则"),
        ("docs/review.md", "{n}\nrules of our own"),
    ],
)
def test_the_documents_count_the_rules(document: str, says: str) -> None:
    assert says.format(n=len(all_rules())) in (REPOSITORY / document).read_text("utf-8")
