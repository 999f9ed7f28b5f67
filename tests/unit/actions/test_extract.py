"""A function extracted: the model names it, all else is computed, and the program does what it did."""

from __future__ import annotations

import json
from contextlib import redirect_stdout
from io import StringIO

import pytest

from qwen_lsp.actions import extract
from qwen_lsp.actions import run as runner
from qwen_lsp.actions.task import Outcome, Proposal, Refused, Task, apply
from qwen_lsp.messages import TEXTS
from qwen_lsp.syntax.languages import find
from qwen_lsp.syntax.pieces import Piece
from qwen_lsp.syntax.python_flow import piece
from qwen_lsp.text import Document
from tests.support.chatting import Speaker, session, task

SHOP = '''import math


class Shop:
    """Sells."""

    rate = 2

    # How much it all costs.
    @property
    def total(self) -> int:
        return self.sum_up([1, 2, 3], note="价格 😀")

    def sum_up(self, prices: list[int], note: str = ""):
        result = 0
⟦        for price in prices:
            # 打折
            result += math.floor(price * self.rate)
            text = f"""
  {note}
"""
⟧        print(text)
        return result


print(Shop().total)
'''


async def outcome(asked: Task, answer: str) -> Outcome:
    return await runner.run(asked, session(Speaker(answer)))


async def test_a_method() -> None:
    marked = SHOP.replace("        result = 0\n", '        result, text = 0, ""\n')
    asked = task("extract", marked)
    result = await outcome(asked, '{"name": "add_prices"}')
    assert isinstance(result, Proposal)
    after = apply(asked.document.text, result.edits)
    assert printed(after) == printed(asked.document.text) == "\n  价格 😀\n\n12\n"
    assert (
        "    def add_prices(self, prices: list[int], result, text, note: str):\n"
        "        for price in prices:\n"
        "            # 打折\n"
        "            result += math.floor(price * self.rate)\n"
        '            text = f"""\n  {note}\n"""\n'
        "        return result, text\n\n    def sum_up(" in after
    )
    assert (
        "        result, text = self.add_prices(prices, result, text, note)\n        print(text)\n" in after
    )


def printed(code: str) -> str:
    out = StringIO()
    with redirect_stdout(out):
        exec(compile(code, "<shop>", "exec"), {"__name__": "shop"})
    return out.getvalue()


async def test_what_has_no_value_is_refused_in_both_languages() -> None:
    result = await outcome(task("extract", SHOP), "never asked")
    assert result == Refused("extract_names", "text")
    for reason in ("place", "flow", "names", "bound"):
        reported = TEXTS[f"refused.extract_{reason}"]
        assert reported.en != reported.zh


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("unit", ["    ", "\t", "  "])
async def test_line_ends_and_indentation(ending: str, unit: str) -> None:
    marked = (
        "def f(a):\n    if a:\n⟦        b = a + 1\n        c = b * 2⟧\n"
        "        return c\n    return 0\n\nx = '表 😀'\n"
    )
    asked = task("extract", marked.replace("    ", unit).replace("\n", ending))
    result = await outcome(asked, '{"name": "double"}')
    assert isinstance(result, Proposal)
    expected = (
        "def double(a):\n    b = a + 1\n    return b * 2\n\n\n"
        "def f(a):\n    if a:\n        c = double(a)\n        return c\n    return 0\n\nx = '表 😀'\n"
    )
    after = apply(asked.document.text, result.edits)
    assert after == expected.replace("    ", unit).replace("\n", ending)


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        ('{"name": "load_it"}', "load_it"),
        ("The name is `load_it`.", "load_it"),
        ('{"name": "f"}', "f_2"),
        ('{"name": "print"}', "compute_b"),
        ("???", "compute_b"),
        ("", "compute_b"),
    ],
)
async def test_names(answer: str, name: str) -> None:
    asked = task("extract", "def f(a):\n⟦    b = a + 1⟧\n    return b\n")
    result = await outcome(asked, answer)
    assert isinstance(result, Proposal)
    assert f"def {name}(a):\n    return a + 1\n" in apply(asked.document.text, result.edits)


