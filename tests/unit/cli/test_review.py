"""The command: what it reviews, its exit codes, its outputs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from qwen_lsp.cli.main import main
from qwen_lsp.errors import InputError
from tests.support.isolation import isolate_user
from tests.unit.review.repositories import git, repository, write

CLEAN = "def total(items):\n    return sum(items)\n"
BAD = """def total(items, db):
    db.execute(f"SELECT a FROM t WHERE b = '{items}'")
    return items != None
"""


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    isolate_user(monkeypatch, tmp_path / "home")
    made = repository(tmp_path / "shop", {"shop.py": CLEAN, "go.sum": "x\n"})
    monkeypatch.chdir(made)
    return made


def run(*arguments: str, stdin: str | None = None) -> Result:
    result = CliRunner().invoke(main, ["review", *arguments], input=stdin)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_the_three_answers(root: Path) -> None:
    assert "Nothing to review." in run().output
    write(root, {"shop.py": CLEAN + "A = 1\n"})
    assert "No findings (changed lines: 1, files: 1)." in run().output
    broken = "--- a/x.py\n+++ b/x.py\n@@ -1,9 +1,9 @@\n a\n"
    result = run("--stdin", stdin=broken)
    assert (result.exit_code, "The review failed." in result.output) == (2, True)


@pytest.mark.parametrize(("fail_on", "code"), [(None, 0), ("error", 1), ("warning", 1), ("info", 1)])
def test_exit_codes(root: Path, fail_on: str | None, code: int) -> None:
    write(root, {"shop.py": BAD})
    result = run(*(["--fail-on", fail_on] if fail_on else []))
    assert result.exit_code == code
    assert "shop.py:2:5 error sql-injection" in result.output


def test_remarks_are_counted_and_shown_to_those_who_ask(root: Path) -> None:
    """Nothing ends a build without being shown, whatever is asked for."""
    write(root, {"shop.py": BAD})
    usual = run()
    assert "compare-to-none" not in usual.output
    assert "Found 1 error (changed lines: 3, files: 1). Remarks not shown: 1 (--min-severity" in usual.output
    everything = run("--min-severity", "info")
    assert "shop.py:3:12 info compare-to-none" in everything.output
    assert "Found 1 error, 1 info (changed lines: 3, files: 1).\n" in everything.output
    assert "compare-to-none" in run("--fail-on", "info", "--min-severity", "error").output
    remark = BAD.replace("f\"SELECT a FROM t WHERE b = '{items}'\"", "items")
    write(root, {"shop.py": remark})
    quiet = run("--fail-on", "warning", "--format", "json")
    assert (quiet.exit_code, json.loads(quiet.stdout)["remarks"]) == (0, 1)
    assert run("--fail-on", "info").exit_code == 1


def test_a_trusted_folder_says_what_is_shown(root: Path) -> None:
    write(root, {"shop.py": BAD, ".qwen-lsp.toml": '[review]\nmin_severity = "info"\n'})
    assert "compare-to-none" not in run().output
    CliRunner().invoke(main, ["trust", "."])
    assert "compare-to-none" in run().output


def test_a_remark_of_the_baseline_is_not_called_fixed(root: Path) -> None:
    write(root, {"shop.py": BAD})
    run("--format", "json", "-o", "old.json", "--min-severity", "info")
    assert json.loads(run("--format", "json", "--baseline", "old.json").stdout)["fixed"] == []


def test_each_way_to_name_a_change(root: Path) -> None:
    write(root, {"shop.py": BAD})
    assert "sql-injection" in run("--unstaged").output
    assert "Nothing to review." in run("--staged").output
    diff = git(root, "diff") + "\n"
    assert "sql-injection" in run("--stdin", stdin=diff).output
    (root.parent / "x.diff").write_text(diff)
    assert "sql-injection" in run("--diff", str(root.parent / "x.diff")).output
    git(root, "commit", "-qam", "two")
    assert "sql-injection" in run("HEAD~1..HEAD").output
    assert "sql-injection" in run("--base", "HEAD~1").output
    assert run("HEAD~1..HEAD", "--staged").exit_code == 2
    with pytest.raises(InputError, match="write BASE"):
        run("HEAD~1")


def test_a_plan(root: Path) -> None:
    write(root, {"shop.py": BAD, "go.sum": "y\n", ".env": "A=1\n"})
    output = run("--dry-run").output
    assert "lock file" in output
    assert "may hold secrets" in output
    assert "sql-injection" not in output


def test_a_report_in_a_file_is_a_baseline(root: Path) -> None:
    write(root, {"shop.py": BAD})
    assert run("--format", "json", "-o", "old.json", "--min-severity", "info").exit_code == 0
    old = json.loads((root / "old.json").read_text())
    assert old["status"] == "findings"
    write(root, {"shop.py": BAD.replace("items != None", "items is 'a'")})
    new = json.loads(run("--format", "json", "--baseline", "old.json").stdout)
    assert {entry["rule"]: entry["novelty"] for entry in new["findings"]} == {
        "sql-injection": "open",
        "identity-of-values": "new",
    }
    assert len(new["fixed"]) == 1


def test_a_change_does_not_choose_how_it_is_judged(root: Path) -> None:
    write(
        root,
        {
            "shop.py": BAD,
            ".qwen-lsp.toml": '[review]\nexclude = ["*"]\ndisabled = ["sql-injection"]\n',
            ".gitattributes": "*.py linguist-generated\n",
        },
    )
    assert "sql-injection" not in run().output
    assert "sql-injection" in run("--ci").output


def test_in_chinese(root: Path) -> None:
    write(root, {"shop.py": BAD + "# 计算商品的总价\n"})
    assert "发现 1 个错误" in run().output
    assert "Found 1 error" in run("--lang", "en").output


def test_posting_needs_a_token(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GITHUB_TOKEN", raising=False)
    write(root, {"shop.py": BAD})
    with pytest.raises(InputError, match="GITHUB_TOKEN"):
        run("--post", "github")
