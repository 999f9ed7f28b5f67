"""What a line lost while the rest of it stayed, and guards that were removed; each kind with its way back."""

from __future__ import annotations

import asyncio

import pytest

from qwen_lsp.review import reviewer
from qwen_lsp.review.change.change import Change, ChangedFile, compare
from tests.unit.review.test_lost_safeguards import found

# (path, line before, line after, the part that is gone)
LOST = [
    ("a.py", "ok = 'x' in rel.lower().split()", "ok = 'x' in rel.split()", ".lower()"),
    ("a.py", "if not item.strip():", "if not item:", ".strip()"),
    ("a.py", "q = queues.select_add(queues[name])", "q = queues[name]", "queues.select_add(queues[name])"),
    ("a.py", "size = int(head['size'])", "size = head['size']", "int(head['size'])"),
    ("a.py", "cache = dict_of(options) or Cache()", "cache = dict_of(options)", "or Cache()"),
    ("a.py", "read(path, timeout=limit)", "read(path)", "timeout=limit"),
    ("a.py", "value = await load(key)", "value = load(key)", "await"),
    ("a.py", "if not seen(key):", "if seen(key):", "not"),
    ("a.ts", "const name = raw.trim()", "const name = raw", ".trim()"),
    ("a.ts", "const size = options.size ?? 10", "const size = options.size", "?? 10"),
    ("a.ts", "send(event, { signal }, retry)", "send(event, { signal })", "retry"),
    ("a.go", "name := filepath.Clean(raw)", "name := raw", "filepath.Clean(raw)"),
    ("a.go", "run(ctx, job)", "run(job)", "ctx"),
    (
        "a.java",
        "String key = name.toLowerCase(Locale.ROOT);",
        "String key = name;",
        ".toLowerCase(Locale.ROOT)",
    ),
    (
        "a.java",
        "task.onRunning(tab::loading).submit(pool);",
        "task.submit(pool);",
        ".onRunning(tab::loading)",
    ),
]


def parts(path: str, before: str, after: str) -> list[str]:
    return [one.message.split("`")[1] for one in found(path, before, after) if one.rule == "lost-part"]


@pytest.mark.parametrize(("path", "before", "after", "part"), LOST)
def test_a_part_that_is_gone(path: str, before: str, after: str, part: str) -> None:
    around = "a = 1\n{}\n    b = 2\n"
    assert parts(path, around.format(before), around.format(after)) == [part]
    assert parts(path, around.format(after), around.format(before)) == [], "what is added is not lost"


def test_a_conversion_that_a_compiler_decides() -> None:
    around = "a = 1\n{}\n    b = 2\n"
    for line, short in (("id := int(value)", "id := value"), ("ID: uint64(id),", "ID: id,")):
        assert parts("a.go", around.format(line), around.format(short)) == []
    clean = around.format("id := integer(value)"), around.format("id := value")
    assert parts("a.go", *clean) == ["integer(value)"], "it may do more than that"


def test_a_step_that_is_gone_is_shown_and_an_argument_or_a_fallback_is_a_remark() -> None:
    steps = {"await", "int(head['size'])", ".strip()", ".lower()", ".trim()", "filepath.Clean(raw)"}
    remarks = {"or Cache()", "timeout=limit", "not", "?? 10", "retry", "ctx"}
    around = "a = 1\n{}\n    b = 2\n"
    severities = {
        part: {one.severity for one in found(path, around.format(before), around.format(after))}
        for path, before, after, part in LOST
    }
    assert {part for part in steps if severities[part] == {"warning"}} == steps
    assert {part for part in remarks if severities[part] == {"info"}} == remarks
    chain = "a = (\n    rows.filter(b)\n    {}.page(c)\n)\n"
    returned = "async def f():\n    {}\n"
    for path, whole, before, after in (
        ("a.java", chain, ".sorted(d)", ""),
        ("a.py", returned, "return await load(key)", "return load(key)"),
    ):
        kept = found(path, whole.format(before), whole.format(after))
        assert {one.severity for one in kept if one.rule == "lost-part"} == {"info"}


