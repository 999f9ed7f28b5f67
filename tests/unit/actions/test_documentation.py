"""Documentation: parts that the code has, in the file's convention; what is there is completed."""

from __future__ import annotations

import json

import pytest

from qwen_lsp.actions import claims, documentation, verbs
from qwen_lsp.actions import run as runner
from qwen_lsp.actions.documentation import Parts
from qwen_lsp.actions.target import choose
from qwen_lsp.actions.task import Proposal, Refused, apply
from qwen_lsp.messages import Locale
from qwen_lsp.syntax import code, contract, languages
from qwen_lsp.syntax.contract import Contract
from tests.support.chatting import Speaker, session, task

CONTRACTS = [
    (
        "python",
        "def f(self, a, b=1, *args, c: int=2, **kw) -> int:\n    if a:\n        raise ValueError('x')\n    raise a\n",
        Contract(("a", "b", "args", "c", "kw"), True, ("ValueError",)),
    ),
    ("python", "def f(a):\n    def g(): return 2\n    print(a)\n", Contract(("a",), False, ())),
    (
        "typescript",
        "const f = async (url: string, {a}: X, n?: number): Promise<void> => { throw new TypeError('a') }\n",
        Contract(("url", "n"), False, ("TypeError",)),
    ),
    ("javascript", "exports.f = (a = 1) => a * 2\n", Contract(("a",), True, ())),
    (
        "java",
        "class A {\n  List<T> f(final int a, String... b) throws IOException {\n    return c;\n  }\n}\n",
        Contract(("a", "b"), True, ("IOException",)),
    ),
    (
        "go",
        "package a\nfunc (c *C) F(a, b int, d ...string) (int, error) {\n\treturn 1, nil\n}\n",
        Contract(("a", "b", "d"), True, ()),
    ),
    ("rust", "fn f(&self, mut a: i32) -> i32 {\n    a\n}\n", Contract(("a",), True, ())),
    ("cpp", "void f(const std::string& s, int n = 2) {\n}\n", Contract(("s", "n"), False, ())),
    ("csharp", "class A {\n  int F(int a) => a;\n}\n", Contract(("a",), True, ())),
    (
        "kotlin",
        'fun f(a: Int, vararg b: String): Int {\n  throw IllegalArgumentException("x")\n}\n',
        Contract(("a", "b"), True, ("IllegalArgumentException",)),
    ),
    ("swift", "func f(_ a: Int, to b: String) -> Int {\n  return 1\n}\n", Contract(("a", "b"), True, ())),
    ("php", "<?php\nfunction f(int $a, &$b) {\n  return 1;\n}\n", Contract(("a", "b"), True, ())),
]


@pytest.mark.parametrize(("language", "text", "wanted"), CONTRACTS)
def test_contracts(language: str, text: str, wanted: Contract) -> None:
    source = code.parse(text, languages.find(language, ""))
    assert source is not None
    function = next(one for one in source.definitions() if one.is_function)
    assert contract.of(source, function) == wanted


BODY = "".join(f"    total += price * {n}\n" for n in range(8))
PYTHON = f"def total(prices, rate):⟦⟧\n    if not prices:\n        raise ValueError\n{BODY}    return total\n"
ANSWER = json.dumps(
    {
        "summary": "This function adds up prices. The result is sorted in ascending order.",
        "parameters": {"prices": "What to add.", "invented": "Not there.", "rate": "The tax."},
        "returns": "The sum.",
        "raises": {"ValueError": "Without prices.", "KeyError": "Never."},
    }
)


def other(convention: str) -> str:
    return f'def other(a):\n    """Give.\n\n{convention}\n    """\n    return a\n\n\n'


@pytest.mark.parametrize(
    ("before", "wanted"),
    [
        ("", "    Args:\n        prices: What to add.\n        rate: The tax.\n\n    Returns:\n        The sum.\n\n    Raises:\n        ValueError: Without prices.\n"),
        (other("    :param a: It."), "    :param prices: What to add.\n    :param rate: The tax.\n    :returns: The sum.\n    :raises ValueError: Without prices.\n"),
        (other("    Parameters\n    ----------\n    a\n        It."), "    Parameters\n    ----------\n    prices\n        What to add.\n    rate\n        The tax.\n"),
    ],
)  # fmt: skip
async def test_the_convention_of_the_file(before: str, wanted: str) -> None:
    asked = task("docstring", before + PYTHON)
    found = await runner.run(asked, session(Speaker(ANSWER)))
    assert isinstance(found, Proposal)
    text = apply(asked.document.text, found.edits)
    assert wanted in text
    assert '"""Adds up prices.\n' in text, "no preamble, and nothing of an order that nothing shows"
    assert "invented" not in text
    assert "KeyError" not in text


