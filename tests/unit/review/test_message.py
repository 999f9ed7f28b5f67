"""Commit messages: the style of a repository, what a change did, and the command on a real one."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from qwen_lsp.bench.review import messages
from qwen_lsp.cli.main import main
from qwen_lsp.review.change.change import Change, ChangedFile, compare
from qwen_lsp.review.message.skeleton import write
from qwen_lsp.review.message.style import Style, learn
from tests.unit.review.repositories import git, repository
from tests.unit.review.repositories import write as put

CONVENTIONAL = [
    "feat(api): add load",
    "fix(api): handle empty input",
    "docs: explain load",
    "Merge branch 'x'",
]
CART = (
    "class Cart:\n    def add(self, item):\n        self.items.append(item)\n\n"
    "    def total(self):\n        return 0\n"
)


def changed(*files: tuple[str, str | None, str]) -> Change:
    return Change("t", tuple(ChangedFile(compare(path, one, two), one, two) for path, one, two in files))


def test_the_style_of_a_repository() -> None:
    style = learn(CONVENTIONAL)
    assert (style.is_conventional, style.is_capital, style.has_period) == (True, False, False)
    assert style.scopes == {"api"}
    assert learn(["server: Fix it.", "client: Add it.", "Bump x"]).has_prefix
    assert learn(["修复空购物车", "新增合计"]).locale == "zh"
    assert learn(["Added a thing", "Fixed another"]).is_past
    assert learn([]) == learn(["Merge branch 'x'"]) == Style()


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ([("src/cart.py", CART, CART.replace("return 0", "return sum(self.items)"))], "Fix total in cart"),
        ([("src/cart.py", CART, CART + "\n\ndef load(path):\n    return path\n")], "Add load in cart"),
        ([("src/cart.py", CART, CART.replace("total", "amount"))], "Rename total to amount"),
        ([("src/cart.py", CART, CART.split("\n\n    def total")[0] + "\n")], "Remove total in cart"),
        ([("README.md", "a\n", "b\n")], "Update README.md"),
        ([("src/new.txt", None, "b\n")], "Add new.txt"),
    ],
)
def test_what_a_change_did(files: list[tuple[str, str | None, str]], message: str) -> None:
    assert write(changed(*files), Style()) == message


def test_the_words_follow_the_style() -> None:
    change = changed(("api/cart.py", CART, CART.replace("return 0", "if self:\n            return 1")))
    assert write(change, learn(CONVENTIONAL)) == "fix(api): fix total in cart"
    assert write(change, learn(["api: Fix it.", "web: Add it."])) == "api: Fix total."
    assert write(change, learn(["修复空购物车"])) == "修复 total（cart）"
    assert write(change, learn(["Fixed it", "Added that"])) == "Fixed total in cart"


def test_two_lines_at_most() -> None:
    text = "\n\n".join(f"def name_{n}():\n    return {n}\n" for n in range(9))
    lines = write(changed(("a.py", text, text.replace("return", "return 1 +"))), Style()).split("\n")
    assert len(lines) == 2
    assert all(len(line) <= 110 for line in lines)


def test_the_command_and_the_measurement(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = repository(tmp_path / "r", {"src/cart.py": CART})
    monkeypatch.chdir(root)
    assert "nothing is staged" in CliRunner().invoke(main, ["commit-message"]).output
    put(root, {"src/cart.py": CART.replace("return 0", "return sum(self.items)")})
    git(root, "add", "-A")
    shown = CliRunner().invoke(main, ["commit-message"])
    assert shown.exit_code == 0
    assert "total" in shown.output
    git(root, "commit", "-qm", "feat: sum items in total")
    (row,) = messages.run(root, 5)
    assert (row.language, row.symbol) == (True, True)
    assert "symbol\t1 of 1" in messages.summary([row])
