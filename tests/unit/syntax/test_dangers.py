"""The gate of completion and actions: holes that a text would add are named, their neighbours are not."""

from __future__ import annotations

import pytest

from qwen_lsp.syntax import languages
from qwen_lsp.syntax.rules import introduced_vulnerabilities
from tests.support.places import split

FOUND = [
    ("python", "cursor.execute(║)\n", "f\"SELECT * FROM users WHERE name = '{name}'\"", "sql-injection"),
    ("python", "cursor.execute(║\n", '"select * from users where id = %s" % user_id)', "sql-injection"),
    ("python", 'cursor.execute("DELETE FROM users WHERE name = \'" ║)\n', "+ name", "sql-injection"),
    ("python", "cursor.execute(║)\n", '"SELECT {} FROM users".format(name)', "sql-injection"),
    ("javascript", "db.query(║);\n", "`SELECT * FROM users WHERE id = ${id}`", "sql-injection"),
    ("typescript", "db.query(║);\n", '"SELECT * FROM users WHERE id = " + id', "sql-injection"),
    ("python", "subprocess.run(║)\n", 'f"ls {path}", shell=True', "command-injection"),
    ("python", "os.system(║)\n", '"rm " + path', "command-injection"),
    ("javascript", "║\n", "exec(`ls ${path}`);", "command-injection"),
    ("python", "result = ║\n", "eval(expression)", "code-injection"),
    ("javascript", "const f = ║\n", "new Function(body)", "code-injection"),
    ("python", "requests.get(url, ║)\n", "verify=False", "tls-verification-off"),
    ("javascript", "https.request({ ║ })\n", "rejectUnauthorized: false", "tls-verification-off"),
    ("", "key = ║\n", '"-----BEGIN RSA PRIVATE KEY-----', "hardcoded-secret"),
    (
        "python",
        "def 查询(姓名):\n    ║\n",
        "游标.execute(f\"SELECT * FROM 用户 WHERE 姓名 = '{姓名}'\")",
        "sql-injection",
    ),
]
HARMLESS = [
    ("python", "cursor.execute(║)\n", '"SELECT * FROM users WHERE name = ?", (name,)'),
    ("python", "subprocess.run(║)\n", '["ls", path]'),
    ("python", "subprocess.run(║)\n", '"ls", shell=True'),
    ("python", "log.info(║)\n", 'f"select {name}"'),
    ("python", "value = ║\n", "ast.literal_eval(text)"),
    ("python", "model.║\n", "eval()"),
    ("python", "requests.get(url, ║)\n", "verify=True"),
    ("javascript", "pattern.║\n", "exec(text)"),
    ("go", "x := ║\n", "eval(y)"),
    ("python", "a = eval(first)\nb = ║\n", "eval(second)"),  # the file does so already
]


def added(before: str, inserted: str, after: str, language: str) -> list[str]:
    return introduced_vulnerabilities(
        before + after, before + inserted + after, languages.find(language, None), new_rules_only=True
    )


@pytest.mark.parametrize(("language", "marked", "inserted", "rule"), FOUND)
def test_a_hole_is_named(language: str, marked: str, inserted: str, rule: str) -> None:
    before, after = split(marked)
    assert added(before, inserted, after, language) == [rule]


@pytest.mark.parametrize(("language", "marked", "inserted"), HARMLESS)
def test_a_harmless_neighbour_is_not(language: str, marked: str, inserted: str) -> None:
    before, after = split(marked)
    assert added(before, inserted, after, language) == []


def test_more_of_a_kind_counts_where_the_text_is_not_the_authors() -> None:
    python = languages.find("python", None)
    once, twice = "a = eval(first)\n", "a = eval(first)\nb = eval(second)\n"
    assert introduced_vulnerabilities(once, twice, python) == ["code-injection"]
    assert introduced_vulnerabilities(twice, once, python) == []


def test_examples_and_tests_may_hold_what_a_program_may_not() -> None:
    python = languages.find("python", None)
    secret = 'password = "kJ8vQ2xP9zL4mR7t"\n'
    assert introduced_vulnerabilities("", secret, python, "src/login.py") == ["hardcoded-secret"]
    assert introduced_vulnerabilities("", secret, python, "tests/test_login.py") == []
