"""Actions that write less than the region: documentation, annotations, names, translations, tests."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from qwen_lsp.action_settings import CustomAction
from qwen_lsp.actions import annotate, node_assertions
from qwen_lsp.actions import run as runner
from qwen_lsp.actions.task import (
    KINDS,
    Explanation,
    Outcome,
    Proposal,
    Refused,
    RepositoryContext,
    Task,
    apply,
)
from qwen_lsp.messages import text
from qwen_lsp.text import Document, Span, has_han
from tests.support.chatting import Speaker, session, task


async def outcome(asked: Task, *answers: str) -> Outcome:
    return await runner.run(asked, session(Speaker(*answers)))


async def result(asked: Task, *answers: str) -> str:
    found = await outcome(asked, *answers)
    assert isinstance(found, Proposal), found
    return apply(asked.document.text, found.edits)


DOCUMENTED = [
    ("python", "def f(a):⟦⟧\n    return a\n", 'def f(a):\n    """Give it back."""\n    return a\n'),
    ("python", "def f(a): return⟦⟧ a\n", 'def f(a):\n    """Give it back."""\n    return a\n'),
    ("python", "class A:\n\tx⟦⟧ = 1\n", 'class A:\n\t"""Give it back."""\n\tx = 1\n'),
    (
        "python",
        "def f(a):\r\n    # one\r\n    return⟦⟧ a\r\n",
        'def f(a):\r\n    """Give it back."""\r\n    # one\r\n    return a\r\n',
    ),
    ("python", "@d\ndef f(a: dict[str, int]) -> int:  # odd: yes\n    return⟦⟧ a\n", None),
    (
        "typescript",
        "  function f(a) {⟦⟧ return a }\n",
        "  /** Give it back. */\n  function f(a) { return a }\n",
    ),
    ("go", "func F(a int) int {⟦⟧ return a }\n", "// F give it back.\nfunc F(a int) int { return a }\n"),
    ("rust", "fn f(a: i32) -> i32 {⟦⟧ a }\n", "/// Give it back.\nfn f(a: i32) -> i32 { a }\n"),
    ("java", "class A {\n  int f(int a) {⟦⟧ return a; }\n}\n", None),
    ("ruby", "def f(a)\n  a⟦⟧\nend\n", "# Give it back.\ndef f(a)\n  a\nend\n"),
    (
        "lua",
        "local function f(a)\n  return⟦⟧ a\nend\n",
        "--- Give it back.\nlocal function f(a)\n  return a\nend\n",
    ),
    ("csharp", "class A { int F(int a) {⟦⟧ return a; } }\n", None),
    ("cpp", "int f(int a) {⟦⟧ return a; }\n", "/** Give it back. */\nint f(int a) { return a; }\n"),
]


@pytest.mark.parametrize(("language", "before", "after"), DOCUMENTED)
async def test_documentation_in_each_language_s_way(language: str, before: str, after: str | None) -> None:
    asked = task("docstring", before, language=language, path="code")
    text = await result(asked, "Give it back.")
    assert "ive it back." in text
    if after is not None:
        assert text == after


@pytest.mark.parametrize(
    "answer",
    [
        '"""Give it back."""',
        '```python\n"""Give it back."""\n```',
        "/** Give it back. */",
        "# Give it back.",
        "**Documentation:** Give it back.",
        'def f(a):\n    """Give it back."""\n    return a',
    ],
)
async def test_marks_that_come_along_are_taken_off(answer: str) -> None:
    text = await result(task("docstring", "def f(a):⟦⟧\n    return a\n"), answer)
    assert text == 'def f(a):\n    """Give it back."""\n    return a\n'


async def test_documentation_is_streamed_as_it_will_stand() -> None:
    asked = task("docstring", "def f(a):⟦⟧\n    return a\n")
    heard: list[tuple[Span, str]] = []
    speaker = Speaker("Give back what was given.")
    await runner.run(
        asked, session(speaker, lambda span, text: heard.append((span, text))), RepositoryContext()
    )
    assert {span for span, _ in heard} == {Span(10, 10)}
    assert heard[0][1] == '    """Give ba"""\n'
    assert heard[-1][1] == '    """Give back what was given."""\n'


async def test_documentation_that_would_end_its_own_string() -> None:
    text = await result(
        task("docstring", "def f(a):⟦⟧\n" + 8 * "    a += 1\n" + "    return a\n"),
        'Say "hello" to C:\\new, or """.\n\nArgs:\n    a: It.',
    )
    compile(text, "f", "exec")
    assert "C:\\\\new" in text
    assert '\n        a: It.\n    """\n    a += 1\n' in text


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ("I'm sorry, I can't.", "refusal"),
        ("返回它。", "language"),
        ("", "empty"),
        ("return a + 1", "chatter"),
    ],
)
async def test_documentation_that_is_none(answer: str, why: str) -> None:
    found = await outcome(task("docstring", "def f(a):⟦⟧\n    return a\n"), answer, answer)
    assert isinstance(found, Refused)
    assert found.reason == why


