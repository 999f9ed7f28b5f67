"""What of a comment's line must survive a translation to the letter."""

from __future__ import annotations

import pytest

from qwen_lsp.actions import marks
from qwen_lsp.actions import run as runner
from qwen_lsp.actions.task import Proposal, Refused, apply
from tests.support.chatting import Speaker, session, task

PARTS = [
    ("@param version1 版本1", "@param version1 ", "版本1", ""),
    ("@param {string} name - 名称", "@param {string} name - ", "名称", ""),
    ("@param <T> 类型", "@param <T> ", "类型", ""),
    ("@return 总价<br>", "@return ", "总价", "<br>"),
    ("@throws IOException 读取失败", "@throws IOException ", "读取失败", ""),
    (":param x: 宽度", ":param x: ", "宽度", ""),
    (":returns: 总价", ":returns: ", "总价", ""),
    ("- 第一步", "- ", "第一步", ""),
    ("2. 第二步", "2. ", "第二步", ""),
    ("<p>计算总价</p>", "<p>", "计算总价", "</p>"),
    ("price (float): 价格", "price (float): ", "价格", ""),
    ("计算总价", "", "计算总价", ""),
    ("Returns the total: a sum", "", "Returns the total: a sum", ""),
]


@pytest.mark.parametrize(("line", "leading", "words", "trailing"), PARTS)
def test_parts(line: str, leading: str, words: str, trailing: str) -> None:
    assert marks.parts(line) == (leading, words, trailing)


@pytest.mark.parametrize(
    ("words", "translated", "missing"),
    [
        ("见 {@link Cart#total()} 的说明", "See the notes of {@link Cart#total()}", []),
        ("见 {@link Cart#total()} 的说明", "See the notes of Cart", ["{@link Cart#total()}"]),
        ("第一行<br>第二行", "First line, second line", ["<br>"]),
        ("当 `a` 为空时返回 null", "Return null when `a` is empty", []),
        ("当 `a` 为空时返回 null", "Return nothing when a is empty", ["`a`", "null"]),
        ("Calls loadPrices() once", "只调用一次", ["loadPrices"]),
        ("Calls the loader once", "只调用一次加载器", []),
        ("简单", "Simple <b>", ["<b>"]),
        ("Defined by $constructor's init", "由构造函数的初始化定义", ["$constructor"]),
        ("Change *task* twice * 2", "更改任务两次 * 2", ["*task*"]),
        ("Change *task* or the *task*'s name", "更改 *task* 或任务的名称", []),
        ("one<br>two<br>three", "一<br>二，三", ["<br>"]),
        ("See `numpy's clip`_ for it", "参见 `numpy's clip`", ["`numpy's clip`_"]),
        ("处理getPushStatus的回调结果", "Handles the result of getPushStatus", []),
        ("处理getPushStatus的回调结果", "Handles the result", ["getPushStatus"]),
    ],
)
def test_what_is_lost(words: str, translated: str, missing: list[str]) -> None:
    assert marks.lost(words, translated) == missing


@pytest.mark.parametrize("words", [line for line, *_ in PARTS] + ["NewCart 创建 `a` 和 {@link B}", ""])
def test_parts_and_pieces_add_up(words: str) -> None:
    assert "".join(marks.parts(words)) == words
    assert "".join(text for text, _ in marks.pieces(words)) == words


JAVA = """class A {
    /**
     * 比较两个版本<br>
     * 见 {@link Version}
     *
     * @param version1 版本1
     * @return 结果
     */
⟦    // 先检查
    int compare(String version1) { return 0; }⟧
    // 之后
}
"""


async def test_only_the_selected_lines_are_translated() -> None:
    asked = task("translate", JAVA, language="java", path="A.java")
    speaker = Speaker("English translation: Check first")
    found = await runner.run(asked, session(speaker))
    assert isinstance(found, Proposal)
    assert apply(asked.document.text, found.edits) == asked.document.text.replace("先检查", "Check first")


async def test_tags_stay_and_a_lost_link_is_put_back() -> None:
    marked = (
        JAVA.replace("⟦", "").replace("⟧", "").replace("    /**", "⟦    /**").replace("     */", "     */⟧")
    )
    asked = task("translate", marked, language="java", path="A.java")
    answers = {"比较两个版本": "Compare two versions", "版本1": "Version 1", "结果": "The result"}
    speaker = Speaker(
        says=lambda prompt: next((new for old, new in answers.items() if prompt.endswith(old)), "See it")
    )
    found = await runner.run(asked, session(speaker))
    assert isinstance(found, Proposal)
    text = apply(asked.document.text, found.edits)
    assert "     * Compare two versions<br>\n" in text
    assert "     * See it {@link Version}\n" in text
    assert "@param version1 Version 1\n" in text
    assert "@return The result\n" in text
    assert "// 先检查" in text


async def test_a_go_comment_begins_with_the_name() -> None:
    code = "⟦// NewCart 创建购物车⟧\nfunc NewCart() *Cart { return nil }\n"
    asked = task("translate", code, language="go", path="a.go")
    speaker = Speaker(says=lambda prompt: "Creates a cart")
    found = await runner.run(asked, session(speaker))
    assert isinstance(found, Proposal)
    assert apply(asked.document.text, found.edits).startswith("// NewCart creates a cart\n")


async def test_half_sentences_between_marks_are_not_translated() -> None:
    asked = task("translate", "⟦# change `a` if `b` is there⟧\nx = 1\n", locale="zh")
    speaker = Speaker(says=lambda prompt: "如果存在则更改")
    assert await runner.run(asked, session(speaker)) == Refused("marks", "`a`, `b`")
    assert len(speaker.prompts) == 2


async def test_a_lost_name_is_asked_for_as_it_was_shown() -> None:
    asked = task("translate", "⟦# change the *task* now⟧\nx = 1\n", locale="zh")
    speaker = Speaker("现在更改任务", "现在更改 `task`")
    found = await runner.run(asked, session(speaker))
    assert isinstance(found, Proposal)
    assert found.edits[0].new_text == "现在更改 *task*"
    assert "原样保留：`task`。" in speaker.prompts[1]


async def test_a_line_that_cannot_keep_its_marks_stays() -> None:
    asked = task("translate", "⟦// 设置 maxRetries⟧\nint a;\n", language="c", path="a.c")
    found = await runner.run(asked, session(Speaker(says=lambda prompt: "Set it")))
    assert found == Refused("marks", "maxRetries")
