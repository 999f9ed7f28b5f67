"""Security holes that an answer would add are named; harmless neighbours of each are not."""

from __future__ import annotations

import pytest

from qwen_lsp.completion.dangers import dangers
from tests.support.places import split

FOUND = [
    ("python", "cursor.execute(║)\n", "f\"SELECT * FROM users WHERE name = '{name}'\"", "sql-format"),
    ("python", "cursor.execute(║\n", '"select * from users where id = %s" % user_id)', "sql-format"),
    ("python", 'cursor.execute("DELETE FROM users WHERE name = \'" ║)\n', "+ name", "sql-format"),
    ("python", "cursor.execute(║)\n", '"SELECT {}".format(name)', "sql-format"),
    ("javascript", "db.query(║);\n", "`SELECT * FROM users WHERE id = ${id}`", "sql-format"),
    ("typescript", "db.query(║);\n", '"SELECT * FROM users WHERE id = " + id', "sql-format"),
    ("python", "subprocess.run(║)\n", 'f"ls {path}", shell=True', "shell-format"),
    ("python", "os.system(║)\n", '"rm " + path', "shell-format"),
    ("javascript", "║\n", "exec(`ls ${path}`);", "shell-format"),
    ("python", "result = ║\n", "eval(expression)", "eval"),
    ("javascript", "const f = ║\n", "new Function(body)", "eval"),
    ("python", "requests.get(url, ║)\n", "verify=False", "no-certificate-check"),
    ("javascript", "https.request({ ║ })\n", "rejectUnauthorized: false", "no-certificate-check"),
    ("", "key = ║\n", '"-----BEGIN RSA PRIVATE KEY-----', "private-key"),
    (
        "python",
        "def 查询(姓名):\n    ║\n",
        "游标.execute(f\"SELECT * FROM 用户 WHERE 姓名 = '{姓名}'\")",
        "sql-format",
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


@pytest.mark.parametrize(("language", "marked", "inserted", "rule"), FOUND)
def test_a_hole_is_named(language: str, marked: str, inserted: str, rule: str) -> None:
    before, after = split(marked)
    assert dangers(before, inserted, after, language) == [rule]


@pytest.mark.parametrize(("language", "marked", "inserted"), HARMLESS)
def test_a_harmless_neighbour_is_not(language: str, marked: str, inserted: str) -> None:
    before, after = split(marked)
    assert dangers(before, inserted, after, language) == []