KEPT = {
    "it moved to another line": ("x = a.strip()\n\n\n\ny = b\n", "x = a\n\n\n\ny = b.strip()\n"),
    "a signature": ("def f(a, b=1):\n    pass\n", "def f(a):\n    pass\n"),
    "an import": ("from a import b, c\n", "from a import b\n"),
    "an element of a list": ("X = ['a', 'b']\n", "X = ['a']\n"),
    "a plain copy": ("for x in list(rows):\n    f(x)\n", "for x in rows:\n    f(x)\n"),
    "words that are shown": ("log.info('a', b)\n", "log.info('a')\n"),
    "a text": ("f('a b c')\n", "f('a c')\n"),
    "something else changed too": ("x = a.strip()[0]\n", "x = a[1]\n"),
    "it comes with a comment": ("x = a.strip()\n", "# already stripped\nx = a\n"),
    "it goes everywhere": (
        "x = a.strip()\n#\ny = b.strip()\n#\nz = c.strip()\n",
        "x = a\n#\ny = b\n#\nz = c\n",
    ),
    "the value is made before": ("f(x)\n#\ny = g(str(x))\n", "f(x)\nx = x.decode()\n#\ny = g(x)\n"),
    "only the layout changed": ("f(\n    a,\n    b,\n)\n", "f(a, b)\n"),
}


@pytest.mark.parametrize("name", KEPT)
def test_what_is_no_loss(name: str) -> None:
    before, after = KEPT[name]
    assert parts("a.py", before, after) == []
    assert parts("tests/test_a.py", *LOST[0][1:3]) == []


GUARDED = {
    "a.py": ("def f(size, rows):\n{}    rows.put(size)\n", "    if size > LIMIT:\n        raise Big(size)\n"),
    "a.ts": (
        "function f(size, rows) {{\n{}  rows.put(size)\n}}\n",
        "  if (size > LIMIT) {\n    return\n  }\n",
    ),
    "a.go": (
        "package a\n\nfunc f(size int, rows Rows) {{\n{}\trows.Put(size)\n}}\n",
        "\tif size > LIMIT {\n\t\treturn\n\t}\n",
    ),
    "a.java": (
        "class A {{\n  void f(int size) {{\n{}    put(size);\n  }}\n}}\n",
        "    if (size > LIMIT) return;\n",
    ),
}


@pytest.mark.parametrize("path", GUARDED)
def test_a_guard_that_was_removed(path: str) -> None:
    text, guard = GUARDED[path]
    limit = "// LIMIT\n" if not path.endswith(".py") else "# LIMIT\n"
    before, after = text.format(guard) + limit, text.format("") + limit
    (one,) = found(path, before, after)
    assert (one.rule, "size > LIMIT" in one.message) == ("lost-guard", True)
    assert found(path, after, before) == []
    assert found(path, text.format(guard), text.format("")) == [], "what it asked for is gone, too"
    weaker = text.format(guard.replace(">", ">=")) + limit
    assert found(path, before, weaker) == [], "it asks otherwise"


def test_an_await_that_went_with_what_it_waited_for() -> None:
    before = "async function run(c) {\n  const path = await find(c);\n  return path;\n}\n"
    after = before.replace("await find", "find")
    was, now = "export const find = async (c) => c.path;\n", "export const find = (c) => c.path;\n"
    caller = ChangedFile(compare("a.js", before, after), before, after)
    callee = ChangedFile(compare("b.js", was, now), was, now)
    rules = [
        {one.rule for one in asyncio.run(reviewer.review(Change("t", files))).findings}
        for files in ((caller,), (caller, callee))
    ]
    assert "lost-part" in rules[0]
    assert "lost-part" not in rules[1]


def test_a_call_that_went_with_its_function_is_meant() -> None:
    defined = "export function clean(x) {\n  return x.trim()\n}\n"
    use, plain = "send(a, {\n  url: clean(b.url),\n})\n", "send(a, {\n  url: b.url,\n})\n"
    assert [one for one in found("a.js", defined + use, plain) if one.rule == "lost-part"] == []
    assert parts("a.js", defined + use, defined + plain) == ["clean(b.url)"], "the function is still there"
