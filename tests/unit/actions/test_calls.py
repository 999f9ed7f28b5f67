"""Tests made of calls: the model chooses the inputs, what they give is measured."""

from __future__ import annotations

import ast
import os
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from qwen_lsp import sandbox
from qwen_lsp.actions import calls, making, suite, verified_tests
from qwen_lsp.actions import run as runner
from qwen_lsp.actions.calls import Measured
from qwen_lsp.actions.target import choose
from qwen_lsp.actions.task import Proposal, Refused, Task, apply
from tests.support.chatting import Speaker, session, task

is_confined = pytest.mark.skipif(
    not any("Landlock" in one for one in sandbox.available()), reason="this kernel has no Landlock"
)
has_node = pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
PYTHON = """def share(part, whole):⟦⟧
    if whole == 0:
        raise ValueError("nothing to share")
    if part > whole:
        return None
    return {"part": part / whole}
"""
SCRIPT = """const LIMIT = 3
function clip (text, end = '...') {⟦⟧
  if (typeof text !== 'string') throw new TypeError('no text')
  if (text.length <= LIMIT) return { text }
  return { text: text.slice(0, LIMIT) + end }
}
module.exports = { shorten: clip }
"""
TYPED = """import { load } from "./missing.js";
const LIMIT = 3 as const;
export function clip(text: string, end: string = "..."): string | undefined {⟦⟧
  if (text === "") return undefined;
  return text.length <= LIMIT ? text : text.slice(0, LIMIT) + end;
}
export const stored = (key: string): string => load(key);
"""


@pytest.fixture(autouse=True)
def python_with_pytest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"])))
    monkeypatch.setattr(verified_tests, "_TIMEOUT_S", 300)  # the machine may be busy
    monkeypatch.setattr(calls, "_TIMEOUT_S", 300)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")


def asked(root: Path, code: str, name: str, language: str, *, is_trusted: bool = True) -> Task:
    (root / name).write_text(code.replace("⟦⟧", ""), "utf-8", newline="")
    return replace(task("test", code, language=language, path=name), root=str(root), is_trusted=is_trusted)


async def written(made: Task, *answers: str) -> str | Refused:
    language = made.document.language
    found = await runner.run(made, session(Speaker(*(f"```{language}\n{one}\n```" for one in answers))))
    if isinstance(found, Refused):
        return found
    assert isinstance(found, Proposal)
    assert found.other is not None
    return apply(found.other.document.text if found.other.document else "", found.other.edits)


@is_confined
async def test_python_gets_what_its_calls_give(tmp_path: Path) -> None:
    said = (
        "share(1, 2)  # a half\nshare(1, 4)\nassert share(3, 2) == 5\nshare(1, 0)\nshare('a', 2)\nopen('x')"
    )
    assert await written(asked(tmp_path, PYTHON, "shares.py", "python"), said) == (
        "import pytest\nfrom shares import share\n\n\n"
        "def test_share():\n    assert share(1, 2) == {'part': 0.5}\n"
        "    assert share(1, 4) == {'part': 0.25}\n    assert share(3, 2) is None\n\n\n"
        "def test_share_raises_value_error():\n    with pytest.raises(ValueError):\n        share(1, 0)\n"
    )


@is_confined
async def test_what_the_world_changes_is_no_result(tmp_path: Path) -> None:
    code = (
        "import os\nimport random\n\n\ndef place(name):⟦⟧\n    if name == 'home':\n"
        "        return os.path.expanduser('~')\n    if name == 'dice':\n        return random.random()\n"
        "    return '/' + name\n"
    )
    said = "place('home')\nplace('dice')\nplace('a')\nplace('b')"
    found = await written(asked(tmp_path, code, "places.py", "python"), said)
    assert isinstance(found, str)
    assert "home" not in found
    assert "dice" not in found
    assert "assert place('a') == '/a'" in found


@is_confined
@has_node
@pytest.mark.parametrize(
    ("name", "code", "call"),
    [
        ("put.py", "def put(a):⟦⟧\n    open('made.txt', 'w').close()\n    return a\n", "put(1)\nput(2)"),
        (
            "put.js",
            "function put (a) {⟦⟧\n  require('fs').writeFileSync('made.txt', '')\n  return a\n}\n"
            "module.exports = { put }\n",
            "put(1)\nput(2)",
        ),
    ],
)
async def test_what_is_called_writes_nothing(tmp_path: Path, name: str, code: str, call: str) -> None:
    language = "python" if name.endswith("py") else "javascript"
    made = asked(tmp_path, code, name, language)
    speaker = Speaker(says=lambda prompt: f"```{language}\n{call}\n```")
    assert isinstance(await runner.run(made, session(speaker)), Refused)
    assert [file.name for file in tmp_path.iterdir()] == [name]