async def test_plain_where_the_file_is_plain() -> None:
    plain = 'def a():\n    """One."""\n\n\ndef b():\n    """Two."""\n\n\n'
    asked = task("docstring", plain + PYTHON)
    found = await runner.run(asked, session(Speaker(ANSWER)))
    assert isinstance(found, Proposal)
    assert '    """Adds up prices."""\n' in apply(asked.document.text, found.edits)


JAVA = """class Cart {
    /**
     * 计算总价。
     *
     * <pre>
     *   total(a) = 1
     * </pre>
     *
     * @param prices 价格
     * @return 总价
     * @since 1.2
     */
⟦    int total(int[] prices, int rate) throws IOException {
        int total = 0;
        for (int price : prices) {
            total += price * rate;
        }
        return total;
    }⟧
}
"""


async def test_what_is_missing_is_added_and_the_rest_stays_to_the_letter() -> None:
    asked = task("docstring", JAVA, language="java", path="Cart.java")
    answer = {"parameters": {"rate": "税率"}, "raises": {"IOException": "读取失败时"}}
    speaker = Speaker(json.dumps(answer, ensure_ascii=False))
    found = await runner.run(asked, session(speaker))
    assert isinstance(found, Proposal)
    before, after = asked.document.text.split("\n"), apply(asked.document.text, found.edits).split("\n")
    assert [line for line in after if line not in before] == [
        "     * @param rate 税率",
        "     * @throws IOException 读取失败时",
    ]
    assert after.index("     * @param rate 税率") == after.index("     * @param prices 价格") + 1
    assert [line for line in after if line in before] == before
    assert "prices" not in speaker.bodies[0]["json_schema"]["properties"]["parameters"]["properties"]


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("java", JAVA.replace("int rate", "").replace("[] prices, ", "[] prices").replace(" throws IOException", "")),
        ("go", "// Total explains why\n// it is done so.\nfunc Total(a int) int {⟦⟧\n\tb := a\n\tc := b\n\treturn c\n}\n"),
        ("python", 'def f(a):⟦⟧\n    """Give it back."""\n    return a\n'),
        ("typescript", "/** Gives. */\nfunction f(a) {⟦⟧ return a }\n"),
        ("typescript", "/* Gives it back,\n * as it came. */\nfunction f(a: number, b: number) {⟦⟧\n  const c = a\n  const d = b\n  return c + d\n}\n"),
    ],
)  # fmt: skip
async def test_what_is_documented_is_left_alone(language: str, text: str) -> None:
    speaker = Speaker()
    found = await runner.run(task("docstring", text, language=language, path="code"), session(speaker))
    assert found == Refused("documented")
    assert speaker.prompts == []


GOOGLE = f'''def total(prices, rate):⟦⟧
    r"""Adds \\d up.

    Args:
        prices: What to add,
            each of them.

    Raises:
        ValueError: Never.
    """
{BODY}    return total
'''


async def test_items_go_into_the_sections_that_are_there() -> None:
    asked = task("docstring", GOOGLE)
    answer = json.dumps({"parameters": {"rate": "The tax."}, "returns": "The sum."})
    found = await runner.run(asked, session(Speaker(answer)))
    assert isinstance(found, Proposal)
    assert apply(asked.document.text, found.edits) == asked.document.text.replace(
        "            each of them.\n",
        "            each of them.\n        rate: The tax.\n\n    Returns:\n        The sum.\n",
    )


async def test_one_line_becomes_several() -> None:
    before = f"/** Adds up. */\nfunction total(prices) {{⟦⟧\n{BODY.replace('    ', '  ')}  return total\n}}\n"
    asked = task("docstring", before, language="typescript", path="a.ts")
    answer = json.dumps({"parameters": {"prices": "what to add"}, "returns": "the sum"})
    found = await runner.run(asked, session(Speaker(answer)))
    assert isinstance(found, Proposal)
    assert apply(asked.document.text, found.edits).startswith(
        "/**\n * Adds up.\n *\n * @param prices - what to add\n * @returns the sum\n */\nfunction total"
    )


