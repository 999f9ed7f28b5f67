"""What a change took away and its function still needs; each case has a way back, which is silent."""

from __future__ import annotations

import asyncio

import pytest

from qwen_lsp.review import reviewer
from qwen_lsp.review.change.change import Change, ChangedFile, compare
from qwen_lsp.review.finding import Finding

PY = "def f(state):\n    dispatcher = state.events\n{}    dispatcher.send('x')\n"
JS = "function f(answer) {{\n  const body = answer.body;\n{}  return body.items;\n}}\n"
GO = "package a\n\nfunc f(ops *Ops) error {{\n{}\treturn ops.Run()\n}}\n"
JAVA = "class A {{\n  String f(Node node) {{\n{}    return node.name();\n  }}\n}}\n"


def found(path: str, before: str, after: str) -> list[Finding]:
    """Review one file."""
    file = ChangedFile(compare(path, before, after), before, after)
    report = asyncio.run(reviewer.review(Change("t", (file,))))
    return [one for one in report.findings if one.rule.startswith("lost-") and one.rule != "lost-await"]


CASES = [
    ("a.py", "lost-check", PY.format("    if dispatcher is None:\n        return\n"), PY.format("")),
    ("a.py", "lost-check", PY.format("    if not dispatcher:\n        return\n"), PY.format("")),
    ("a.js", "lost-check", JS.format("  if (!body) return null;\n"), JS.format("")),
    ("a.ts", "lost-check", JS.format("  if (body === undefined) return null;\n"), JS.format("")),
    ("a.go", "lost-check", GO.format("\tif ops == nil {\n\t\treturn nil\n\t}\n"), GO.format("")),
    ("a.java", "lost-check", JAVA.format("    if (node == null) return null;\n"), JAVA.format("")),
    (
        "a.py",
        "lost-handler",
        "def f():\n    try:\n        cwd = os.getcwd()\n    except FileNotFoundError:\n        cwd = None\n"
        "    return cwd\n",
        "def f():\n    cwd = os.getcwd()\n    return cwd\n",
    ),
    (
        "a.py",
        "lost-lock",
        "def f(self):\n    with self._lock:\n        return self.read(1)\n\n\nLOCKS = [_lock]\n",
        "def f(self):\n    return self.read(1)\n\n\nLOCKS = [_lock]\n",
    ),
    (
        "a.go",
        "lost-lock",
        "package a\n\nvar cacheMu Mutex\n\nfunc f() {\n\tcacheMu.Lock()\n"
        "\tdefer cacheMu.Unlock()\n\tclear(cache)\n}\n",
        "package a\n\nvar cacheMu Mutex\n\nfunc f() {\n\tclear(cache)\n}\n",
    ),
    (
        "a.py",
        "lost-escape",
        "def f(name):\n    return '<b>' + escape(name) + show(1)\n",
        "def f(name):\n    return '<b>' + show(name)\n",
    ),
]


@pytest.mark.parametrize(("path", "rule", "before", "after"), CASES)
def test_what_was_lost(path: str, rule: str, before: str, after: str) -> None:
    (finding,) = found(path, before, after)
    assert finding.rule == rule
    assert "{" not in finding.message
    assert found(path, after, before) == [], "what is added is not lost"


@pytest.mark.parametrize(
    ("path", "before", "after"),
    [
        (
            "a.py",
            CASES[0][2],
            PY.format("    if dispatcher is not None and dispatcher.on:\n        return\n"),
        ),
        ("a.py", CASES[0][2], CASES[0][3].replace("state.events", "state.events or Events()")),
        ("a.py", CASES[0][2], CASES[0][3].replace("dispatcher.send('x')", "run(1)")),
        ("a.py", CASES[0][2], CASES[0][3].replace("def f(state)", "def f(state: State)")),
        ("a.py", CASES[0][2], CASES[0][3].replace("def f(", "def g(")),
        ("a.js", CASES[2][2], JS.format("").replace("body.items", "body?.items")),
        ("a.go", CASES[4][2], GO.format("\tif ops.Empty() || ops == nil {\n\t\treturn nil\n\t}\n")),
        ("tests/test_a.py", CASES[0][2], CASES[0][3]),
        (
            "a.py",
            "def f(items):\n    for item in items:\n        if not item:\n            continue\n"
            "        item.run()\n",
            "def f(items):\n    for item in items:\n        if not item.strip():\n            continue\n"
            "        item.run()\n",
        ),
        (
            "a.py",
            "def f(self):\n    if not self.paused and self.f:\n        self.pause()\n",
            "def f(self):\n    if self.f:\n        self.pause()\n    elif self.paused:\n        self.a()\n",
        ),
        (
            "a.py",
            "def f(s, end):\n    while end and s.find(ch(end)) >= 0:\n        end -= 1\n",
            "def f(s, end):\n    while end:\n        c = at(end)\n        if s.find(c) < 0:\n"
            "            return\n",
        ),
        (
            "a.py",
            "def f(s):\n    try:\n        s.run(1)\n    except Exception:\n        s.end()\n        raise\n",
            "def f(s):\n    with s:\n        s.run(1)\n",
        ),
        ("a.py", "def f(k):\n    g(quote(k))\n", "def f(k):\n    g(quote(k, '/'))\n"),
        (
            "a.js",
            "function f(a) {\n  !a.b && (a.b = g(1))\n  return a.b.c\n}\n",
            "function f(a) {\n  if (!a.b) {\n    a.b = h(1)\n  }\n  return a.b.c\n}\n",
        ),
        (
            "a.js",
            "function f(a, b) {\n  if (!a || b.x) {\n    if (!a) return 1;\n  }\n  return b.y;\n}\n",
            "function f(a, b) {\n  if (!a || b.z) {\n    if (!a) return 1;\n  }\n  return b.y;\n}\n",
        ),
        (
            "a.py",
            "def f(x):\n    if isinstance(x, Reason):\n        return 1\n    return Reason.name\n",
            "def f(x):\n    return Reason.name\n",
        ),
        (
            "a.go",
            "package a\n\nvar mu Mutex\n\nfunc f() {\n\tmu.Lock()\n\tdefer mu.Unlock()\n\tgo run(1)\n}\n",
            "package a\n\nvar mu Mutex\n\nfunc f() {\n\tgo run(1)\n}\n",
        ),
        ("a.py", CASES[0][2].replace("dispatcher is", "hasattr(dispatcher, 'a') is"), CASES[0][3]),
    ],
)
def test_what_is_still_there_or_not_needed(path: str, before: str, after: str) -> None:
    assert found(path, before, after) == []