@is_confined
@has_node
async def test_javascript_gets_what_its_calls_give(tmp_path: Path) -> None:
    said = "clip('abcd');\nclip('ab')\nconsole.log(clip('abcdef', ''))\nclip(3)\nclip(unknown)\nclip('ab'"
    assert await written(asked(tmp_path, SCRIPT, "clip.js", "javascript"), said) == (
        "const assert = require('node:assert')\nconst { test } = require('node:test')\n"
        "const { shorten: clip } = require('./clip.js')\n\n\n"
        "test('clip', () => {\n"
        "  assert.deepStrictEqual(clip('abcd'), { text: 'abc...' })\n"
        "  assert.deepStrictEqual(clip('ab'), { text: 'ab' })\n"
        "  assert.deepStrictEqual(clip('abcdef', ''), { text: 'abc' })\n"
        "  assert.throws(() => clip(3), { name: 'TypeError' })\n"
        "})\n"
    )


@is_confined
@has_node
async def test_typescript_runs_without_its_types(tmp_path: Path) -> None:
    made = asked(tmp_path, TYPED, "clip.ts", "typescript")
    found = await written(made, 'clip("abcd")\nclip("")\nclip("ab")')
    assert isinstance(found, str)
    assert 'assert.strictEqual(clip("abcd"), "abc...");\n' in found
    assert 'assert.strictEqual(clip(""), undefined);\n' in found


@is_confined
@has_node
async def test_what_needs_an_import_is_not_run(tmp_path: Path) -> None:
    code = TYPED.replace("⟦⟧", "").replace("=> load(key)", "=>⟦⟧ load(key)")
    made = asked(tmp_path, code, "clip.ts", "typescript")
    model_written = 'test("stored", () => {\n  assert.strictEqual(stored("a"), "b");\n});'
    found = await written(made, 'stored("a")\nstored("b")', model_written)
    assert isinstance(found, str)
    assert 'stored("a"), "b"' in found, "the model's own tests, which cannot be run"


POINT = """class Point:
    def __init__(self, name, line, note=None):
        self.name, self.line, self.note = name, line, note

    def to_dict(self):⟦⟧
        found = {}
        for key in ("name", "line", "note"):
            if getattr(self, key) is not None:
                found[key] = getattr(self, key)
        return found
"""


@is_confined
async def test_an_object_is_made_to_call_its_method(tmp_path: Path) -> None:
    speaker = Speaker("```python\nPoint('a', 1).to_dict()\nPoint('b', 2, 'c').to_dict()\n```")
    found = await runner.run(asked(tmp_path, POINT, "points.py", "python"), session(speaker))
    assert isinstance(found, Proposal), found
    assert "calls of `Point(name, line, note).to_dict()`" in speaker.prompts[0]
    assert "    def __init__(self, name, line, note=None):" in speaker.prompts[0], "how one is made"
    assert found.other is not None
    assert "assert Point('a', 1).to_dict() == {'name': 'a', 'line': 1}\n" in apply("", found.other.edits)


CALLED = [
    ("python", "class A:\n    @classmethod\n    def of(cls, x):⟦⟧\n        return x\n", "A.of(x)"),
    ("python", "def f(a, *b, c=1):⟦⟧\n    return a\n", "f(...)"),
    ("python", "def f(a, c=1):⟦⟧\n    return a\n", "f(a, c)"),
    ("python", "class A:\n    def f(self):⟦⟧\n        return 1\n", "A().f()"),
    (
        "javascript",
        "class A {\n  constructor ({ a }) {}\n  go (c) {⟦⟧\n    return c\n  }\n}\n",
        "new A(...).go(c)",
    ),
    ("typescript", "class A {\n  static go(c: string): string {⟦⟧\n    return c;\n  }\n}\n", "A.go(c)"),
    ("java", "class A {\n  A(int x) {}\n  int f(int b) {⟦⟧\n    return b;\n  }\n}\n", "new A(x).f(b)"),
]


@pytest.mark.parametrize(("language", "code", "call"), CALLED)
def test_a_call_of_what_is_tested(language: str, code: str, call: str) -> None:
    target = choose(task("test", code, language=language, path="code"), "definition")
    assert target is not None
    assert making.call_of(target) == call


SHELF = """class Shelf {
  Shelf(int size) {}
  int free(int n) {⟦⟧
    if (n > 3) { return 0; }
    return n;
  }
}
"""


@pytest.mark.parametrize(
    ("code", "call", "said"),
    [
        (SHELF, "Shelf.free(1)", "Shelf.free without an object"),
        (SHELF, "new Shelf().free(1)", "new Shelf()"),
        (SHELF, "new Shelf(2).free(1)", ""),
        (SHELF.replace("int free", "static int free"), "Shelf.free(1)", ""),
        (SHELF.replace("  Shelf(int size) {}\n", ""), "new Shelf().free(1)", ""),
        (SHELF.replace("  Shelf(", "  Shelf() {}\n  Shelf("), "new Shelf().free(1)", ""),
    ],
)
async def test_no_test_calls_what_the_class_does_not_allow(code: str, call: str, said: str) -> None:
    answer = (
        f"```java\npublic class ShelfTest {{\n  @Test\n  void frees() {{ assertEquals(1, {call}); }}\n}}\n```"
    )
    found = await runner.run(
        task("test", code, language="java", path="Shelf.java"), session(Speaker(answer, answer))
    )
    assert found == Refused("names", said) if said else isinstance(found, Proposal), found