@pytest.mark.parametrize(("locale", "language"), [("en", "zh"), ("zh", "en")])
async def test_the_language_of_the_file_s_documentation(locale: Locale, language: str) -> None:
    said = "合计。" if language == "zh" else "Sums."
    head = f'def a():\n    """{said}"""\n\n\ndef b():\n    """{said}"""\n\n\n'
    speaker = Speaker(json.dumps({"summary": said}))
    found = await runner.run(task("docstring", head + PYTHON, locale=locale), session(speaker))
    assert isinstance(found, Proposal)
    assert ("简体中文" in speaker.prompts[0]) == (language == "zh")


@pytest.mark.parametrize(
    ("sentence", "shown", "is_unfounded"),
    [
        ("Returns the names in ascending order.", "return list(names)", True),
        ("Returns the names in ascending order.", "return sorted(names)", False),
        ("线程安全地累加。", "self.n += 1", True),
        ("线程安全地累加。", "with self.lock: self.n += 1", False),
        ("Walks the tree recursively.", "def f(n):\n    return n", True),
        ("Walks the tree recursively.", "def f(n):\n    return f(n.left)\n", False),
        ("Adds up the prices.", "return sum(prices)", False),
        ("Iterate over the arguments, formatting each.", "return format(arg)", True),
        ("Iterate over the arguments, formatting each.", "return [format(arg) for arg in args]", False),
        ("Tells whether iterators are equal.", "return a == b", False),
        ("遍历参数并格式化。", "return format(arg)", True),
        ("Converts the value.", "function f (value) {\n  return value\n}", True),
        ("将值转换为键。", "func f(value any) any {\n\treturn value\n}", True),
        ("Converts the value.", "function f (value) {\n  return String(value)\n}", False),
        ("Converts seconds.", "def f(value):\n    return value * 1000", False),
        ("Sets the status to 400.", "status = 500", True),
        ("否则设置为400。", "status = 500", True),
        ("Sets the status to 500.", "status = 500", False),
        ("Calls `load`.", "return download()", True),
        ("Creates an object with methods for hooks.", "function F () {\n  this.a = []\n}", True),
        ("Creates an object with methods for hooks.", "function F () {\n  this.a = () => 1\n}", False),
    ],
)
def test_claims(sentence: str, shown: str, is_unfounded: bool) -> None:
    assert claims.unfounded(sentence, shown, "f") == is_unfounded


@pytest.mark.parametrize(
    ("sentence", "named"),
    [
        ("Adds it to the CordovaPlugin.", ["CordovaPlugin"]),
        ("Makes one with a GraphQL client.", []),
        ("Adds it to the FileUtils.", []),
        ("Runs in JavaScript.", []),
    ],
)
def test_types_of_somewhere_else(sentence: str, named: list[str]) -> None:
    file = "import GraphQL\nclass FileUtils extends CordovaPlugin {\n  a(b) {}\n}\n"
    assert claims.elsewhere(sentence, "a(b) {} FileUtils", file) == named


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (f"The value. {'It can be a list ' * 12}", "The value."),
        (f"值。{'它可以是列表，' * 32}", "值。"),
        ("It can be a list " * 12, ""),
        ("The value. It can be a list", "The value. It can be a list"),
        (f"{'It can be a list ' * 12}of values.", f"{'It can be a list ' * 12}of values."),
    ],
)
def test_a_sentence_that_the_limit_cut_off(text: str, wanted: str) -> None:
    assert documentation.whole(text) == wanted


@pytest.mark.parametrize(
    ("text", "shown", "wanted"),
    [
        ("Returns a unique identifier.", "return next()", "Returns an identifier."),
        ("Returns a unique name.", "return next()", "Returns a name."),
        ("返回唯一的标识符。", "return next()", "返回标识符。"),
        ("Returns the unique names.", "return set(names)", "Returns the unique names."),
    ],
)
def test_what_is_called_unique(text: str, shown: str, wanted: str) -> None:
    assert claims.softened(text, shown) == wanted


@pytest.mark.parametrize(
    ("description", "is_invented"),
    [
        ("The name of the person who is the master.", True),
        ("The string whose letters decide.", True),
        ("The rates by which each price is multiplied.", False),
        ("The list of values to iterate over.", False),
        ("计算的税率", False),
    ],
)
def test_things_that_a_file_does_not_know(description: str, is_invented: bool) -> None:
    file = "def total(prices, rate):\n    multiplied = [price * rate for price in prices]\n    return sum(multiplied)\n"
    assert claims.invented([description], file) == is_invented


