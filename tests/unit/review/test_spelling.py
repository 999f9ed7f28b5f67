"""Misspelt words: which are said, and that what the base has, says in its settings or translates is not."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest

from qwen_lsp.review import reviewer
from qwen_lsp.review.change.change import from_git
from qwen_lsp.review.find import spelling
from qwen_lsp.review.finding import Finding
from qwen_lsp.review.reviewer import Options
from tests.unit.review.repositories import git, repository, write

BEFORE: dict[str, str | bytes] = {"a.go": "package a\n", "b.txt": "One recieves it.\n"}


async def said(
    root: Path,
    change: dict[str, str | bytes],
    before: dict[str, str | bytes] | None = None,
    linters: Literal["plain", "configured"] = "configured",
) -> list[Finding]:
    """Commit files, then a change; return what is said of its words."""
    repository(root, before or BEFORE)
    write(root, change)
    git(root, "add", "-A")
    git(root, "commit", "-qm", "change")
    report = await reviewer.review(from_git(root, "range", "HEAD^..HEAD"), Options(linters=linters))
    return [one for one in report.findings if one.rule == spelling.RULE]


async def test_a_misspelt_word_in_a_comment_and_in_a_name(tmp_path: Path) -> None:
    text = "package a\n\n// 索引 → the indicies of rows; indicies again\nfunc ImmedateReturn() {}\n"
    first, second = await said(tmp_path / "r", {"a.go": text})
    assert (first.start_line, first.quote, first.severity) == (3, "indicies", "warning")
    assert first.message == "`indicies` is misspelt; `indices` is meant."
    assert (second.start_line, second.quote) == (4, "Immedate")


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("c.txt", "It recieves more.\n"),  # another file of the base has it
        ("c.txt", "一个函数，返回索引。\n"),
        ("c.txt", "\\nwich\n"),
        ("c.txt", "teh wich\n"),
        ("c.txt", "unparseable, mergable, enumerables\n"),
        ("c.txt", "See https://serach.example.org/adress\n"),
        ("c.rst", "Merge with `delocate <https://pypi.org/project/delocate>`_.\n"),
        ("encode/testdata/servers.json", '{"a": "the indicies"}\n'),
        ("locales/de.json", '{"a": "Die Adresse ist adress"}\n'),
        ("Strings.de.resx", "<value>Die adress</value>\n"),
        ("po/de.po", 'msgstr "adress"\n'),
        ("src/strings/de.json", '{"a": "Die adress"}\n'),
        ("plugins/testcases/a.out", "the indicies\n"),
    ],
)
async def test_a_word_that_is_nobodys_mistake(tmp_path: Path, path: str, text: str) -> None:
    assert await said(tmp_path / "r", {path: text}) == []


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("docs/authors.md", "- Teddy Tennant <teddy@example.org>"),
        ("AUTHORS", "Teddy Tennant"),
        ("c.go", "// Copyright 2026 Teddy Tennant"),
        ("C.java", " * @author Teddy Tennant"),
        ("c.py", "# Author: Teddy Tennant"),
    ],
)
async def test_names_of_people_are_no_words(tmp_path: Path, path: str, line: str) -> None:
    assert await said(tmp_path / "r", {path: f"{line}\n"}) == []
    assert len(await said(tmp_path / "q", {path: f"{line} tennant\n"})) == 1, "written as a word"
    assert len(await said(tmp_path / "s", {"c.md": "The Tennant of a flat\n"})) == 1, "nobody is named"


async def test_tests_and_data_are_read_each(tmp_path: Path) -> None:
    paths = (
        "tests/test_a.py",
        "data/servers.json",
        "testdata/a.txtar",
        "strings/en-us.json",
        "lang/en/a.php",
    )
    for number, path in enumerate(paths):
        assert len(await said(tmp_path / str(number), {path: "# the indicies\n"})) == 1, path


async def test_a_word_beside_another_address(tmp_path: Path) -> None:
    (one,) = await said(tmp_path / "r", {"c.rst": "To delocate, see https://pypi.org/project/location.\n"})
    assert one.quote == "delocate"


@pytest.mark.parametrize(
    ("path", "meant", "mistaken"),
    [
        ("test/conf.py", "flag=Fasle\n", "# the Fasle flag\n"),
        ("test/conf.js", 'run("./Componet.js");\n', 'it("loads the Componet twice")\n'),
        ("c.py", 'FIXES = {"recieve": "receive"}\n', 'log("cannot recieve", receive)\n'),
        ("CHANGES.md", "Fix the typo `recieve` (receive)\n", "It may recieve and receive\n"),
        ("CHANGES.md", "recieve → receive\n", "→ recieve\n"),
        ("c.java", 'of("Scott", "Tennant", "Yi", "Vang");\n', 'of("Scott", "Tennant of it", "Yi");\n'),
        ("c.go", "x := options.RecieveTimeout\n", "options.RecieveTimeout = 3\n"),
        ("c.go", "x.Recieve()\n", "x.Recieve()\nfunc Recieve() {}\n"),
        ("c.go", "x.Recieve()\n", "// calls x.Recieve()\n"),
        ("c.js", "// cspell:ignore recieve\nx.recieve = 1\n", "// recieve\nx.recieve = 1\n"),
        ("c.py", "recieve = 1  # codespell:ignore\n", "recieve = 1  # code\n"),
        ("cspell.json", '{"words": ["recieve"]}\n', ""),
        (".github/actions/spelling/expect.txt", "recieve\n", ""),
        ("docs/spelling_wordlist.txt", "recieve\n", ""),
    ],
)
async def test_a_word_that_is_meant(tmp_path: Path, path: str, meant: str, mistaken: str) -> None:
    before: dict[str, str | bytes] = {"a.go": "package a\n"}
    assert await said(tmp_path / "r", {path: meant}, before) == []
    if mistaken:
        assert await said(tmp_path / "q", {path: mistaken}, before), "the reverse"


async def test_a_list_of_words_counts_for_the_whole_change(tmp_path: Path) -> None:
    before: dict[str, str | bytes] = {"a.go": "package a\n"}
    change: dict[str, str | bytes] = {"cspell.json": '{"words": ["Recieve"]}\n', "b.go": "// recieve\n"}
    assert await said(tmp_path / "r", change, before) == []
    (one,) = await said(tmp_path / "p", {"b.go": "// recieve\n// one seperately\n"}, change)
    assert one.quote == "seperately"
    repository(tmp_path / "q", before)
    write(tmp_path / "q", change)
    git(tmp_path / "q", "add", "-A")
    git(tmp_path / "q", "commit", "-qm", "change")
    judged = from_git(tmp_path / "q", "range", "HEAD^..HEAD", is_strict=True)
    strict = await reviewer.review(judged, Options(linters="configured"))
    assert [one.path for one in strict.findings if one.rule == spelling.RULE] == ["b.go"]


async def test_lines_that_were_there_are_not_read(tmp_path: Path) -> None:
    before: dict[str, str | bytes] = {"a.txt": "seperately\n"}
    assert await said(tmp_path / "r", {"a.txt": "seperately\nmore\n"}, before) == []


async def test_a_text_in_another_language(tmp_path: Path) -> None:
    words = "seperately recieving adress neccessary untill begining occured acheive beleive"
    assert await said(tmp_path / "r", {"c.txt": words.replace(" ", "\n") + "\n"}) == []
    assert len(await said(tmp_path / "q", {"c.txt": "\n".join(words.split()[:3]) + "\n"})) == 3


async def test_the_configuration_is_that_of_the_base(tmp_path: Path) -> None:
    own = '[default]\nextend-ignore-re = ["the ind[a-z]+"]\n'
    text = {"a.txt": "the indicies\n"}
    assert await said(tmp_path / "r", {**text}, {**BEFORE, "typos.toml": own}) == []
    untrusted = await said(tmp_path / "u", {**text}, {**BEFORE, "typos.toml": own}, "plain")
    assert len(untrusted) == 1, "in a folder that nobody trusts it waits"
    named = own.replace("[default", "[tool.typos.default")
    assert await said(tmp_path / "p", {**text}, {**BEFORE, "pyproject.toml": named}) == []
    assert len(await said(tmp_path / "q", {**text, "typos.toml": own})) == 1, "the change's own"
    assert len(await said(tmp_path / "s", {**text}, {**BEFORE, "typos.toml": "["})) == 1, "no TOML"


async def test_without_the_program_nothing_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spelling, "_program", lambda: None)
    assert await said(tmp_path / "r", {"a.txt": "the indicies\n"}) == []
