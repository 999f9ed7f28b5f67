"""Conditions and negations that a translation must still say."""

from __future__ import annotations

import pytest

from qwen_lsp.actions import cues, terms
from qwen_lsp.actions import run as runner
from qwen_lsp.actions.task import Proposal, Refused, apply
from qwen_lsp.messages import Locale
from tests.support.chatting import Speaker, session, task


@pytest.mark.parametrize(
    ("words", "translated", "to", "left_out"),
    [
        ("if not maybe it is named", "可能是命名的", "zh", ["if", "not"]),
        ("if not maybe it is named", "如果不是，可能是命名的", "zh", []),
        ("it isn't cached", "它已缓存", "zh", ["isn't"]),
        ("cache is undefined inside SEA", "在 SEA 中 cache 未定义", "zh", []),
        ("Write can't fail", "Write 不能失败", "zh", ["can't fail"]),
        ("Write can't fail", "Write 不会失败", "zh", []),
        ("only the first until the end", "直到结尾的第一个", "zh", ["only"]),
        ("no longer needed after this", "此后不再需要", "zh", []),
        ("notify the caller of gifts", "通知调用者礼物", "zh", []),
        ("`if` is a keyword", "`if` 是关键字", "zh", []),
        ("如果没有找到则返回 null", "Returns null", "en", ["如果", "没有"]),
        ("如果没有找到则返回 null", "Returns null when nothing is found", "en", []),
        ("未初始化之前", "Before it is initialised", "en", []),
        ("未加载", "Loaded", "en", ["未"]),
        ("未加载", "Unloaded", "en", []),
        ("不同的未来版本不断更新", "Different versions to come are updated all the time", "en", []),
        ("必须先打开", "Open it first", "en", ["必须"]),
        ("the size of the buffer in bytes", "缓冲区的大小", "zh", ["bytes"]),
        ("the size of the buffer in bytes", "缓冲区的大小（以字节为单位）", "zh", []),
        ("return it instead of raising", "返回它并引发", "zh", ["instead"]),
        ("return it instead of raising", "返回它，而不是引发", "zh", []),
        ("the default folder of each user", "用户的目录", "zh", ["each", "default"]),
        ("the default folder of each user", "每个用户的默认目录", "zh", []),
        ("not at all", "完全没有", "zh", []),
        ("wait for 30 of them", "等待它们", "zh", ["30"]),
        ("wait for 30 of them", "等待其中 30 个", "zh", []),
    ],
)
def test_what_a_translation_leaves_out(words: str, translated: str, to: Locale, left_out: list[str]) -> None:
    assert cues.left_out(words, translated, to) == left_out


@pytest.mark.parametrize(
    ("words", "translated", "added"),
    [
        ("the list would otherwise be retained", "否则列表将不会被保留", ["不"]),
        ("the list would otherwise be retained", "否则列表会一直保留", []),
        ("drop what is stale", "丢弃没有更新的内容", []),
        ("an unsupported kind", "不支持的类型", []),
        ("different from the constants", "与不同的、不断变化的常量", []),
        ("say whether it may be read", "是否不能读取", []),
    ],
)
def test_a_negation_that_nothing_asks_for(words: str, translated: str, added: list[str]) -> None:
    assert cues.added(words, translated, "zh") == added
    assert cues.added(words, translated, "en") == []


@pytest.mark.parametrize(
    ("translated", "found"),
    [
        ("unlike 内置函数", ["unlike"]),
        ("阻止客户端 spoof 该值", ["spoof"]),
        ("pino 的 token 和 JSON", []),
        ("`spoof` 和 X-Spoof、spoof()", []),
    ],
)
def test_english_that_was_left_standing(translated: str, found: list[str]) -> None:
    assert cues.foreign(translated, {"pino"}, "zh") == found
    assert cues.foreign(translated, {"pino"}, "en") == []


CODE = "def f():⟦⟧\n    # if it is not named, use the key\n    return 1\n"


async def test_what_was_left_out_is_asked_for_once_more() -> None:
    speaker = Speaker("使用键", "如果没有名称，则使用键")
    found = await runner.run(task("translate", CODE, locale="zh"), session(speaker))
    assert isinstance(found, Proposal), found
    assert "# 如果没有名称，则使用键\n" in apply(CODE.replace("⟦⟧", ""), found.edits)
    assert "不要漏译：if、not。" not in speaker.prompts[0]
    assert "不要漏译：if、not。" in speaker.prompts[1]