async def test_parameters_with_an_invented_meaning_are_left_out() -> None:
    parts = {"summary": "Adds up prices.", "parameters": {"prices": "What to add.", "rate": "The person."}}
    found = await runner.run(
        task("docstring", PYTHON), session(Speaker(json.dumps({**parts, "returns": ""})))
    )
    assert isinstance(found, Proposal)
    assert '    """Adds up prices."""\n' in found.edits[0].new_text


@pytest.mark.parametrize(("n_without", "is_listed"), [(1, True), (2, True), (3, False)])
async def test_parameters_are_listed_where_that_is_usual_in_the_file(n_without: int, is_listed: bool) -> None:
    plain = "".join(f'def f{n}():\n    """Do it."""\n\n\n' for n in range(n_without))
    asked = task("docstring", other("    Args:\n        a: It.") + plain + PYTHON)
    found = await runner.run(asked, session(Speaker(ANSWER if is_listed else "Adds up prices.")))
    assert isinstance(found, Proposal)
    assert ("        prices: What to add.\n" in found.edits[0].new_text) == is_listed


async def test_a_private_function_gets_one_plain_sentence() -> None:
    asked = task("docstring", other("    Args:\n        a: It.") + PYTHON.replace("total(", "_total("))
    found = await runner.run(asked, session(Speaker("Adds up prices.")))
    assert isinstance(found, Proposal)
    assert '    """Adds up prices."""\n' in found.edits[0].new_text


async def test_a_claim_that_is_all_there_is_refused() -> None:
    speaker = Speaker(says=lambda prompt: json.dumps({"summary": "Sorts the prices in descending order."}))
    found = await runner.run(task("docstring", PYTHON), session(speaker))
    assert isinstance(found, Refused)
    assert found.reason == "unfounded"
    assert len(speaker.prompts) == 3


def test_styles_without_tags() -> None:
    parts = Parts("Give.", {"a": "It."}, "It.")
    assert documentation.lines(parts, "plain", "python") == ["Give."]
    assert documentation.lines(parts, "xml", "csharp")[3:] == [
        '<param name="a">It.</param>',
        "<returns>It.</returns>",
    ]


@pytest.mark.parametrize(
    ("summary", "wanted"),
    [
        ("The `lookup` method of the `Group` struct searches routes.", "Searches routes."),
        ("This TypeScript function is used to format a URL.", "Format a URL."),
        ("该函数用于计算总价。", "计算总价。"),
        ("这是一个 TypeScript 类的构造函数，它接受一个数组。", "接受一个数组。"),
        ("这是计算总价的结果。", "这是计算总价的结果。"),
        ("The total of all prices.", "The total of all prices."),
        ("This is what remains.", "This is what remains."),
    ],
)
def test_a_summary_begins_with_what_is_done(summary: str, wanted: str) -> None:
    assert documentation.tidy(summary) == wanted


@pytest.mark.parametrize(
    ("max_lines", "kept"),
    [
        (10, Contract(("a",), True, ("E",))),
        (7, Contract(("a",), True, ())),
        (4, Contract(("a",), False, ())),
        (3, contract.NOTHING),
    ],
)
def test_what_does_not_fit_is_not_asked_for(max_lines: int, kept: Contract) -> None:
    wanted = Contract(("a",), True, ("E",))
    assert documentation.shortened(wanted, "google", "python", max_lines) == kept


async def test_a_short_function_gets_one_plain_sentence() -> None:
    speaker = Speaker("Gives it back.")
    found = await runner.run(task("docstring", "def give(a):⟦⟧\n    return a\n"), session(speaker))
    assert isinstance(found, Proposal)
    assert "json_schema" not in speaker.bodies[0]
    assert "documentation of `give`" in speaker.prompts[0]


async def test_parts_that_came_to_nothing_become_a_sentence() -> None:
    speaker = Speaker('{"summary": ""}', "Adds up prices.")
    found = await runner.run(task("docstring", PYTHON), session(speaker))
    assert isinstance(found, Proposal)
    assert '"""Adds up prices."""' in found.edits[0].new_text
    assert ["json_schema" in body for body in speaker.bodies] == [True, False]


@pytest.mark.parametrize("locale", ["en", "zh"])
async def test_an_answer_in_another_language_is_asked_for_again(locale: Locale) -> None:
    wrong, right = ("合计价格。", "Adds up prices.") if locale == "en" else ("Adds up prices.", "合计价格。")
    speaker = Speaker(json.dumps({"summary": wrong}), right)
    found = await runner.run(task("docstring", PYTHON, locale=locale), session(speaker))
    assert isinstance(found, Proposal)
    assert f'"""{right}"""' in found.edits[0].new_text
    first = "返回" if locale == "zh" else "Return"
    assert f'"{first}"' in speaker.bodies[1]["grammar"], "it begins with a verb of that language"