async def test_the_model_is_asked_for_a_name_only() -> None:
    speaker = Speaker('{"name": "load_it"}')
    heard: list[str] = []
    asked = task("extract", "def f(a):\n⟦    b = a + 1⟧\n    return b\n")
    await runner.run(asked, session(speaker, lambda region, text: heard.append(text)))
    assert heard == ["    b = load_it(a)"]
    (prompt,) = speaker.prompts
    assert "a function that takes a and returns b" in prompt
    assert json.dumps(speaker.bodies[0]["json_schema"]).count("name") >= 1


@pytest.mark.parametrize(
    ("head", "body", "call"),
    [
        ("async def f(a):", "    b = await a", "    b = await g(a)"),
        ("def f(a) -> int:", "    if a:\n        return 1\n    return 2", "    return g(a)"),
        ("def f(a: int) -> None:", "    print(a)", "    g(a)"),
    ],
)
def test_calls(head: str, body: str, call: str) -> None:
    text = f"{head}\n{body}\n" + ("    return b\n" if "b =" in body else "")
    found = piece(text, 2, 1 + len(body.split("\n")))
    assert isinstance(found, Piece)
    python = find("python", None)
    assert python is not None
    result = extract.moved(Document("file:///a.py", text, 0, "python"), python, found, "g")
    assert isinstance(result, Proposal)
    after = apply(text, result.edits)
    assert f"{head}\n{call}\n" in after
    assert after.startswith(head.replace(" f(", " g("))


async def test_other_languages_are_rewritten() -> None:
    text = "func f(a []int) int {\n\tt := 0\n⟦\tfor _, x := range a {\n\t\tt += x\n\t}⟧\n\treturn t\n}\n"
    new = (
        "func addUp(a []int) int {\n\tt := 0\n\tfor _, x := range a {\n\t\tt += x\n\t}\n\treturn t\n}\n\n"
        "func f(a []int) int {\n\treturn addUp(a)\n}\n```"
    )
    asked = task("extract", text, language="go", path="a.go")
    result = await outcome(asked, new)
    assert isinstance(result, Proposal), result
    assert "return addUp(a)" in apply(text.replace("⟦", "").replace("⟧", ""), result.edits)
    uncalled = new.replace("addUp(a)\n}\n```", "0\n}\n```")
    refused = await runner.run(asked, session(Speaker(uncalled, uncalled)))
    assert refused == Refused("not_extracted")


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("unit", ["  ", "\t"])
async def test_scripts(ending: str, unit: str) -> None:
    marked = (
        "/** 合计 😀 */\nfunction f(a) {\n  let t = 0;\n⟦  for (const x of a) {\n    // 打折\n"
        "    t += x;\n  }⟧\n  return t;\n}\nconst 名 = '表 😀';\n"
    )
    asked = task(
        "extract", marked.replace("  ", unit).replace("\n", ending), language="javascript", path="a.js"
    )
    speaker = Speaker('{"name": "add_up"}')
    result = await runner.run(asked, session(speaker))
    assert isinstance(result, Proposal), result
    expected = (
        "function addUp(a, t) {\n  for (const x of a) {\n    // 打折\n    t += x;\n  }\n  return t;\n}\n\n"
        "/** 合计 😀 */\nfunction f(a) {\n  let t = 0;\n  t = addUp(a, t);\n  return t;\n}\n"
        "const 名 = '表 😀';\n"
    )
    assert apply(asked.document.text, result.edits) == expected.replace("  ", unit).replace("\n", ending)
    assert "camelCase" in speaker.prompts[0]


@pytest.mark.parametrize(
    ("answer", "name"), [('{"name": "delete"}', "computeB"), ("???", "computeB"), ('{"name": "f"}', "f2")]
)
async def test_names_in_scripts(answer: str, name: str) -> None:
    asked = task("extract", "function f(a) {\n⟦  const b = a + 1;⟧\n  return b;\n}\n", language="javascript")
    result = await outcome(asked, answer)
    assert isinstance(result, Proposal)
    assert f"function {name}(a) {{\n  return a + 1;\n}}\n" in apply(asked.document.text, result.edits)