async def test_documentation_in_chinese_after_an_english_answer() -> None:
    asked = task("docstring", "def f(a):⟦⟧\n    return a\n", locale="zh")
    assert "原样返回参数。" in await result(asked, "Gives the argument back as it is.", "原样返回参数。")


ANNOTATED = [
    (
        "python",
        "def f(a, b=1):⟦⟧\n    return a\n",
        ": str, b: int = 1) -> str:\n    return a",
        "def f(a: str, b: int = 1) -> str:\n    return a\n",
    ),
    (
        "python",
        "import os\n\ndef f(a):⟦⟧\n    return a\n",
        " : Optional[List[int]] )->Any:",
        "import os\nfrom typing import Any, Optional\n\n"
        "def f(a: Optional[list[int]]) -> Any:\n    return a\n",
    ),
    (
        "python",
        "class A:\n    async def f(self, a,\n        b):⟦⟧\n        return a\n",
        ": int, b: int) -> int:",
        "class A:\n    async def f(self, a: int,\n        b: int) -> int:\n        return a\n",
    ),
    (
        "python",
        "class A:\n⟦    def f(self, a):\n        return a\n⟧",
        ": int) -> int:",
        "class A:\n    def f(self, a: int) -> int:\n        return a\n",
    ),
    (  # it returns something: a type that says nothing is left out
        "python",
        "def f(a):⟦⟧\n    def g():\n        a.b = 1\n    return g\n",
        ": int) -> None:",
        "def f(a: int):\n    def g():\n        a.b = 1\n    return g\n",
    ),
    (  # of each, not of what holds them
        "python",
        "import os\n\nclass A:\n    def __init__(self, *args, **kw):⟦⟧\n        self.a = kw\n",
        ": tuple, **kw: dict) -> None:",
        "import os\nfrom typing import Any\n\nclass A:\n"
        "    def __init__(self, *args: Any, **kw: Any) -> None:\n        self.a = kw\n",
    ),
    (
        "python",
        "class A:\n    def __init__(self, *args, **kw):⟦⟧\n        self.a = kw\n",
        ": tuple[str, ...], **kw: Dict[str, int]) -> None:",
        "class A:\n    def __init__(self, *args: str, **kw: int) -> None:\n        self.a = kw\n",
    ),
    (
        "python",
        "class A:\n    def f(self, *args, **kw):⟦⟧\n        self.a = kw\n",
        ": dict[str, int], **kw: list[int]) -> None:",
        "class A:\n    def f(self, *args: dict[str, int], **kw: list[int]) -> None:\n        self.a = kw\n",
    ),
    (
        "typescript",
        "export function f(a, b) {⟦⟧\n  return a;\n}\n",
        ": number, b: number): number {",
        "export function f(a: number, b: number): number {\n  return a;\n}\n",
    ),
]


@pytest.mark.parametrize(("language", "before", "answer", "after"), ANNOTATED)
async def test_annotations(language: str, before: str, answer: str, after: str) -> None:
    assert await result(task("types", before, language=language, path="code"), answer) == after


@pytest.mark.parametrize(
    "answer", ["x: int) -> int:", ": int, b: int) -> int:", ": Unheard) -> Unheard:", "a", "a=1):", ""]
)
async def test_annotations_that_change_the_code(answer: str) -> None:
    found = await outcome(task("types", "def f(a):⟦⟧\n    return a\n"), answer, answer)
    assert isinstance(found, Refused)


def test_types_have_the_dollar_sign_that_the_file_writes() -> None:
    file = "import * as core from 'core';\nconst a = {} as core.$Def;\nclass Kept {}\n"
    assert annotate.as_the_file_writes("core.Def | Kept | Other", file) == "core.$Def | Kept | Other"