def test_an_answer_that_is_still_being_written() -> None:
    seen = [documentation.read(ANSWER[:end]) for end in range(1, len(ANSWER) + 1)]
    assert seen[-1].errors == {"ValueError": "Without prices.", "KeyError": "Never."}
    said = [len(part.summary) + sum(map(len, part.parameters.values())) + len(part.result) for part in seen]
    assert said == sorted(said), "it only grows"
    assert any(part.parameters == {"prices": "What"} for part in seen), "parts show before they are whole"


async def test_what_is_heard_last_is_what_is_proposed() -> None:
    heard: list[str] = []
    speaker = Speaker(ANSWER)
    found = await runner.run(
        task("docstring", PYTHON), session(speaker, lambda span, text: heard.append(text))
    )
    assert isinstance(found, Proposal)
    assert heard[-1] == found.edits[0].new_text


@pytest.mark.parametrize(
    ("locale", "others", "made", "is_third", "first"),
    [
        ("en", [], "", False, "Return"),
        ("en", [], "", True, "Returns"),
        ("en", ["Returns the sum.", "Applies it."], "", False, "Returns"),
        ("en", ["Return the sum.", "Applied by hand."], "", True, "Return"),
        ("en", [], "_Order", True, "Creates an _Order"),
        ("en", [], "Cart", False, "Initialize the Cart"),
        ("zh", [], "", True, "返回"),
        ("zh", [], "Cart", True, "创建 Cart 实例，"),
    ],
)
def test_what_a_summary_begins_with(
    locale: Locale, others: list[str], made: str, *, is_third: bool, first: str
) -> None:
    found = verbs.beginnings(locale, others, made, is_third=is_third)
    assert first in found
    assert len(found) == len(set(found))
    assert made == "" or all(made in one for one in found)


async def test_an_answer_is_held_to_a_verb_and_told_where_it_stands() -> None:
    code = (
        'class Cart:\n    """Keeps what is cached of the prices."""\n\n    def __init__(self, owner):⟦⟧\n'
        "        self.owners = [owner]\n        self.items = []\n        self.prices = {}\n"
        "        self.total = 0\n        self.n = 0\n\n    def __private(self):\n        pass\n"
    )
    speaker = Speaker(
        json.dumps({"summary": "Create a Cart with cached prices.", "parameters": {"owner": "Whose."}})
    )
    found = await runner.run(task("docstring", code), session(speaker))
    assert isinstance(found, Proposal), found
    assert "Create a Cart with cached prices." in found.edits[0].new_text, "the class says that it caches"
    assert "class Cart:" in speaker.prompts[0]
    assert "(Keeps what is cached of the prices.)" in speaker.prompts[0]
    body = json.dumps(speaker.bodies[0])
    assert "^(Creates a Cart|Initializes the Cart)" in body, "in the person of the file"


@pytest.mark.parametrize(
    ("text", "is_left"),
    [
        ("Add a value *b* under a key *a*.", False),
        ("Add b to a.", True),  # `a` is a word
        ("Add the given a under the specified b.", False),
        ("Add a value.", True),
    ],
)
async def test_parameters_of_which_the_prose_speaks(text: str, *, is_left: bool) -> None:
    other = '\n\ndef g(c):\n    """Give.\n\n    Args:\n        c: What.\n    """\n'
    code = f'def f(a, b):⟦⟧\n    """{text}"""\n    h(a)\n    h(b)\n    h(a)\n    h(b)\n{other}'
    speaker = Speaker(json.dumps({"parameters": {"a": "A key.", "b": "A value."}}))
    found = await runner.run(task("docstring", code), session(speaker))
    assert isinstance(found, Proposal) == is_left, found
    if not is_left:
        assert found == Refused("documented")


async def test_a_go_function_with_a_capital_is_no_constructor() -> None:
    code = "package a\n\nfunc NilIfZero(x int) *int {⟦⟧\n\tif x == 0 {\n\t\treturn nil\n\t}\n\treturn &x\n}\n"
    speaker = Speaker("Returns nil for zero.")
    await runner.run(task("docstring", code, language="go", path="a.go"), session(speaker))
    assert "Creates a NilIfZero" not in json.dumps(speaker.bodies[0])


