"""Reports of other tools: real ones by ruff, and the corners of both formats."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from qwen_lsp.cli.main import main
from qwen_lsp.errors import InputError
from qwen_lsp.review.find import reported
from qwen_lsp.text import Document
from tests.unit.review.repositories import repository, write

JS = "const a = 1\nconst b = 2\n"


def ruff(root: Path, form: str) -> Path:
    program = shutil.which("ruff", path=str(Path(sys.executable).parent))
    assert program is not None
    report = root.parent / f"report.{form}"
    command = [
        program,
        "check",
        "--isolated",
        "--select",
        "C4,F",
        "--exit-zero",
        "--output-format",
        form,
        ".",
    ]
    report.write_bytes(subprocess.run(command, cwd=root, check=True, capture_output=True).stdout)
    return report


def review(root: Path, monkeypatch: pytest.MonkeyPatch, *reports: Path) -> list[dict[str, Any]]:
    monkeypatch.chdir(root)
    arguments = [part for report in reports for part in ("--linter-report", str(report))]
    ran = CliRunner().invoke(main, ["review", "--no-model-pass", "--format", "json", *arguments])
    assert ran.exit_code == 0, ran.output
    return list(json.loads(ran.stdout)["findings"])


@pytest.mark.parametrize("form", ["sarif", "rdjson"])
def test_what_a_real_tool_reports_on_changed_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    root = repository(tmp_path / "r", {"a.py": "OLD = list([3])\n"})
    write(root, {"a.py": "OLD = list([3])\nX = 1; NEW = list([4])\n"})
    (found,) = [entry for entry in review(root, monkeypatch, ruff(root, form)) if "C4" in entry["rule"]]
    assert found["rule"].startswith("ruff/C4")
    assert found["range"]["start"]["line"] == 2
    assert found["quote"].startswith("list([")
    assert found["source"] == "linter"
    assert found["url"].startswith("https://docs.astral.sh/ruff/")


def test_what_the_review_says_itself_is_said_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = repository(tmp_path / "r", {"a.py": "A = 1\n"})
    write(root, {"a.py": "A = nowhere\n"})
    rules = [entry["rule"] for entry in review(root, monkeypatch, ruff(root, "sarif"), ruff(root, "rdjson"))]
    assert rules == ["F821"]


def sarif(*results: dict[str, Any]) -> dict[str, Any]:
    rules = [{"id": "no-undef", "helpUri": "https://example.org/no-undef"}, {"id": "x/y"}]
    driver = {"name": "ESLint", "rules": rules}
    return {"version": "2.1.0", "runs": [{"tool": {"driver": driver}, "results": list(results)}]}


def result(**more: Any) -> dict[str, Any]:
    place = {"artifactLocation": {"uri": more.pop("uri", "a.js")}, "region": {"startLine": 2}}
    known: dict[str, Any] = {
        "ruleId": "no-undef",
        "level": "error",
        "message": {"text": "'b' is not defined."},
    }
    return {**known, "locations": [{"physicalLocation": place}], **more}


@pytest.mark.parametrize(
    ("more", "n"),
    [
        ({}, 1),
        ({"suppressions": [{"kind": "inSource"}]}, 0),
        ({"baselineState": "unchanged"}, 0),
        ({"baselineState": "new"}, 1),
        ({"kind": "pass"}, 0),
        ({"locations": []}, 0),
        ({"uri": "other.js"}, 0),
        ({"uri": "../a.js"}, 0),
        ({"uri": "./a.js"}, 1),
    ],
)
def test_which_results_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: dict[str, Any], n: int
) -> None:
    root = repository(tmp_path / "r", {"a.js": "const a = 1\n"})
    write(root, {"a.js": JS})
    file = tmp_path / "report"
    file.write_text(json.dumps(sarif(result(**more))), "utf-8")
    found = review(root, monkeypatch, file)
    assert len(found) == n
    for entry in found:
        assert (entry["rule"], entry["severity"]) == ("eslint/no-undef", "error")
        assert entry["url"] == "https://example.org/no-undef"


def test_columns_of_rdjson_are_bytes() -> None:
    """As its definition says; ruff counts characters."""
    document = Document("a.py", "名 = list()\n")
    assert reported._offset(document, 1, 7, in_bytes=True) == 4
    assert reported._offset(document, 1, 5, in_bytes=False) == 4


def test_an_absolute_path_and_one_of_a_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = repository(tmp_path / "r 1", {"a.js": "const a = 1\n"})
    write(root, {"a.js": JS})
    file = tmp_path / "report"
    for uri in (str(root / "a.js"), (root / "a.js").as_uri()):
        file.write_text(json.dumps(sarif(result(uri=uri))), "utf-8")
        assert len(review(root, monkeypatch, file)) == 1, uri


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", "no json", '{"runs": [{}]}', '{"diagnostics": [{"message": 1}]}', "[" * 100_000],
)
def test_what_is_no_report_is_refused_in_one_sentence(tmp_path: Path, text: str) -> None:
    file = tmp_path / "report.json"
    file.write_text(text, "utf-8")
    with pytest.raises(InputError, match=r"report\.json is neither SARIF 2\.1\.0 nor rdjson"):
        reported.read(file)
    with pytest.raises(InputError, match="cannot be read"):
        reported.read(tmp_path / "missing")


def test_lines_and_columns_beyond_the_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = repository(tmp_path / "r", {"a.js": "const a = 1\n"})
    write(root, {"a.js": JS})
    entry = result()
    entry["locations"][0]["physicalLocation"]["region"] = {"startLine": 2, "startColumn": 900, "endColumn": 1}
    beyond = result()
    beyond["locations"][0]["physicalLocation"]["region"] = {"startLine": 900}
    file = tmp_path / "report"
    file.write_text(json.dumps(sarif(entry, beyond)), "utf-8")
    assert len(review(root, monkeypatch, file)) == 1
