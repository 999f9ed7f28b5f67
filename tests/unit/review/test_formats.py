"""Every output: valid by its schema, on the right lines, and safe to show."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from qwen_lsp.cli.terminal_review import as_text
from qwen_lsp.review import reviewer
from qwen_lsp.review.change.change import Change, ChangedFile, compare
from qwen_lsp.review.change.diff import Broken
from qwen_lsp.review.report import html, interchange, markdown, pages, pull_request
from qwen_lsp.review.report.report import Report
from qwen_lsp.review.reviewer import Options, against
from tests.support.places import FIXTURES, REPOSITORY

SCHEMAS = Path(__file__).parent / "schemas"
BEFORE = "import os\n\n\ndef find(cursor, name):\n    return []\n"
AFTER = """import os


def find(cursor, name):
    # 你好 😀 ``` <script>alert(1)</script> @everyone
    password = "hunter2-and-more"; cursor.execute(f"SELECT * FROM t WHERE n = '{name}'")
    if name == None:
        assert (name, "\u202e")
    return []
"""


@pytest.fixture(scope="module")
def report() -> Report:
    files = (
        ChangedFile(compare("src/a b.py", BEFORE, AFTER), BEFORE, AFTER),
        ChangedFile(compare("go.sum", None, "x\n"), None, "x\n"),
    )
    change = Change("x <b>", files, (Broken("z.py", "bad hunk"),), base="1" * 40, head="2" * 40)
    return asyncio.run(reviewer.review(change))


@pytest.fixture(scope="module")
def empty() -> Report:
    return asyncio.run(reviewer.review(Change("nothing", ())))


def schema(name: str) -> Any:
    return json.loads((SCHEMAS / name).read_text("utf-8"))


def test_there_is_something_to_show(report: Report) -> None:
    assert {finding.rule for finding in report.findings} == {
        "hardcoded-secret",
        "sql-injection",
        "compare-to-none",
        "assert-on-tuple",
        "bidi-character",
    }


def test_sarif(report: Report, empty: Report) -> None:
    """By the schema of OASIS, as the npm package @microsoft/jest-sarif 1.0.0-beta.0 carries it."""
    for one in (report, empty, against(report, {report.findings[0].fingerprint, "0" * 20})):
        log = json.loads(interchange.to_sarif(one))
        jsonschema.Draft7Validator(schema("sarif-2.1.0-rtm.5.json")).validate(log)
    (run,) = json.loads(interchange.to_sarif(report))["runs"]
    assert {
        result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for result in run["results"]
    } == {"src/a%20b.py"}
    assert not run["invocations"][0]["executionSuccessful"]
    assert len(run["invocations"][0]["toolExecutionNotifications"]) == 2
    rules = {rule["id"]: rule for rule in run["tool"]["driver"]["rules"]}
    assert rules["sql-injection"]["properties"]["security-severity"] == "8.0"
    assert "security-severity" not in rules["compare-to-none"]["properties"]


def test_our_json(report: Report, empty: Report) -> None:
    validator = jsonschema.Draft202012Validator(
        json.loads((REPOSITORY / "docs" / "review.schema.json").read_text())
    )
    for one in (report, empty, against(report, set())):
        validator.validate(json.loads(interchange.to_json(one)))
    written = json.loads(interchange.to_json(report))
    cover = written["coverage"]
    rest = sum(entry["lines"] for entry in (*cover["skipped"], *cover["failed"]))
    assert cover["lines"] == cover["reviewed"]["lines"] + rest
    lines = AFTER.split("\n")
    for finding in written["findings"]:
        start, end = finding["range"]["start"], finding["range"]["end"]
        if finding["quote"] and start["line"] == end["line"]:
            quoted = lines[start["line"] - 1][start["column"] - 1 : end["column"] - 1]
            assert finding["quote"] == quoted


def test_rdjson(report: Report, empty: Report) -> None:
    for one in (report, empty):
        jsonschema.Draft202012Validator(schema("rdjson.json")).validate(
            json.loads(interchange.to_rdjson(one))
        )
    entries = json.loads(interchange.to_rdjson(report))["diagnostics"]
    (sql,) = (entry for entry in entries if entry["code"]["value"] == "sql-injection")
    line = AFTER.split("\n")[5]
    assert sql["location"]["range"]["start"]["column"] == len(line[: line.index("cursor")].encode()) + 1


def test_gitlab_code_quality(report: Report, empty: Report) -> None:
    for one in (report, empty):
        jsonschema.Draft202012Validator(schema("codequality.json")).validate(
            json.loads(interchange.to_gitlab(one))
        )
    fingerprints = [entry["fingerprint"] for entry in json.loads(interchange.to_gitlab(report))]
    assert len(set(fingerprints)) == len(fingerprints) == 6 or len(set(fingerprints)) == len(report.findings)


def test_github_review(report: Report, empty: Report) -> None:
    for one in (report, empty):
        jsonschema.Draft202012Validator(schema("github.json")).validate(
            json.loads(pull_request.to_github(one))
        )
    review = json.loads(pull_request.to_github(report))
    changed = compare("a", BEFORE, AFTER).added
    assert review["event"] == "COMMENT"
    for comment in review["comments"]:
        first = comment.get("start_line", comment["line"])
        assert set(range(first, comment["line"] + 1)) <= changed
        assert first < comment["line"] or "start_line" not in comment
    bodies = {re.search(r"`([\w-]+)`", comment["body"])[1]: comment["body"] for comment in review["comments"]}  # type: ignore[index]
    assert "```suggestion\n    if name is None:\n```" in bodies["compare-to-none"]


def test_a_suggestion_is_offered_only_on_changed_lines() -> None:
    before = "x = (\n    a,\n    b == c,\n)\n"
    after = "assert (\n    a,\n    b == c,\n)\n"
    file = ChangedFile(compare("a.py", before, after), before, after)
    report = asyncio.run(reviewer.review(Change("t", (file,)), Options()))
    assert report.findings
    assert report.findings[0].fix is not None
    (made,), loose = pull_request.comments(report)
    assert (made.first_line, made.last_line, made.suggestion) == (1, 1, None)
    assert loose == []


WRITERS = {
    "text": as_text,
    "markdown": markdown.to_markdown,
    "json": interchange.to_json,
    "rdjson": interchange.to_rdjson,
    "sarif": interchange.to_sarif,
    "gitlab": interchange.to_gitlab,
    "github": pull_request.to_github,
    "html": html.to_html,
}


@pytest.mark.parametrize("name", WRITERS)
def test_no_output_repeats_a_secret(report: Report, name: str) -> None:
    written = WRITERS[name](report)
    assert "hunter2" not in written
    assert written.endswith("\n")


@pytest.mark.parametrize("name", ["text", "markdown", "html"])
def test_what_is_shown_is_harmless(report: Report, name: str) -> None:
    written = WRITERS[name](report)
    assert "\u202e" not in written
    assert "\\u202e" in written
    if name == "html":
        assert "<script" not in written
        assert "x &lt;b&gt;" in written


def test_markdown_fences_hold(report: Report) -> None:
    fences = re.findall(r"^(`{3,})", markdown.to_markdown(report), re.MULTILINE)
    assert len(fences) % 2 == 0


def test_the_text_points_at_the_place(report: Report) -> None:
    written = as_text(report)
    assert "src/a b.py:7:8 info compare-to-none" in written
    assert "> 7 │     if name == None:" in written
    assert "+ │     if name is None:" in written
    assert "- go.sum: lock file" in written
    assert "! z.py: bad hunk" in written


def test_chinese() -> None:
    file = ChangedFile(compare("a.py", None, "x == y\n"), None, "x == y\n")
    report = asyncio.run(reviewer.review(Change("t", (file,)), Options(locale="zh")))
    assert "警告 comparison-as-statement" in as_text(report)
    assert "发现 1 个警告" in report.summary()
    assert 'lang="zh-CN"' in html.to_html(report)


def test_the_pages_of_the_rules_are_those_in_docs() -> None:
    folder = REPOSITORY / "docs" / "rules"
    expected = pages.all_pages(FIXTURES / "review" / "rules")
    found = {file.name: file.read_text("utf-8") for file in folder.glob("*.md")}
    assert found == expected, "run: python -m qwen_lsp.review.report.pages"
    assert pages.uri("sql-injection")