@pytest.mark.parametrize(
    ("summary", "name", "made", "is_hollow"),
    [
        ("初始化缓存。", "lazyInitCaches", "", True),
        ("初始化 Doc 实例的参数。", "constructor", "Doc", True),
        ("创建 Doc 实例，并保存 args 和 closed。", "constructor", "Doc", False),
        ("从清单文件读取目录缓存。", "lazyInitCaches", "", False),
        ("Initializes the caches.", "lazyInitCaches", "", True),
        ("Reads the caches from the manifest.", "lazyInitCaches", "", False),
        ("Create a Cart.", "__init__", "Cart", True),
        ("Creates a new instance of fileWriter with the specified parameters.", "NewFileWriter", "", True),
        ("Creates a fileWriter that cuts files into chunks.", "NewFileWriter", "", False),
        ("Creates the labels that charts show.", "updateLabels", "", False),
        ("Convert a time unit to its cardinal form.", "_cardinalize_time_unit", "", True),
        ("Append an s to a time unit.", "_cardinalize_time_unit", "", False),
        ("Create a Cart with the owner that pays.", "__init__", "Cart", False),
    ],
)
def test_a_summary_that_repeats_the_name(summary: str, name: str, made: str, *, is_hollow: bool) -> None:
    assert claims.says_nothing(summary, name, made) == is_hollow


CACHES = "def init_caches(self):⟦⟧\n    a = read()\n    b = read()\n    self.a = a\n    self.b = b\n    self.c = 1\n"


async def test_what_repeats_the_name_is_asked_for_once_more() -> None:
    speaker = Speaker("Init the caches.", "Fill both caches with what is read.")
    found = await runner.run(task("docstring", CACHES), session(speaker))
    assert isinstance(found, Proposal), found
    assert '"""Fill both caches with what is read."""' in found.edits[0].new_text
    assert "That only repeats the name." in speaker.prompts[-1]
    assert "It calls `read`." in speaker.prompts[-1], "what there is to speak of"


async def test_what_repeats_the_name_twice_is_refused() -> None:
    speaker = Speaker(says=lambda prompt: "Init the caches.")
    found = await runner.run(task("docstring", CACHES), session(speaker))
    assert found == Refused("says_nothing", "Init the caches.")


@pytest.mark.parametrize(
    ("name", "has_result", "first", "other"),
    [
        ("getUser", True, "Returns", "Sets"),
        ("get", True, "返回", "设置"),
        ("set_user", False, "Sets", "Returns"),
        ("isEmpty", True, "Checks", "Creates"),
        ("NewCart", True, "创建", "初始化"),
        ("settle", True, "Returns", ""),  # `set` is no word of it
        ("run", False, "Runs", "Returns"),
        ("run", False, "执行", "返回"),
    ],
)
def test_verbs_that_fit_a_name(name: str, *, has_result: bool, first: str, other: str) -> None:
    locale: Locale = "en" if first.isascii() else "zh"
    found = verbs.beginnings(locale, [], is_third=True, name=name, has_result=has_result)
    assert first in found
    assert other not in found


async def test_what_is_added_to_the_one_sentence_is_left_out() -> None:
    said = "从清单读取 a 和 b。如果文件不存在，则创建空的缓存。"
    found = await runner.run(task("docstring", CACHES, locale="zh"), session(Speaker(said)))
    assert isinstance(found, Proposal), found
    assert '"""从清单读取 a 和 b。"""' in found.edits[0].new_text
    said = "Fill what e.g. `read` gives. Log a warning when there is none."
    found = await runner.run(task("docstring", CACHES), session(Speaker(said)))
    assert isinstance(found, Proposal), found
    assert '"""Fill what e.g. `read` gives."""' in found.edits[0].new_text


async def test_documentation_is_never_longer_than_its_function() -> None:
    given = "def give(a):⟦⟧\n    b = a\n    c = b\n    return c\n"
    before = other("    Args:\n        a: It.")
    found = await runner.run(task("docstring", before + given), session(Speaker("Gives it back unchanged.")))
    assert isinstance(found, Proposal), found
    assert found.edits[0].new_text == '    """Gives it back unchanged."""\n'


async def test_a_line_comment_gets_no_tags() -> None:
    body = "\n".join(f"    g{n}(a);" for n in range(6))
    code = f"class A {{\n  /** B.\n   * @param b what\n   */\n  int h(int b) {{ return b; }}\n  // Why.\n  int f(int a) {{⟦⟧\n{body}\n  }}\n}}\n"
    found = await runner.run(task("docstring", code, language="java", path="A.java"), session(Speaker()))
    assert found == Refused("documented")


