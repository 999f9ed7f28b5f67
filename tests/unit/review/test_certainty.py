"""What is called an error: only what two readers agree on. Each kind stands beside its reverse."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from qwen_lsp.review import reviewer
from qwen_lsp.review.change.change import Change, ChangedFile, compare, from_git
from qwen_lsp.review.reviewer import Options
from tests.unit.review.repositories import git, repository, write


def graded(path: str, before: str, after: str) -> list[tuple[str, str]]:
    """Review one file, ruff included; return rules and severities."""
    file = ChangedFile(compare(path, before, after), before, after)
    report = asyncio.run(reviewer.review(Change("t", (file,)), Options(linters="plain")))
    return [(one.rule, one.severity) for one in report.findings]


GO = "package a\n\nfunc f() *int {{\n\treturn {}\n}}\n"


@pytest.mark.parametrize(
    ("path", "before", "broken"),
    [
        ("a.py", "a = 1\n", "a = 1\nprint(a\n"),
        (
            "a.py",
            "for a in [1]:\n    # all\n    if id(a):\n        id(a)\n    id(a)\n",
            "for a in [1]:\n    # all    if id(a):\n        id(a)\n    id(a)\n",
        ),
        ("a.go", GO.format("nil"), GO.format("g(3")),
        ("a.ts", "f(1)\n", "f((1)\n"),
        ("a.json", '{"a": 1}\n', '{"a": 1,}\n'),
        ("a.toml", "a = 1\n", "a = \n"),
    ],
)
def test_a_text_that_two_readers_refuse(path: str, before: str, broken: str) -> None:
    assert graded(path, before, broken) == [("does-not-parse", "error")]
    assert graded(path, broken, broken + "\n") == [], "it was broken before"
    assert graded(path, broken, before) == []


@pytest.mark.parametrize(
    ("path", "before", "after"),
    [
        ("a.go", GO.format("nil"), GO.format("new(3)")),  # Go 1.26; the grammar is older
        ("a.ts", "type A = B<C>\n", "type A = B<typeof import('./c')>\n"),
        ("Dockerfile", "FROM a\n", 'FROM a\nCMD ["b"]'),
        ("a.css", "a { b: c }\n", "a { b: c; &:hover { d: e } }\n"),
        ("a.py", "a = 1\n", "a = 1\nmatch a:\n    case 1:\n        print(a)\n"),
    ],
)
def test_forms_that_one_reader_does_not_know(path: str, before: str, after: str) -> None:
    assert graded(path, before, after) == []


DEFINED_OTHERWISE = (
    "globals().update(load())\n",
    "exec(source)\n",
    "import builtins\n\nbuiltins.shout = print\n",
)


def test_a_name_that_nothing_defines() -> None:
    base = "def f(a):\n    return a\n"
    used = base.replace("return a", "return shout(a)")
    assert graded("a.py", base, used) == [("F821", "error")]
    for line in DEFINED_OTHERWISE:
        assert graded("a.py", line + base, line + used) == [], line
    handled = "try:\n    text = unicode\nexcept NameError:\n    text = str\n"
    assert graded("a.py", base, base + handled) == []
    assert graded("a.py", base, base + handled.replace("NameError", "KeyError")) == [("F821", "error")]
    assert graded("a.py", base, base.replace("return a", "return _('a')")) == []


def test_a_name_of_which_only_one_reader_is_sure() -> None:
    base = "def f(a):\n    return a\n"
    assert graded("a.py", base, base.replace("(a)", "(a: Shape)")) == [("F821", "warning")]
    elsewhere = base + "\n\ndef g():\n    shape = 1\n    return shape\n"
    assert graded("a.py", elsewhere, elsewhere.replace("return a", "return shape", 1)) == [
        ("F821", "warning")
    ]


KEY = "AKIA" + "I44QH8DHBQWERTYU"


@pytest.mark.parametrize(
    ("path", "line", "severity"),
    [
        ("a.py", f"key = '{KEY}'\n", "error"),
        ("docs/a.md", f"Your key looks like {KEY}.\n", "warning"),
        ("a.py", "key = 'AKIAABABABABABABABAB'\n", "warning"),
        ("a.py", "password = 'hunter2hunter3'\n", "info"),
        (
            "a.py",
            f"key = '''-----BEGIN PRIVATE KEY-----\n{'MIIEvQIBADANBgkqhkiG9w0BAQEFAASC' * 2}'''\n",
            "error",
        ),
        ("tests/a.py", f"key = '{KEY}'\n", ""),
        ("a.py", "if text.startswith('-----BEGIN PRIVATE KEY-----'):\n    f(text)\n", "hint"),
    ],
)
def test_a_secret_by_its_shape_and_by_its_letters(path: str, line: str, severity: str) -> None:
    found = [one for one in graded(path, "a = 1\n", "a = 1\n" + line) if one[0] == "hardcoded-secret"]
    assert found == ([("hardcoded-secret", severity)] if severity else [])


@pytest.mark.parametrize(
    ("path", "line", "expected"),
    [
        ("a.py", "eval(input())\n", ("code-injection", "error")),
        ("a.py", "eval(request.args['a'])\n", ("code-injection", "error")),
        ("a.py", "eval(rule)\n", ("code-injection", "warning")),
        ("a.js", "new Function('x', code);\n", ("code-injection", "info")),
        ("a.js", "new Function('x', location.hash);\n", ("code-injection", "error")),
        ("a.py", "db.execute(f\"SELECT * FROM a WHERE b = '{c}'\")\n", ("sql-injection", "error")),
        ("a.py", 'db.execute("SELECT * FROM a WHERE b = %s" % c)\n', ("sql-injection", "info")),
        ("a.py", 'db.execute(f"SELECT * FROM {table}")\n', ("sql-injection", "info")),
        ("a.js", "db.query(`SELECT * FROM ${table}`)\n", ("sql-injection", "info")),
        ("a.js", "db.query(`SELECT * FROM a WHERE b = ${c}`)\n", ("sql-injection", "info")),
        ("a.js", "db.query(`SELECT * FROM a WHERE b = ${req.query.c}`)\n", ("sql-injection", "error")),
    ],
)
def test_an_injection_by_its_place_and_by_what_goes_in(
    path: str, line: str, expected: tuple[str, str]
) -> None:
    assert expected in graded(path, "", line)


@pytest.mark.parametrize("line", ["eval(rule)\n", "os.system('ls ' + rule)\n"])
def test_what_a_test_runs_is_its_own(line: str) -> None:
    assert {rule for rule, _ in graded("src/a.py", "", line)} & {"code-injection", "command-injection"}
    assert not {rule for rule, _ in graded("tests/a.py", "", line)} & {"code-injection", "command-injection"}


def test_what_a_function_that_nobody_knows_returns_is_not_what_a_request_sent() -> None:
    before = "async function f(req) {\n  return 1\n}\n"
    sent = before.replace(
        "return 1", "const name = String(req.query.name).trim()\n  return fs.readFile(name)"
    )
    signed = before.replace(
        "return 1", "const t = await opened(req.query.token)\n  return fs.readFile(t.path)"
    )
    assert graded("a.js", before, sent) == [("path-traversal", "info")]
    assert graded("a.js", before, signed) == []


def test_what_was_decided_on_before() -> None:
    """A secret with a new value, a cipher that moved into two functions: both stood in the base."""
    old = "secret = 'k3yk3yk3yk3y'\n"
    assert graded("a.py", "", old) == [("hardcoded-secret", "info")]
    assert graded("a.py", old, old.replace("k3y", "k4y")) == []
    weak = "class A {{\n{}}}\n"
    one = '  void {}() {{ Cipher.getInstance("DES/CBC/PKCS5Padding"); }}\n'
    assert graded("A.java", "class A {\n}\n", weak.format(one.format("a"))) == [("weak-cipher", "info")]
    assert (
        graded("A.java", weak.format(one.format("a")), weak.format(one.format("b") + one.format("c"))) == []
    )


def test_controls_that_turn_text_around_and_others() -> None:
    assert graded("a.go", "package a\n", "package a\n\n// \u202e x\n") == [("bidi-character", "error")]
    assert graded("a.go", "package a\n", "package a\n\nvar b = `c\u200bd`\n") == [("bidi-character", "info")]


def test_a_name_that_the_whole_folder_expects(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "engines/one.py": "def f(a):\n    logger.info(a)\n",
        "engines/two.py": "def f(a):\n    return a\n",
        "other/three.py": "def f(a):\n    return a\n",
    }
    root = repository(tmp_path / "r", files)
    used = "def f(a):\n    logger.info(a)\n    return a\n"
    write(root, {"engines/two.py": used, "other/three.py": used})
    git(root, "commit", "-qam", "use the logger")
    change = from_git(root, "range", "HEAD^..HEAD")
    report = asyncio.run(reviewer.review(change, Options(linters="plain")))
    assert [(one.rule, one.path) for one in report.findings] == [("F821", "other/three.py")]


def test_a_function_that_hides_another() -> None:
    base = "def test_a():\n    assert f(1)\n\n\ndef test_b():\n    assert f(2)\n"
    assert graded("a.py", base, base.replace("test_b", "test_a")) == [("F811", "warning")]
    decorated = base.replace("def test_b", "@overload\ndef test_a")
    assert ("F811", "warning") not in graded("a.py", base, decorated)


def test_a_key_twice_with_the_same_value_is_a_remark() -> None:
    assert graded("a.js", "f({ a: 1 });\n", "f({ a: 1, a: 2 });\n") == [("duplicate-key", "warning")]
    assert graded("a.js", "f({ a: 1 });\n", "f({ a: 1, a: 1 });\n") == [("duplicate-key", "info")]


def test_a_function_that_the_grammar_misreads() -> None:
    base = "package a\n\nfunc f() error {\n\tg()\n\treturn nil\n}\n"
    dead = base.replace("\treturn nil\n", "\treturn nil\n\tg()\n")
    assert [rule for rule, _ in graded("a.go", base, dead)] == ["unreachable-code"]
    assert graded("a.go", base, dead.replace("\tg()\n\treturn", "\ta.At = new(time.Now())\n\treturn")) == []


@pytest.mark.parametrize(
    ("path", "after", "is_found"),
    [
        ("tsconfig.json", '{"a": 1,}\n', False),
        ("web/tsconfig.app.json", '{"a": 1, // 1\n}\n', False),
        (".vscode/settings.json", '{"a": [1,]}\n', False),
        ("data.json", '{"a": "//", /* why */ "b": 1}\n', False),
        ("data.json", '{"a": 1,}\n', True),
        ("data.json", '{"a": "//",}\n', True),
        ("tsconfig.json", '{"a": 1, // 1\n', True),
    ],
)
def test_json_with_comments_parses(path: str, after: str, is_found: bool) -> None:
    assert (("does-not-parse", "error") in graded(path, '{"a": 1}\n', after)) is is_found


UNREACHABLE = "def f(a):\n    {}return a\n    return a + 1\n"


def test_an_exit_that_a_comment_explains_is_a_remark() -> None:
    plain, explained = UNREACHABLE.replace("{}", ""), UNREACHABLE.replace("{}", "# not yet\n    ")
    assert graded("a.py", "", plain) == [("unreachable-code", "warning")]
    assert graded("a.py", "", explained) == [("unreachable-code", "info")]
    assert graded("a.py", "", plain.replace("return a + 1", "return")) == []


def test_setting_an_attribute_again_may_be_wanted() -> None:
    for path, text in (
        ("a.py", "def f(a):\n    {} = {}\n"),
        ("a.js", "function f(a) {\n  {} = {};\n}\n"),
    ):
        assert graded(path, "", text.replace("{}", "a.b")) == [("self-assignment", "info")], path
        assert graded(path, "", text.replace("{} = {}", "a = a")) == [("self-assignment", "warning")], path