RENAMED = [
    (
        "javascript",
        "function f(o) {⟦⟧\n  const t = g()\n  return { a: t, b: o.t }\n}\n",
        "{ a: total, b: o.t }",
    ),
    ("javascript", "function f() {⟦⟧\n  const t = g()\n  return { t }\n}\n", ""),
    ("javascript", "let t = 0\nfunction f() {⟦⟧\n  t = 1\n  return t\n}\n", ""),
    ("python", "t = 0\ndef f():⟦⟧\n    global t\n    t = 1\n    return t\n", ""),
    ("python", "def f():⟦⟧\n    t = 1\n    return g(t=t)\n", "return g(t=total)"),
    ("go", "package a\n\nfunc f() T {⟦⟧\n\tt := g()\n\treturn T{t: t}\n}\n", ""),
    ("go", "package a\n\nfunc f() T {⟦⟧\n\tt := g()\n\treturn T{a: t}\n}\n", "T{a: total}"),
    ("java", "class A {\n  int f() {⟦⟧\n    int t = t();\n    return t;\n  }\n}\n", ""),
    ("rust", 'fn f() {⟦⟧\n    let t = g();\n    println!("{t}");\n}\n', ""),
]


@pytest.mark.parametrize(("language", "code", "written"), RENAMED)
async def test_a_name_that_means_more_than_the_variable_stays(language: str, code: str, written: str) -> None:
    asked = task("rename", code, language=language, path="code")
    found = await outcome(asked, '{"t": "total"}')
    if not written:
        assert isinstance(found, Refused), found
    else:
        assert isinstance(found, Proposal), found
        assert written in apply(asked.document.text, found.edits)


async def test_names() -> None:
    code = "def f(prices):\n    t = 0\n    for p in prices:⟦⟧\n        t += p.t + g(t=t)\n    return t, 't'\n"
    text = await result(task("rename", code), '{"t": "totalPrice", "p": "price", "prices": "x", "q": "y"}')
    assert text == (
        "def f(prices):\n    total_price = 0\n    for price in prices:\n"
        "        total_price += price.t + g(t=total_price)\n    return total_price, 't'\n"
    )


@pytest.mark.parametrize(
    "answer", ["", "[]", "{", '{"t": 3}', '{"t": "list"}', '{"t": "prices"}', '{"t": "1x y"}', '{"t": "def"}']
)
async def test_names_that_are_none(answer: str) -> None:
    found = await outcome(task("rename", "def f(prices):⟦⟧\n    t = 0\n    return t\n"), answer)
    assert isinstance(found, Refused) or answer == '{"t": "1x y"}'


async def test_comments_are_translated_and_nothing_else() -> None:
    head = "def f(价格):⟦⟧\r\n    '''返回总价。\r\n\r\n    参数：价格\r\n    '''\r\n"
    code = f"{head}    # 先检查 😀\r\n    s = '不翻译'  # noqa: E501\r\n    return s\r\n"
    asked = task("translate", code)
    said = {
        "返回总价。": "Return the total.",
        "参数：价格": "Arguments: the price",
        "先检查 😀": "# Check first 😀",
    }
    speaker = Speaker(says=lambda prompt: next(new for old, new in said.items() if old in prompt))
    found = await runner.run(asked, session(speaker))
    assert isinstance(found, Proposal)
    text = apply(asked.document.text, found.edits)
    assert text == asked.document.text.replace("返回总价。", "Return the total.").replace(
        "参数：价格", "Arguments: the price"
    ).replace("先检查 😀", "Check first 😀")


@pytest.mark.parametrize("language", ["java", "go", "rust", "c", "php", "html"])
async def test_comments_of_other_languages(language: str) -> None:
    head = "<?php " if language == "php" else ""
    comment = "<!-- 计算总价 -->" if language == "html" else "/* 计算总价 */"
    asked = task("translate", f"⟦{head}{comment}⟧\n", language=language, path="code")
    assert await result(asked, "Compute the total") == f"{head}{comment}\n".replace(
        "计算总价", "Compute the total"
    )


@pytest.mark.parametrize("answer", ["计算", "I'm sorry, I cannot.", "It ends */ here", ""])
async def test_translations_that_are_none(answer: str) -> None:
    asked = task("translate", "⟦/* 计算总价 */⟧\nint a;\n", language="c", path="a.c")
    assert isinstance(await outcome(asked, answer, answer), Refused)