MAKER = "def item_setter(key):⟦⟧\n    def set_item(held, value):\n        held[key] = value\n        log(key)\n    return set_item\n"


async def test_what_makes_a_function_does_not_do_what_that_one_does() -> None:
    wrong = {"summary": "Sets the value that belongs to the given key.", "parameters": {"key": "Which one."}}
    speaker = Speaker(json.dumps(wrong), "Return a function that sets what belongs to the key.")
    found = await runner.run(task("docstring", MAKER), session(speaker))
    assert isinstance(found, Proposal), found
    assert found.edits[0].new_text == '    """Return a function that sets what belongs to the key."""\n'
    assert "^(Return a function that) " in json.dumps(speaker.bodies[0])


@pytest.mark.parametrize(
    ("language", "text", "is_maker"),
    [
        ("python", MAKER, True),
        ("python", "def f(key):\n    return lambda held: held[key]\n", True),
        ("python", "def f(key):\n    def g(held): return 1\n    return g(key)\n", False),
        ("python", "def f(key):\n    def g(held): return 1\n    return g if key else None\n", False),
        ("javascript", "const f = a => b => a + b\n", True),
        ("javascript", "const f = a => a + 1\n", False),
        ("javascript", "function f (a) {\n  return function (b) { return a }\n}\n", True),
        ("javascript", "function f (a) {\n  a(function (b) { return a })\n}\n", False),
        ("go", "package a\nfunc F(a int) func() int {\n\treturn func() int { return a }\n}\n", True),
        ("java", "class A {\n  List<B> f(C c) {\n    return Arrays.<B>asList(new B(c));\n  }\n}\n", False),
        ("java", "class A {\n  F f(C c) {\n    return b -> b.d(c);\n  }\n}\n", True),
    ],
)
def test_makers_of_functions(language: str, text: str, *, is_maker: bool) -> None:
    source = code.parse(text.replace("⟦⟧", ""), languages.find(language, ""))
    assert source is not None
    function = next(one for one in source.definitions() if one.is_function)
    assert contract.gives_function(source, function) == is_maker


ITERATOR = '''class Lines:
    def __init__(self, file):
        """Open it.

        Args:
            file: What to read.
        """
        self.file = file

    @property
    def place(self):⟦⟧
        "Where in the file the iterator is reading."
        a = self.file.tell()
        b = a - self.start
        c = b + 1
        return c
'''


async def test_a_property_says_what_it_is() -> None:
    speaker = Speaker()
    assert await runner.run(task("docstring", ITERATOR), session(speaker)) == Refused("documented")
    assert speaker.prompts == []
    method = ITERATOR.replace("    @property\n", "")
    found = await runner.run(
        task("docstring", method), session(Speaker('{"returns": "The byte behind it."}'))
    )
    assert isinstance(found, Proposal), "a method does not"


async def test_a_result_that_the_summary_has_told_is_left_out() -> None:
    method = ITERATOR.replace("    @property\n", "")
    told = json.dumps({"returns": "The place in the file where the iterator is reading."})
    assert await runner.run(task("docstring", method), session(Speaker(told))) == Refused("documented")
    said = {"summary": "Adds up the prices of all items in the cart with their rates.", "parameters": {}}
    for result, is_kept in ((said["summary"], False), ("The sum.", True)):
        parts = {**said, "parameters": {"prices": "What to add.", "rate": "The tax."}, "returns": result}
        found = await runner.run(task("docstring", PYTHON), session(Speaker(json.dumps(parts))))
        assert isinstance(found, Proposal), found
        assert "prices: What to add." in found.edits[0].new_text
        assert ("Returns:" in found.edits[0].new_text) == is_kept


@pytest.mark.parametrize(
    ("text", "said", "is_repeated"),
    [
        ("按名称排序的用户列表和总数", "返回按名称排序的用户列表和总数。", True),
        ("没有找到时为空列表", "返回按名称排序的用户列表。", False),
        ("The sum.", "Returns the sum.", False),  # so short that it is no burden
    ],
)
def test_what_is_said_again(text: str, said: str, *, is_repeated: bool) -> None:
    assert claims.repeats(text, said) == is_repeated


@pytest.mark.parametrize(
    ("description", "is_hollow"),
    [
        ("An instance of another class.", True),
        ("Some value.", True),
        ("另一个类的实例", True),
        ("某个参数", True),
        ("The value to set.", False),
        ("Another controller, whose schemas are taken over.", False),
        ("An object with the options.", False),
        ("另一个控制器", False),
    ],
)
def test_what_leaves_open_what_a_parameter_is(description: str, *, is_hollow: bool) -> None:
    assert claims.is_hollow(description) == is_hollow


