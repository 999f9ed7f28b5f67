"""Tests that need no run: how a function leaves first, by its own values; and what cannot compile."""

from __future__ import annotations

from pathlib import Path

import pytest

from qwen_lsp.actions import compiled_tests, guard_tests, imports
from qwen_lsp.actions import run as runner
from qwen_lsp.actions.suite import Suite
from qwen_lsp.actions.target import Target, choose
from qwen_lsp.actions.task import Proposal, Refused
from tests.support.chatting import Speaker, session, task

PLACE = Suite("x", None, "node:test", "", "", "")


def target_of(language: str, text: str, path: str = "a", root: str = "") -> Target:
    asked = task("test", text, language=language, path=path, root=root)
    found = choose(asked, "definition")
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("language", "text", "lines"),
    [
        (
            "go",
            "package a\ntype L[T any] struct {\n\titems []T\n}\n"
            "func (l *L[T]) Len() int {⟦⟧\n\tif l == nil {\n\t\treturn 0\n\t}\n"
            "\treturn len(l.items)\n}\n",
            [
                "func TestL_Len_Nil(t *testing.T) {",
                "\tvar value *L[int]",
                "\tgot := value.Len()",
                "\tif got != 0 {",
            ],
        ),
        (
            "go",
            "package a\nfunc f(ctx context.Context, c *string, n ...int) (map[string]any, error) {⟦⟧\n"
            '\tif c == nil || *c == "" {\n\t\treturn nil, errors.New("no")\n\t}\n\treturn g(c)\n}\n',
            ["\tgot, err := f(context.Background(), nil)", "\tif got != nil {", "\tif err == nil {"],
        ),
        (
            "go",
            "package a\ntype h struct {\n\tx []int\n}\n"
            'func (h h) A() string {⟦⟧\n\tif len(h.x) == 0 {\n\t\treturn "none"\n\t}\n\treturn "b"\n}\n',
            ["\tvalue := h{}", '\tif got != "none" {'],
        ),
        (
            "java",
            "class A {\n  static String f(String x, int n) {⟦⟧\n    if (x == null) return null;\n"
            "    return x + n;\n  }\n}\n",
            ["class ATest {", "    void fWithNull() {", "        assertNull(A.f(null, 0));"],
        ),
        (
            "java",
            "class A {\n  static int f(Object x) {⟦⟧\n    if (x == null) {\n"
            '      throw new IllegalArgumentException("x");\n    }\n    return 1;\n  }\n}\n',
            ["        assertThrows(IllegalArgumentException.class, () -> A.f(null));"],
        ),
        (
            "javascript",
            "function f (a, b) {⟦⟧\n  if (!b) return false\n  return g(a, b)\n}\nmodule.exports = f\n",
            [
                "test('f without b', () => {".replace("'", '"'),
                "  assert.strictEqual(f({}, undefined), false)",
            ],
        ),
        (
            "typescript",
            "export function f(a: X, b?: B): number {⟦⟧\n  if (b === undefined) {\n    return 0;\n  }\n"
            "  return g(a, b);\n}\n",
            ["  assert.strictEqual(f({} as any, undefined), 0);"],
        ),
    ],
)
def test_what_a_function_does_first(language: str, text: str, lines: list[str]) -> None:
    written = guard_tests.tests(target_of(language, text), PLACE).split("\n")
    assert [line for line in lines if line not in written] == []


@pytest.mark.parametrize(
    ("language", "text"),
    [
        # no literal comes back; another condition; a type whose zero nobody knows; an earlier statement
        (
            "go",
            "package a\nfunc f(c []int) []int {⟦⟧\n\tif len(c) == 0 {\n\t\treturn c\n\t}\n\treturn nil\n}\n",
        ),
        ("go", "package a\nfunc f(c []int) int {⟦⟧\n\tif g(c) {\n\t\treturn 0\n\t}\n\treturn 1\n}\n"),
        (
            "go",
            "package a\nfunc f(c []int, p q.T) int {⟦⟧\n\tif c == nil {\n\t\treturn 0\n\t}\n\treturn 1\n}\n",
        ),
        (
            "go",
            "package a\nfunc f(c []int) int {⟦⟧\n\tg()\n\tif c == nil {\n\t\treturn 0\n\t}\n\treturn 1\n}\n",
        ),
        ("go", "package a\nfunc (t T) f() int {⟦⟧\n\tif t.x == 0 {\n\t\treturn 0\n\t}\n\treturn 1\n}\n"),
        (
            "go",
            "package a\nfunc f(a *int) int {⟦⟧\n\tif a == nil && g() {\n\t\treturn 0\n\t}\n\treturn 1\n}\n",
        ),
        ("java", "class A {\n  int f(String x) {⟦⟧\n    if (x == null) return 0;\n    return 1;\n  }\n}\n"),
        (
            "java",
            "class A {\n  static int f(X x) {⟦⟧\n    if (x == null) return 0;\n    return 1;\n  }\n"
            "  static int f(Y x) {\n    return 1;\n  }\n}\n",
        ),
        (
            "javascript",
            "function f (a) {⟦⟧\n  if (a === 'b') return false\n  return g(a)\n}\nmodule.exports = f\n",
        ),
    ],
)
def test_what_is_not_certain(language: str, text: str) -> None:
    assert guard_tests.tests(target_of(language, text), PLACE) == ""


