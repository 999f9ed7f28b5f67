"""Conditions and negations that a translation must still say."""

from __future__ import annotations

import pytest

from qwen_lsp.actions import cues
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
    ],
)
def test_what_a_translation_leaves_out(words: str, translated: str, to: Locale, left_out: list[str]) -> None:
    assert cues.left_out(words, translated, to) == left_out


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


async def test_each_sentence_ends_as_it_ended() -> None:
    comment = "Makes a copy of all of the entries of the callers. Useful for the later tests."
    code = f"def f():⟦⟧\n    # {comment}\n    return 1\n"
    speaker = Speaker("复制调用者的全部条目", "便于以后的测试")
    found = await runner.run(task("translate", code, locale="zh"), session(speaker))
    assert isinstance(found, Proposal), found
    assert "# 复制调用者的全部条目。便于以后的测试。\n" in apply(code.replace("⟦⟧", ""), found.edits)