async def test_a_test_may_have_the_name_of_what_it_tests() -> None:
    line = "void free() { assertEquals(1, new Shelf(2).free(1)); }"
    answer = f"```java\npublic class ShelfTest {{\n  @Test\n  {line}\n}}\n```"
    made = task("test", SHELF, language="java", path="Shelf.java")
    found = await runner.run(made, session(Speaker(answer, answer)))
    assert isinstance(found, Proposal), found
    assert line in str(found.other)


def test_only_a_method_needs_an_object() -> None:
    for code in (
        "def f(a):⟦⟧\n    return a\n",
        "class A:\n    def __init__(self, a):⟦⟧\n        self.a = a\n",
    ):
        target = choose(task("test", code), "definition")
        assert target is not None
        assert making.shown(target) == []


@pytest.mark.parametrize("is_trusted", [True, False])
async def test_only_what_may_be_run_is_asked_for_calls(tmp_path: Path, is_trusted: bool) -> None:
    made = asked(tmp_path, PYTHON, "shares.py", "python", is_trusted=is_trusted)
    if is_trusted:  # the editor has another text than the disk
        (tmp_path / "shares.py").write_text("def share(): ...\n", "utf-8")
    speaker = Speaker(*["```python\ndef test_share():\n    assert share(1, 2)\n```"] * 2)
    await runner.run(made, session(speaker))
    assert "different calls" not in speaker.prompts[0]


def test_calls_that_reach_other_code_are_picked() -> None:
    measured = [
        Measured("f(1)", "1", lines=(1, 2)),
        Measured("f(2)", "1", lines=(1, 2)),
        Measured("f(3)", "3", lines=(1, 2)),
        Measured("f(4)", "0.30000000000000004", lines=(1, 2, 9)),
        Measured("f(0)", error="KeyError", is_known=True, lines=(1, 3, 4)),
        Measured("f('')", error="TypeError", is_known=True, lines=(1,)),
    ]
    assert [one.call for one in calls._picked(measured, {"KeyError"})] == ["f(1)", "f(3)", "f(0)"]
    assert calls._picked(measured[:2], set()) == [], "always the same says too little"
    assert calls._picked(measured[4:], {"KeyError"}) == []
    alike = [Measured(f"f({n})", str(n), lines=(1, 2)) for n in range(6)]
    assert [one.call for one in calls._picked(alike, set())] == ["f(0)", "f(1)", "f(2)"]


def test_a_long_value_stands_on_several_lines() -> None:
    long = "x" * 40
    value = repr({"name": long, "items": [1, (2, 3)], "note": long})
    lines = calls._asserted(Measured("f(1)", value))
    assert lines[0] == "    assert f(1) == {"
    assert lines[2] == "        'items': [1, (2, 3)],"
    assert ast.literal_eval("\n".join(["{", *lines[1:]])) == ast.literal_eval(value)
    assert calls._asserted(Measured("f(1)", "{'a': 1}")) == ["    assert f(1) == {'a': 1}"]
    assert calls._asserted(Measured("f(1)", repr(3 * long))) == [f"    assert f(1) == '{3 * long}'"]


@pytest.mark.parametrize(
    ("text", "exported"),
    [
        ("export default function clip() {}", "default"),
        ("function clip() {}\nexport default clip;", "default"),
        ("export { a, clip as shorten };", "shorten"),
        ("module.exports = { a, shorten: clip }", "shorten"),
        ("exports.shorten = clip", "shorten"),
        ("module.exports = { clip }", ""),
        ("export function clip() {}", ""),
        ("module.exports = { shorten: clipped }", ""),
    ],
)
def test_what_a_module_exports_a_name_as(text: str, exported: str) -> None:
    assert suite.exported_as(text, "clip") == exported


SEEN = [
    (
        "class A {\n  static void d(String m) {⟦⟧\n    if (ON) {\n      Log.d(TAG, m);\n    }\n  }\n}\n",
        "Log.d",
    ),
    ("class A {\n  void d(List<String> m) {⟦⟧\n    if (ON) {\n      m.add(TAG);\n    }\n  }\n}\n", ""),
    ("class A {\n  void d(String m) {⟦⟧\n    Log l = this.log;\n    l.d(TAG, m);\n  }\n}\n", ""),
    ("class A {\n  void d(String m) {⟦⟧\n    this.m = m;\n    Log.d(TAG, m);\n  }\n}\n", ""),
    ("class A {\n  String d(String m) {⟦⟧\n    Log.d(TAG, m);\n    return m;\n  }\n}\n", ""),
    ("class A {\n  void d(String m) {⟦⟧\n    Log.d(TAG, m);\n    throw new E(m);\n  }\n}\n", ""),
]


@pytest.mark.parametrize(("java", "called"), SEEN)
async def test_what_only_calls_others_shows_a_test_nothing(java: str, called: str) -> None:
    speaker = Speaker(*["```java\n@Test\nvoid d() { A.d(1); }\n```"] * 2)
    found = await runner.run(task("test", java, language="java", path="A.java"), session(speaker))
    assert (found == Refused("no_result", called)) is bool(called), found
    assert bool(speaker.prompts) is not bool(called)