async def test_a_translation_is_heard_as_a_whole() -> None:
    asked = task("translate", "⟦# 先检查\nx = 1  # 再计算⟧\n")
    heard: list[tuple[Span, str]] = []
    speaker = Speaker("Check first", "Then add up")
    await runner.run(asked, session(speaker, lambda region, text: heard.append((region, text))))
    regions = {asked.document.text[span.start : span.end] for span, _ in heard}
    assert regions == {"先检查\nx = 1  # 再计算"}
    assert heard[-1][1] == "Check first\nx = 1  # Then add up"


async def test_nothing_to_translate() -> None:
    assert await outcome(task("translate", "⟦x = 1  # one\n⟧")) == Refused("nothing_to_do")


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "__init__.py").write_text("", "utf-8")
    (tmp_path / "tests").mkdir()
    return tmp_path


SHOP = "def total(prices):⟦⟧\n    return sum(prices)\n"
TEST = "import pytest\nfrom your_module import total\n\ndef test_total():\n    assert total([1]) == 1\n"


async def test_tests_in_a_new_file(shop: Path) -> None:
    found = await outcome(task("test", SHOP, path="shop/prices.py", root=str(shop)), TEST)
    assert isinstance(found, Proposal)
    assert found.other is not None
    assert found.other.path == "tests/test_prices.py"
    text = apply("", found.other.edits)
    assert text == ("from shop.prices import total\n\n\ndef test_total():\n    assert total([1]) == 1\n")


async def test_a_name_with_a_dollar_sign_is_found_in_its_tests(tmp_path: Path) -> None:
    code = "export class $Box {\n  open() {⟦⟧\n    if (this.a) {\n      this.b = 1\n    }\n  }\n}\n"
    (tmp_path / "box.ts").write_text(code.replace("⟦⟧", ""))
    test = (
        'test("open", () => {\n  const box = new $Box();\n  box.open();\n'
        "  assert.strictEqual(box.b, undefined);\n});"
    )
    found = await outcome(task("test", code, path="box.ts", language="typescript", root=str(tmp_path)), test)
    assert isinstance(found, Proposal), found
    found = await outcome(
        task("test", code, path="box.ts", language="typescript", root=str(tmp_path)),
        *2 * (test.replace("$Box", "Box"),),
    )
    assert found == Refused("no_test")


async def test_tests_that_use_more_of_the_module_and_of_others(shop: Path) -> None:
    code = f"{SHOP}\n\ndef tax(price):\n    return price\n"
    test = "def test_total():\n    assert total([tax(1), rate_of(2)]) == 3\n"
    known = RepositoryContext(
        importing=lambda name: "from shop.rates import rate_of" if name == "rate_of" else "",
        is_known=lambda name: name == "rate_of",
    )
    asked = task("test", code, path="shop/prices.py", root=str(shop))
    found = await runner.run(asked, session(Speaker(test, test)), known)
    assert isinstance(found, Proposal), found
    assert found.other is not None
    text = apply("", found.other.edits)
    for line in ("prices import tax", "rates import rate_of", "prices import total"):
        assert f"from shop.{line}\n" in text


NOT_REACHED = [
    ("python", "def f():\n    def g(a):⟦⟧\n        return a\n    return g\n", "src/a.py"),
    ("typescript", "export const f = 1;\nfunction g(a: number) {⟦⟧\n  return a;\n}\n", "src/a.ts"),
    ("javascript", "function g(a) {⟦⟧\n  return a\n}\nmodule.exports = { f }\n", "src/a.js"),
    ("typescript", 'const g = (a: B) => {⟦⟧\n  a.b();\n}\nexport const F = make("F", g);\n', "src/a.ts"),
    ("java", "class A {\n  private int g(int a) {⟦⟧\n    return a;\n  }\n}\n", "src/A.java"),
]


@pytest.mark.parametrize(("language", "code", "path"), NOT_REACHED)
async def test_no_test_can_call_it(shop: Path, language: str, code: str, path: str) -> None:
    found = await outcome(task("test", code, language=language, path=path, root=str(shop)))
    assert found == Refused("not_reachable", "g")


