"""Documentation of constructors, and of what acts on a condition: what is certain is said by rule."""

from __future__ import annotations

import json

import pytest

from qwen_lsp.actions import claims, conditions, constructors
from qwen_lsp.actions import run as runner
from qwen_lsp.actions.task import Proposal, Refused, apply
from qwen_lsp.messages import Locale
from qwen_lsp.syntax import code, contract, guarded, languages
from qwen_lsp.syntax.code import Definition, Source
from qwen_lsp.syntax.guarded import Guard
from tests.support.chatting import Speaker, session, task

JAVA = """class Files extends Base {
    private final Context context;

    public Files(Context context, Api api, int size) {
        super(Uri.parse("x"), api);
        this.context = context;
        log(size);
    }
}
"""


def last(language: str, text: str) -> tuple[Source, Definition]:
    source = code.parse(text, languages.find(language, ""))
    assert source is not None
    return source, [one for one in source.definitions() if one.is_function][-1]


@pytest.mark.parametrize(
    ("language", "text", "kept", "passed", "base"),
    [
        ("java", JAVA, {"context": "context"}, ("api",), "Base"),
        (
            "python",
            "class A(b.B):\n    def __init__(self, name, func, n=1):\n        super().__init__(n)\n"
            "        self.name = name\n        self._f: int = func\n        # self.n = n\n",
            {"name": "name", "func": "_f"},
            ("n",),
            "B",
        ),
        (
            "javascript",
            "class A { constructor (a, b) { this.a = a || {}; this.b = b.c } }\n",
            {"a": "a"},
            (),
            "",
        ),
        ("typescript", "class A { constructor(private readonly a: X, b: Y) { f(b) } }\n", {"a": "a"}, (), ""),
        (
            "java",
            "class A {\n  static X x;\n  A(X y) {\n    super(x);\n    x = y;\n  }\n}\n",
            {"y": "x"},
            (),
            "",
        ),
        (
            "javascript",
            "function A (id, context) {\n  this.id = id\n  this[kContext] = context\n}\n",
            {"id": "id", "context": "kContext"},
            (),
            "",
        ),
        ("javascript", "class A { constructor (a) { const b = a; f(b) } }\n", {}, (), ""),
    ],
)
def test_what_becomes_of_parameters(
    language: str, text: str, kept: dict[str, str], passed: tuple[str, ...], base: str
) -> None:
    source, made = last(language, text)
    promise = contract.of(source, made)
    assert promise is not None
    assert constructors.made_by(source, made)
    assert constructors.use_of(source, made, promise.parameters) == constructors.Use(kept, passed, base)


def test_a_method_makes_nothing() -> None:
    assert not constructors.made_by(*last("python", "class A:\n    def f(self, a):\n        self.a = a\n"))


@pytest.mark.parametrize(
    ("kept", "passed", "locale", "said"),
    [
        ("ab", "", "en", "Create a C that keeps a and b."),
        ("a", "bc", "en", "Create a C that keeps a and passes b and c on to B."),
        ("abcdefghi", "", "en", "Create a C that keeps a, b, c, d, e, f and 3 more."),
        ("", "", "en", ""),
        ("ab", "c", "zh", "创建 C 实例，保存 a 和 b，并将 c 传给父类 B"),
    ],
)
def test_what_a_constructor_is_said_to_do(kept: str, passed: str, locale: Locale, said: str) -> None:
    use = constructors.Use({name: name for name in kept}, tuple(passed), "B")
    first = "创建 C 实例，" if locale == "zh" else "Create a C"
    assert constructors.summary(use, first, locale) == said


async def test_a_constructor_is_described_by_its_body() -> None:
    text = JAVA.replace("int size) {", "int size) {⟦⟧").replace("log(size);", "log(size);\n" * 5)
    answer = json.dumps(
        {"parameters": {"context": "Where files are looked for.", "api": "The api.", "size": "Of"}}
    )
    found = await runner.run(task("docstring", text, language="java"), session(Speaker(answer)))
    assert isinstance(found, Proposal), found
    written = apply(text.replace("⟦⟧", ""), found.edits)
    assert "     * Creates a Files that keeps context and passes api on to Base.\n" in written
    assert "@param api Passed on to Base." in written, "what explains itself becomes what is certain"
    assert "@param context Where files are looked for." in written


async def test_a_constructor_without_parameters_worth_a_word_needs_no_model() -> None:
    text = "class A:\n    def _f(self):\n        pass\n\n    def __init__(self, a):⟦⟧\n        self.a = a\n"
    speaker = Speaker("unused")
    found = await runner.run(task("docstring", text), session(speaker))
    assert isinstance(found, Proposal), found
    assert '"""Create an A that keeps a."""' in found.edits[0].new_text


@pytest.mark.parametrize("locale", ["en", "zh"])
async def test_a_constructor_of_which_nothing_else_is_certain(locale: Locale) -> None:
    body = "        self.c = a + b\n        self.d = {}\n        f(b)\n"
    text = f"class A:\n    def __init__(self, a, b):⟦⟧\n{body}"
    empty = "Initialize the A." if locale == "en" else "初始化 A 实例，处理相关参数。"
    found = await runner.run(task("docstring", text, locale=locale), session(Speaker(empty, empty)))
    assert isinstance(found, Proposal), found
    said = "Create an A from a and b." if locale == "en" else "根据 a 和 b 创建 A 实例"
    assert said in found.edits[0].new_text
    good = "Create an A that adds a to b." if locale == "en" else "创建 A 实例，将 a 与 b 相加后保存。"
    found = await runner.run(task("docstring", text, locale=locale), session(Speaker(good)))
    assert isinstance(found, Proposal), found
    assert good.rstrip("。") in found.edits[0].new_text