async def test_parameters_are_left_out_where_one_is_left_open() -> None:
    parts = {"prices": "What to add.", "rate": "An instance of another class."}
    answer = json.dumps({"summary": "Adds up prices.", "parameters": parts, "returns": "The sum."})
    found = await runner.run(task("docstring", PYTHON), session(Speaker(answer)))
    assert isinstance(found, Proposal), found
    assert "prices:" not in found.edits[0].new_text
    assert "The sum." in found.edits[0].new_text


async def test_lines_that_are_wrapped_count_too() -> None:
    long = "The prices of all that somebody has put into the cart until now, each of them once and for each the rate of its tax."
    body = "".join(f"  const a{n} = items\n" for n in range(4))
    code = f"function total(items) {{⟦⟧\n{body}  return a0\n}}\n"
    for parameter, wanted in (("what to add", "@param items - what to add\n"), (long, "")):
        answer = json.dumps({"summary": long, "parameters": {"items": parameter}, "returns": ""})
        asked = task("docstring", code, language="javascript", path="a.js")
        found = await runner.run(asked, session(Speaker(answer)))
        assert isinstance(found, Proposal), found
        assert wanted in found.edits[0].new_text
        assert found.edits[0].new_text.count("\n") <= code.count("\n")


CALLBACK = """function next (err) {
  const a = err
  boot(⟦⟧function onTimeout (err, done) {
    exit(err)
    done(err)
    done(a)
    done(a)
    done(a)
  })
}
"""


async def test_a_named_function_that_is_handed_over_is_the_one_at_the_cursor() -> None:
    for marked in (CALLBACK, CALLBACK.replace("⟦⟧", "").replace("done) {", "done) {⟦⟧")):
        speaker = Speaker(json.dumps({"summary": "Ends with an error.", "parameters": {}}))
        asked = task("docstring", marked, language="javascript", path="a.js")
        await runner.run(asked, session(speaker))
        assert list(speaker.bodies[0]["json_schema"]["properties"]["parameters"]["properties"]) == [
            "err",
            "done",
        ]
    around = CALLBACK.replace("⟦⟧", "").replace("const a", "const⟦⟧ a")
    speaker = Speaker(json.dumps({"summary": "Goes on.", "parameters": {}}))
    await runner.run(task("docstring", around, language="javascript", path="a.js"), session(speaker))
    assert list(speaker.bodies[0]["json_schema"]["properties"]["parameters"]["properties"]) == ["err"]


def test_a_function_without_a_name_belongs_to_its_line() -> None:
    code = "function all (items) {\n  return items.map(⟦⟧(one) => {\n    return one\n  })\n}\n"
    target = choose(task("docstring", code, language="javascript", path="a.js"), "definition")
    assert target is not None
    assert target.definition is not None
    assert target.definition.name == "all"


@pytest.mark.parametrize(("said", "language"), [("Load reads it.", "en"), ("Load 读取它。", "zh")])
async def test_documentation_in_go_is_any_comment_above_a_name(said: str, language: Locale) -> None:
    head = f"package a\n\n// {said}\nfunc Load() {{}}\n\n//go:noinline\n// {said}\ntype A struct{{}}\n\n"
    code = f"{head}func Total(x int) int {{⟦⟧\n\tif x == 0 {{\n\t\treturn 1\n\t}}\n\treturn x\n}}\n"
    other: Locale = "zh" if language == "en" else "en"
    speaker = Speaker("Returns 1 for nothing." if language == "en" else "返回 x，为零时返回 1。")
    found = await runner.run(
        task("docstring", code, language="go", path="a.go", locale=other), session(speaker)
    )
    assert isinstance(found, Proposal), found


async def test_a_name_that_is_a_verb_is_not_how_a_go_file_begins() -> None:
    head = "package a\n\n// Reset empties it.\nfunc Reset() {}\n\n// Close ends it.\nfunc Close() {}\n\n"
    speaker = Speaker("Returns 1 for nothing.")
    code = f"{head}func Total(x int) int {{⟦⟧\n\tif x == 0 {{\n\t\treturn 1\n\t}}\n\treturn x\n}}\n"
    await runner.run(task("docstring", code, language="go", path="a.go"), session(speaker))
    assert '"Returns"' in speaker.bodies[0]["grammar"]