@pytest.mark.parametrize(
    ("code", "importing"),
    [
        (
            "function g(a) {⟦⟧\n  return a\n}\nmodule.exports = { f, g }\n",
            'const { g } = require("../a.js");',
        ),
        ("function g(a) {⟦⟧\n  return a\n}\nmodule.exports = g\n", 'const g = require("../a.js");'),
        ("exports.g = function (a) {⟦⟧\n  return a\n}\n", 'const { g } = require("../a.js");'),
        ("export function g(a) {⟦⟧\n  return a\n}\n", 'import { g } from "../a.js";'),
    ],
)
async def test_the_import_that_a_module_wants(shop: Path, code: str, importing: str) -> None:
    answer = "test('it', () => {\n  assert.strictEqual(g(1), 1);\n});\n"
    asked = task("test", code, language="javascript", path="a.js", root=str(shop))
    found = await outcome(asked, f"```javascript\n{answer}```")
    assert isinstance(found, Proposal), found
    assert found.other is not None
    text = apply("", found.other.edits)
    assert importing in text
    is_common = importing.startswith("const")
    assert ('require("node:test")' in text) == is_common
    assert ('from "node:test"' in text) != is_common


async def test_what_the_tested_file_imports(tmp_path: Path) -> None:
    code = (
        "const pino = require('pino')\nconst {\n  A,\n  B\n} = require('./errors')\n"
        "function g(a) {⟦⟧\n  return new A(pino(a))\n}\nmodule.exports = { g }\n"
    )
    answer = "test('it', () => {\n  expect(g(pino.of(1))).toEqual(new A(pino(1)));\n});\n"
    asked = task("test", code, language="javascript", path="lib/a.js", root=str(tmp_path))
    found = await outcome(asked, f"```javascript\n{answer}```")
    assert isinstance(found, Proposal), found
    assert found.other is not None
    text = apply("", found.other.edits)
    assert "const pino = require('pino');\n" in text
    assert "const { A } = require('./errors');\n" in text, "the test stands beside it"
    assert "assert.deepStrictEqual(g(pino.of(1)), new A(pino(1)));" in text


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("  expect(f(1)).toBe(2);", "  assert.strictEqual(f(1), 2);"),
        ("expect(f(')')).not.toEqual([1, (2)])", "assert.notDeepStrictEqual(f(')'), [1, (2)])"),
        ("expect(() => f(1)).toThrow(Error);", "assert.throws(() => f(1));"),
        ("expect(f(1)).toBeNull();", "assert.strictEqual(f(1), null);"),
        (
            "  expect(f(1)).toEqual({\n    a: ')',\n  });\n  expect(b).toBe(1);",
            "  assert.deepStrictEqual(f(1), {\n    a: ')',\n  });\n  assert.strictEqual(b, 1);",
        ),
        ("expect(f(1)", "expect(f(1)"),
        ("expect(f(1)).to.equal(2);", "assert.strictEqual(f(1), 2);"),
        ("expect(f(1)).to.not.be.true", "assert.notStrictEqual(f(1), true)"),
        ("expect(a).to.have.property('b');", "assert.ok('b' in a);"),
        ("expect(a).to.be.an.instanceOf(B);", "assert.ok(a instanceof B);"),
        ("expect(a).to.have.property('b', 1);", "expect(a).to.have.property('b', 1);"),
        ("expect(f(1)).toMatchSnapshot();", "expect(f(1)).toMatchSnapshot();"),
        ("expect(a).toBe(1); expect(b).toBe(2);", "expect(a).toBe(1); expect(b).toBe(2);"),
    ],
)
def test_assertions_in_the_words_of_node(line: str, wanted: str) -> None:
    assert node_assertions.converted(line) == wanted


async def test_tests_beside_those_that_are_there(shop: Path) -> None:
    there = "from shop.prices import tax\n\n\ndef test_total():\n    assert tax(1) == 2\n"
    (shop / "tests" / "test_prices.py").write_text(there, "utf-8")
    speaker = Speaker(TEST)
    asked = task("test", SHOP, path="shop/prices.py", root=str(shop))
    found = await runner.run(asked, session(speaker))
    assert isinstance(found, Proposal)
    assert found.other is not None
    assert found.other.document is not None
    text = apply(there, found.other.edits)
    compile(text, "tests", "exec")
    assert "def test_total_2():" in text
    assert text.startswith("from shop.prices import tax\nfrom shop.prices import total\n"), (
        "no import that nothing uses"
    )
    assert "assert tax(1) == 2" in speaker.prompts[0], "the project's own style is shown"


@pytest.mark.parametrize(
    "answer", ["x = 1", "def test_it():\n    assert True", SHOP.replace("⟦⟧", ""), "def test_total(:"]
)
async def test_tests_that_are_none(shop: Path, answer: str) -> None:
    found = await outcome(task("test", SHOP, path="shop/prices.py", root=str(shop)), answer, answer)
    assert isinstance(found, Refused)