async def test_the_class_says_what_a_field_is() -> None:
    text = (
        "class Doc {\n  /** Bindings that the code closes over. */\n  closed: string[];\n  args: string[];\n"
        "  constructor(args: string[], closed: string[]) {⟦⟧\n    this.args = args;\n"
        "    this.closed = closed;\n"
        "    this.a();\n    this.b();\n    this.c();\n  }\n}\n"
    )
    answer = json.dumps({"parameters": {"args": "What the code is called with.", "closed": "Invented."}})
    asked = task("docstring", text, language="typescript")
    found = await runner.run(asked, session(Speaker(answer)))
    assert isinstance(found, Proposal), found
    assert "@param closed - Bindings that the code closes over." in found.edits[0].new_text
    assert "@param args - What the code is called with." in found.edits[0].new_text


@pytest.mark.parametrize(
    ("language", "text", "wanted"),
    [
        (
            "java",
            "class A {\n  void f(X x) {\n    if (x != null) {\n      g(x);\n    }\n  }\n}\n",
            Guard("x != null", True),
        ),
        (
            "go",
            "package a\nfunc (t T) F() {\n\tif t == nil {\n\t\treturn\n\t}\n\tt()\n}\n",
            Guard("t == nil", False),
        ),
        ("python", 'def f(a):\n    """Do."""\n    if a:\n        g()\n', Guard("a", True)),
        ("python", "def f(a):\n    if a:\n        g()\n    else:\n        h()\n", None),
        ("python", "def f(a):\n    if a:\n        g()\n    h()\n", None),
        ("python", "def f(a):\n    if a:\n        raise ValueError\n", None),
        ("python", "def f(a):\n    if a:\n        return 1\n    return 2\n", None),
    ],
)
def test_the_condition_of_a_whole_function(language: str, text: str, wanted: Guard | None) -> None:
    assert guarded.of(*last(language, text)) == wanted


@pytest.mark.parametrize(
    ("summary", "guard", "locale", "language", "said"),
    [
        ("Adds it.", Guard("a != null", True), "en", "java", "Adds it, but only if a is not null."),
        ("Adds it.", Guard("a.b(c)", True), "en", "java", "Adds it, but only if {@code a.b(c)}."),
        ("Adds it.", Guard("a.b(c)", False), "en", "go", "Adds it. Does nothing if `a.b(c)`."),
        ("添加它。", Guard("a is None", False), "zh", "python", "添加它；a 为 None 时什么也不做。"),
        ("Adds it unless it is there.", Guard("a.b(c)", True), "en", "go", "Adds it unless it is there."),
        ("如果没有则添加。", Guard("a.b(c)", True), "zh", "go", "如果没有则添加。"),
        ("Adds it.", Guard("a" * 80, True), "en", "go", "Adds it."),
        ("Adds it.", None, "en", "go", "Adds it."),
    ],
)
def test_a_summary_says_the_condition(
    summary: str, guard: Guard | None, locale: Locale, language: str, said: str
) -> None:
    assert conditions.with_condition(summary, guard, locale, language, is_third=True) == said


@pytest.mark.parametrize(
    ("name", "description", "is_empty"),
    [
        ("dataVar", "表示数据变量的字符串", True),
        ("name", "要添加的属性的名称", False),
        ("context", "The context object.", True),
        ("fileName", "The name of the file.", True),
        ("name", "The name to register it under.", False),
        ("a", "It.", False),
    ],
)
def test_what_explains_itself(name: str, description: str, *, is_empty: bool) -> None:
    assert claims.explains_itself(name, description) is is_empty


async def test_a_class_that_the_function_does_not_name_is_refused() -> None:
    body = "".join(f"        total += {n};\n" for n in range(6))
    head = "class Files extends CordovaPlugin {\n    void add(Fs fs) {⟦⟧\n"
    text = f"{head}{body}        list.add(fs);\n    }}\n}}\n"
    wrong = json.dumps(
        {"summary": "Adds a file system to the CordovaPlugin.", "parameters": {"fs": "What to add."}}
    )
    found = await runner.run(task("docstring", text, language="java"), session(Speaker(wrong, wrong, wrong)))
    assert isinstance(found, Refused)
    right = wrong.replace("CordovaPlugin", "list")
    found = await runner.run(task("docstring", text, language="java"), session(Speaker(right)))
    assert isinstance(found, Proposal), found


async def test_a_sentence_longer_than_its_function_is_asked_for_shorter() -> None:
    text = "class A {\n  void f() {⟦⟧\n    this.state = 1;\n    this.close();\n  }\n}\n"
    long = "Sets the state of the whole to one " + "and then closes it " * 12 + "."
    speaker = Speaker(long, "Sets the state and closes.")
    found = await runner.run(task("docstring", text, language="java"), session(speaker))
    assert isinstance(found, Proposal), found
    assert "/** Sets the state and closes. */" in found.edits[0].new_text
    found = await runner.run(task("docstring", text, language="java"), session(Speaker(long, long)))
    assert isinstance(found, Proposal), "a long sentence is better than none"