def test_a_pointer_that_is_a_value_now() -> None:
    head = 'package a\n\ntype Config struct {{\n\tSize {}Range `json:"size"`\n}}\n\n'
    body = "func f(c *Config) int {{\n{}\treturn c.Size.From\n}}\n"
    before = head.format("*") + body.format("\tif c.Size == nil {\n\t\treturn 0\n\t}\n")
    assert found("a.go", before, head.format("") + body.format("")) == []
    (one,) = found("a.go", before, head.format("*") + body.format(""))
    assert (one.rule, one.severity) == ("lost-check", "warning")


def test_a_constant_that_was_asked_for_null() -> None:
    before = JAVA.format("    if (Nodes.ENTRY_NODE == null) return null;\n    Nodes.ENTRY_NODE.run();\n")
    after = before.replace("    if (Nodes.ENTRY_NODE == null) return null;\n", "")
    assert {one.severity for one in found("a.java", before, after)} <= {"info"}
    a, b = (text.replace("Nodes.ENTRY_NODE", "node.entry") for text in (before, after))
    assert {one.severity for one in found("a.java", a, b)} == {"warning"}


FAILING = [
    ("a.py", "lost-check", PY.format("    if dispatcher is None:\n        return\n"), PY.format("")),
    ("a.go", "lost-check", GO.format("\tif ops == nil {\n\t\treturn nil\n\t}\n"), GO.format("")),
    (
        "a.py",
        "lost-guard",
        "def f(self, n):\n    if n == 0:\n        return 0\n    return self.total / n\n",
        "def f(self, n):\n    return self.total / n\n",
    ),
    (
        "a.go",
        "lost-guard",
        "package a\n\nfunc f(r *R) int {\n\tif len(r.Data) == 0 {\n\t\treturn 0\n\t}\n"
        "\treturn r.Data[0]\n}\n",
        "package a\n\nfunc f(r *R) int {\n\treturn r.Data[0]\n}\n",
    ),
    (
        "a.py",
        "lost-check",
        "def f(rows):\n    if not rows:\n        return\n    return rows[0].id\n",
        "def f(rows):\n    return rows[0].id\n",
    ),
]
FAILING.append(
    (
        "a.java",
        "lost-guard",
        "class A {\n  Row f(List<Row> rows) {\n    if (rows.isEmpty()) {\n      return null;\n    }\n"
        "    return rows.get(0);\n  }\n}\n",
        "class A {\n  Row f(List<Row> rows) {\n    return rows.get(0);\n  }\n}\n",
    )
)
GOING_ON = [
    ("a.py", PY.format("    if not dispatcher:\n        return\n"), PY.format("")),
    (
        "a.py",
        "def f(self, n):\n    if n == 0:\n        return 0\n    return self.total * n\n",
        "def f(self, n):\n    return self.total * n\n",
    ),
    (
        "a.py",
        "def f(self, n):\n    if n == 1:\n        return 0\n    return self.total / n\n",
        "def f(self, n):\n    return self.total / n\n",
    ),
    (
        "a.go",
        "package a\n\nfunc f(r *R) D {\n\tif len(r.Data) == 0 {\n\t\treturn nil\n\t}\n"
        "\treturn r.Data[1:]\n}\n",
        "package a\n\nfunc f(r *R) D {\n\treturn r.Data[1:]\n}\n",
    ),
]