async def test_a_translation_that_leaves_a_condition_out_is_refused() -> None:
    found = await runner.run(
        task("translate", CODE, locale="zh"), session(Speaker(says=lambda prompt: "使用键"))
    )
    assert found == Refused("left_out", "if, not")


async def test_english_words_are_told_and_refused() -> None:
    code = "def f(pino):⟦⟧\n    # keep the pino clients from spoofing it\n    return 1\n"
    speaker = Speaker("阻止 pino 客户端 spoof 它", "阻止 pino 客户端伪造它")
    found = await runner.run(task("translate", code, locale="zh"), session(speaker))
    assert isinstance(found, Proposal), found
    assert found.edits[0].new_text == "阻止 pino 客户端伪造它"
    assert "译文中不应出现：spoof。" in speaker.prompts[1]
    speaker = Speaker(says=lambda prompt: "阻止 pino 客户端 spoof 它")
    assert await runner.run(task("translate", code, locale="zh"), session(speaker)) == Refused(
        "language", "spoof"
    )


async def test_each_sentence_ends_as_it_ended() -> None:
    comment = "Makes a copy of all of the entries of the callers. Useful for the later tests."
    code = f"def f():⟦⟧\n    # {comment}\n    return 1\n"
    speaker = Speaker("复制调用者的全部条目", "便于以后的测试")
    found = await runner.run(task("translate", code, locale="zh"), session(speaker))
    assert isinstance(found, Proposal), found
    assert "# 复制调用者的全部条目。便于以后的测试。\n" in apply(code.replace("⟦⟧", ""), found.edits)


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("they already round-trip the full state", [("round-trip", "完整还原")]),
        ("one round trip to the server less", []),
        ("Bail out when it is a no-op", [("Bail out", "提前返回"), ("no-op", "空操作")]),
        ("sorted in place", [("in place", "原地")]),
        ("in place of the old one", []),
        ("leaves the declared type alone", [("leaves the declared type alone", "不改动")]),
        ("it stands alone", []),
        ("Write can't fail", [("can't fail", "不会失败")]),
    ],
)
def test_phrases_that_are_no_sum_of_their_words(words: str, found: list[tuple[str, str]]) -> None:
    assert terms.of(words) == found


async def test_what_a_phrase_means_is_told_with_the_question() -> None:
    asked = task("translate", "⟦# Both round-trip the whole state\nx = 1⟧\n", locale="zh")
    speaker = Speaker("两者都能完整还原整个状态")
    found = await runner.run(asked, session(speaker))
    assert isinstance(found, Proposal), found
    assert "“round-trip”译为“完整还原”" in speaker.prompts[0]
    speaker = Speaker("准备好这些选项")
    await runner.run(task("translate", "⟦# Prepare the options\n⟧x = 1\n", locale="zh"), session(speaker))
    assert "译为" not in speaker.prompts[0]


STATE = """def reduced(self, args):⟦⟧
    # return a plain (callable, args, state) tuple for it
    state = self.state
    return (self.kind, args, state)
"""


async def test_names_in_brackets_are_no_prose() -> None:
    lost, kept = "返回一个普通的（可调用，参数，状态）元组", "返回一个普通的 `(callable, args, state)` 元组"
    speaker = Speaker(lost, kept)
    found = await runner.run(task("translate", STATE, locale="zh"), session(speaker))
    assert isinstance(found, Proposal), found
    assert "plain `(callable, args, state)` tuple" in speaker.prompts[0]
    assert found.edits[0].new_text == "返回一个普通的 (callable, args, state) 元组"


async def test_words_in_brackets_are_prose() -> None:
    code = "def h(a):⟦⟧\n    # takes the usual values (numbers, words) too\n    return a\n"
    said = "也接受通常的值（数字、单词）"
    found = await runner.run(task("translate", code, locale="zh"), session(Speaker(said)))
    assert isinstance(found, Proposal), found
    assert found.edits[0].new_text == said


@pytest.mark.parametrize(
    ("words", "line", "wanted"),
    [
        ("Write can't fail", "Write 不能失败", "Write 不会失败"),
        ("this cannot ever happen", "这不能发生", "这不会发生"),
        ("the write must not fail", "写入不能失败", "写入不能失败"),
    ],
)
def test_what_cannot_fail_is_not_told_to(words: str, line: str, wanted: str) -> None:
    assert terms.repaired(words, line) == wanted