async def test_a_certain_test_needs_no_model_and_brings_its_imports(tmp_path: Path) -> None:
    text = (
        'package a\n\nimport (\n\t"context"\n)\n\nfunc f(ctx context.Context, c *string) error {⟦⟧\n'
        "\tif c == nil {\n\t\treturn nil\n\t}\n\treturn g(c)\n}\n"
    )
    (tmp_path / "a.go").write_text(text.replace("⟦⟧", ""))
    asked = task("test", text, language="go", path="a.go", root=str(tmp_path))
    found = await runner.run(asked, session(Speaker()))
    assert isinstance(found, Proposal), found
    assert found.other is not None
    written = found.other.edits[0].new_text
    assert written.startswith('package a\n\nimport "context"\nimport "testing"\n'), written
    assert "err := f(context.Background(), nil)" in written
    (tmp_path / "a_test.go").write_text("package a_test\n")
    found = await runner.run(asked, session(Speaker("```go\n```", "```go\n```")))
    assert isinstance(found, Refused), "another package cannot see it"


GO = (
    "package a\n\nvar order = []string{}\n\ntype T struct {\n\tname string\n}\n\n"
    "func Rank(key string) int {⟦⟧\n\tif true {\n\t\treturn 1\n\t}\n\treturn len(order)\n}\n"
)


@pytest.mark.parametrize(
    ("test", "wrong"),
    [
        ('got := Rank("a")\n\tif got != 1 {\n\t\tt.Fatal(got)\n\t}', []),
        ('v := T{name: "a"}\n\tif Rank(v.name) != 1 {\n\t\tt.Errorf("x")\n\t}', []),
        (
            'order := []string{"a"}\n\tif Rank(order[0]) != 1 {\n\t\tt.Fatal(1)\n\t}',
            ["order of the package is another"],
        ),
        ('got := Rank("a")', ["got is not used"]),
        ("if Rank(Missing) != 1 {\n\t\tt.Fatal(1)\n\t}", ["Missing"]),
        (
            'want := errors.New("a")\n\tif err := Rank("a"); err != want {\n\t\tt.Fatal(err)\n\t}',
            ["errors.New, which equals no other error"],
        ),
        ('var mu sync.Mutex\n\tmu.Lock()\n\tif Rank("a") != 1 {\n\t\tt.Fatal(1)\n\t}', ["Lock"]),
        (
            "for _, one := range []struct {\n\t\tkey  string\n\t\twant *int\n\t}{} {\n"
            "\t\tif Rank(one.key) != *one.want {\n\t\t\tt.Fatal(one.want)\n\t\t}\n\t}",
            [],
        ),
        ("v := T{}\n\tif Rank(v.title) != 1 {\n\t\tt.Fatal(1)\n\t}", ["title"]),
        (
            "for _, one := range []int{1} {\n\t\tif Rank(strings.Repeat(`a`, one)) != 1 {\n"
            "\t\t\tt.Fatal(one)\n\t\t}\n\t}",
            [],
        ),
    ],
)
def test_what_a_go_test_may_use(test: str, wrong: list[str]) -> None:
    target = target_of("go", GO)
    body = f"func TestRank(t *testing.T) {{\n\t{test}\n}}"
    assert compiled_tests.unknown(target, body) == wrong
    assert compiled_tests.needed(target, body) == [
        f'import "{name}"' for name in ("strings", "errors", "sync") if f"{name}." in test
    ]