@pytest.mark.parametrize(("path", "rule", "before", "after"), FAILING)
def test_what_fails_without_it_is_a_warning(path: str, rule: str, before: str, after: str) -> None:
    (finding,) = found(path, before, after)
    assert (finding.rule, finding.severity) == (rule, "warning")
    assert found(path, after, before) == []
    new = "\n".join(f"def g{number}(): pass" for number in range(50)) if path == "a.py" else ""
    if new:
        (finding,) = found(path, before, f"{after}\n{new}\n")
        assert finding.severity == "info", "a large change was thought about"


@pytest.mark.parametrize(("path", "before", "after"), GOING_ON)
def test_what_goes_on_without_it_is_a_remark(path: str, before: str, after: str) -> None:
    (finding,) = found(path, before, after)
    assert finding.severity == "info"


def test_a_guard_is_shown_as_it_is_written() -> None:
    guard = "    if isinstance(n, str):\n        return 0\n"
    text = "def f(self, n):\n{}    return self.total(n)\n\n\nB = isinstance, str\n"
    (finding,) = found("a.py", text.format(guard), text.format(""))
    assert "`if isinstance(n, str)`" in finding.message


def test_a_new_comment_above_the_function_explains() -> None:
    before = "// Old.\n" + GO.format("\tif ops == nil {\n\t\treturn nil\n\t}\n").removeprefix("package a\n\n")
    after = "// Callers give a value.\n" + GO.format("").removeprefix("package a\n\n")
    assert found("a.go", f"package a\n\n{before}", f"package a\n\n{after}") == []
    (finding,) = found(
        "a.go", f"package a\n\n{before}", f"package a\n\n// Old.\n{after.split(chr(10), 1)[1]}"
    )
    assert finding.rule == "lost-check"


def test_what_comes_with_tests_or_a_comment_is_meant() -> None:
    path, _, before, after = CASES[0]
    commented = after.replace("    dispatcher.send", "    # Events are on by now\n    dispatcher.send")
    assert found(path, before, commented) == []
    assert found(
        path,
        commented.replace(
            "    dispatcher.send", "    if dispatcher is None:\n        return\n    dispatcher.send"
        ),
        commented,
    ), "the comment is old"
    test = "def test_f():\n    f(State())\n"

    def together(old: str | None, new: str) -> list[str]:
        files = [
            ChangedFile(compare(path, before, after), before, after),
            ChangedFile(compare("tests/test_a.py", old, new), old, new),
        ]
        report = asyncio.run(reviewer.review(Change("t", tuple(files))))
        return [one.rule for one in report.findings]

    assert together(None, test) == []
    assert together(test + "A = 1\n", test) == ["lost-check"], "a test was taken away"


def test_a_part_that_another_condition_asks_for() -> None:
    head = "def f(self, key):\n"
    before = (
        f"{head}    now = self.all.get(key)\n    if now is not None and now == key:\n"
        "        return\n    self.run(1)\n"
    )
    after = (
        f"{head}    if (now := self.all.get(key)) is not None:\n        self.end(now)\n"
        "    if now == key:\n        return\n    self.run(1)\n"
    )
    assert found("a.py", before, after) == []
    lost = before.replace("now is not None and ", "")
    assert [one.rule for one in found("a.py", before, lost)] == ["lost-condition"]


def test_a_condition_on_what_is_no_longer_there() -> None:
    before = (
        "function f(id) {\n  const { list, isLoading } = read(id)\n"
        "  if (isLoading || list.isSaving) {\n    return g(1)\n  }\n  return list.name\n}\n"
    )
    after = before.replace(", isLoading", ", error").replace("isLoading || ", "")
    assert found("a.js", before, after) == []
    kind = before.replace("isLoading ||", "list instanceof Old ||")
    assert found("a.js", kind, kind.replace("list instanceof Old || ", "")) == []
    asked, lost = before.replace("isLoading ||", "list.isOld ||"), before.replace("isLoading || ", "")
    assert [one.rule for one in found("a.js", asked, lost)] == ["lost-condition"]


def test_a_handler_that_makes_the_same_call() -> None:
    before = "def f(n):\n    try:\n        key = name(read(n))\n    except Error:\n        key = {}\n"
    after = "def f(n):\n    key = name(read(n))\n"
    assert found("a.py", before.format("''"), after) != []
    assert found("a.py", before.format("name(read(n))"), after) == []


def test_an_optional_chain_that_was_dropped() -> None:
    (finding,) = found("a.ts", JS.format("  log(body?.items);\n"), JS.format("  log(body.items);\n"))
    assert finding.rule == "lost-check"


def test_a_condition_that_lost_a_part() -> None:
    before = (
        "package a\n\nfunc f(n int, k int, data []int) bool {\n\tif n < k && data[n] > 0 {\n"
        "\t\treturn true\n\t}\n\treturn false\n}\n"
    )
    (finding,) = found("a.go", before, before.replace("n < k && ", ""))
    assert (finding.rule, finding.severity, finding.start_line) == ("lost-condition", "info", 4)
    assert "`n < k`" in finding.message
    moved = before.replace("n < k && ", "").replace("{\n\tif", "{\n\tif n < k {\n\t\tk = n\n\t}\n\tif", 1)
    assert found("a.go", before, moved) == []
    assert found("a.go", before, before.replace("n < k", "n <= k")) == []