async def test_an_action_of_the_user_s_own_that_only_says_something() -> None:
    custom = CustomAction(
        "risks", "Risks", "List the risks of this {language} code in {path}; {other}.", output="text"
    )
    speaker = Speaker("None that I see.")
    found = await runner.run(task("risks", SHOP, custom=custom), session(speaker))
    assert found == Explanation("None that I see.")
    assert "risks of this Python code in pkg/code.py; {other}." in speaker.prompts[0]


WIDE = """import os


def total(prices, rate=1):
    # 合计 😀
    for price in prices:
        if price:
            rate = rate + price
    return rate


名 = "表 😀"
"""


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("unit", ["    ", "\t"])
@pytest.mark.parametrize(
    ("kind", "answer", "selected"),
    [
        ("docstring", "Adds up 😀.\n\nArgs:\n    prices: All of them.", "total"),
        ("types", ": list[int], rate: int = 1) -> int:", "total"),
        ("translate", "Total 😀", "合计 😀"),
        ("rename", '{"price": "amount"}', "total"),
        (
            "extract",
            '{"name": "add_up"}',
            "    for price in prices:\n        if price:\n            rate = rate + price",
        ),
        (
            "fix",
            WIDE[WIDE.index("def") : WIDE.index("\n\n\n名")].replace("rate + price", "rate * price\n"),
            "rate = ",
        ),
        ("simplify", "for price in filter(None, prices):\n    rate += price\n```", "for price in prices:"),
    ],
)
async def test_line_ends_tabs_and_wide_characters_stay(
    kind: str, answer: str, selected: str, unit: str, ending: str
) -> None:
    def native(text: str) -> str:
        return text.replace("    ", unit).replace("\n", ending)

    lines = (
        selected if kind != "simplify" else WIDE[WIDE.index("    for") : WIDE.index("    return")].rstrip()
    )
    asked = task(kind, native(WIDE.replace(lines, f"⟦{lines}⟧", 1)))
    said = answer.replace("    ", unit) if kind == "fix" else answer  # it goes on from what was given
    result = await runner.run(asked, session(Speaker(said)))
    assert isinstance(result, Proposal), result
    before, after = asked.document.text, apply(asked.document.text, result.edits)
    assert after != before
    plain = after.replace(ending, "\n") if ending != "\n" else after
    assert "\r" not in plain
    assert native(plain) == after, "every line end and every indentation is the file's own"
    ast.parse(plain)
    kept = [
        line for line in before.split(ending) if "名" in line or "import" in line or "return rate" in line
    ]
    assert all(line in after.split(ending) for line in kept)


@pytest.mark.parametrize("kind", KINDS)
async def test_chinese_in_every_way(kind: str) -> None:
    """Prose is asked for in Chinese, and what is refused is explained in Chinese."""
    selected = WIDE.replace(
        "        if price:\n            rate = rate + price", "        ⟦rate = rate + price⟧"
    )
    if kind == "translate":
        selected = WIDE.replace("# 合计 😀", "⟦# adds up the prices⟧")
    asked = task(kind, selected, locale="zh", instruction="用 sum")
    speaker = Speaker(*["抱歉，我无法完成。"] * 9)
    result = await runner.run(asked, session(speaker))
    prompt = speaker.prompts[0]
    if kind in ("docstring", "explain", "translate", "errors", "edit"):
        assert "中文" in prompt
    if isinstance(result, Refused):
        reported = text(f"refused.{result.reason}", "zh", detail=result.detail)
        assert has_han(reported)
    else:  # computed, and nothing but a name was the model's
        assert kind == "extract"


async def test_what_the_repository_is_asked_about() -> None:
    """Names that stand alone: what stands behind dots only is a member of something."""
    asked: list[set[str]] = []

    def signatures(document: Document, region: Span, names: set[str]) -> list[str]:
        asked.append(names)
        return ["def load(path: str) -> dict"]

    speaker = Speaker("It adds up.")
    await runner.run(
        task("docstring", "def f(path):⟦⟧\n    return load(path.get('a')).items()\n"),
        session(speaker),
        RepositoryContext(signatures=signatures),
    )
    assert asked[0] & {"load", "get", "items"} == {"load"}
    assert "def load(path: str) -> dict" in speaker.prompts[0]