def test_a_go_test_without_what_its_package_has() -> None:
    written = (
        "type T struct {\n\tname string\n}\n\nfunc TestOther(t *testing.T) {\n\tOther()\n}\n\n"
        "func TestRank(t *testing.T) {\n\tv := a.T{}\n\tw := strings.T{}\n\tRank(v.name, w)\n}\n"
    )
    assert compiled_tests.cleaned(target_of("go", GO), written) == (
        "func TestRank(t *testing.T) {\n\tv := T{}\n\tw := strings.T{}\n\tRank(v.name, w)\n}"
    )
    only = "type U struct {\n}\n\nfunc TestOther(t *testing.T) {\n\tOther()\n}"
    assert compiled_tests.cleaned(target_of("go", GO), only) == only


def test_what_a_java_test_may_use(tmp_path: Path) -> None:
    (tmp_path / "Url.java").write_text("class Url {\n  private Url(Uri a) {}\n  Url(Uri a, int b) {}\n}\n")
    (tmp_path / "Base.java").write_text("abstract class Base {\n}\n")
    text = "package p;\n\nimport q.Uri;\n\nclass A {\n  int f(Url u) {⟦⟧\n    return 1;\n  }\n}\n"
    target = target_of("java", text, "A.java", str(tmp_path))

    def unknown(line: str) -> list[str]:
        return compiled_tests.unknown(target, f"class ATest {{\n  @Test\n  void f() {{\n    {line}\n  }}\n}}")

    assert unknown("assertEquals(1, new A().f(new Url(null, 2)));") == []
    assert unknown('new A().f(new Url("a"));') == ["new Url with 1 arguments"]
    assert unknown("new A(1).f(null);") == ["new A with 1 arguments"]
    assert unknown("new Base();") == ["new Base with 0 arguments"]
    assert unknown('Uri u = Uri.parse("Nobody"); List<String> l = null;') == []
    assert unknown("Nobody.f();") == ["Nobody"]
    assert compiled_tests.needed(target, "Uri u; List<A> l;") == ["import q.Uri;", "import java.util.List;"]


async def test_android_needs_a_device(tmp_path: Path) -> None:
    text = (
        "package p;\n\nimport android.net.Uri;\n\npublic class A {\n  public String f(Uri u) {⟦⟧\n"
        "    if (u.a()) {\n      return u.b();\n    }\n    return null;\n  }\n\n"
        "  public String g(String u) {\n    return u;\n  }\n}\n"
    )
    (tmp_path / "A.java").write_text(text.replace("⟦⟧", ""))
    asked = task("test", text, language="java", path="A.java", root=str(tmp_path))
    found = await runner.run(asked, session(Speaker("unused")))
    assert found == Refused("needs_device", "Uri")
    (tmp_path / "build.gradle").write_text("testImplementation 'org.robolectric:robolectric:4.9'\n")
    assert compiled_tests.stand_ins(target_of("java", text, "A.java", str(tmp_path))) == []
    other = text.replace("⟦⟧", "").replace("g(String u) {", "g(String u) {⟦⟧")
    assert compiled_tests.stand_ins(target_of("java", other, "A.java")) == []


async def test_imports_of_a_new_go_file_stand_below_its_package(tmp_path: Path) -> None:
    text = GO.replace("⟦⟧", "")
    (tmp_path / "a.go").write_text(text)
    answer = (
        'package a\n\nimport (\n\t"strings"\n\t"testing"\n)\n\nfunc TestRank(t *testing.T) {\n'
        '\tif Rank(strings.Repeat("a", 2)) != 1 {\n\t\tt.Fatal("wrong")\n\t}\n}\n'
    )
    asked = task("test", GO, language="go", path="a.go", root=str(tmp_path))
    found = await runner.run(asked, session(Speaker(answer)))
    assert isinstance(found, Proposal), found
    assert found.other is not None
    written = found.other.edits[0].new_text
    assert written.startswith('package a\n\nimport "strings"\nimport "testing"\n'), written
    assert "import (" not in written


def test_a_block_of_imports_one_by_one() -> None:
    assert imports.one_by_one('import (\n\t"a"\n\n\tb "c/d" // why\n)\nx') == 'import "a"\nimport b "c/d"\nx'
    assert imports.in_head('import { a } from "b";\n', ["import c"]) == 'import c\nimport { a } from "b";\n'
