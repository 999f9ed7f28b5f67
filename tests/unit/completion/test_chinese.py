"""Chinese comments, identifiers and full-width punctuation on every step of a completion but the model."""

from __future__ import annotations

import pytest

from qwen_lsp.completion import filters, prompt, stopping
from qwen_lsp.completion.answer import Answer
from qwen_lsp.completion.cache import Cache, Entry
from qwen_lsp.completion.filters import Reject
from qwen_lsp.completion.insertion_point import InsertionPoint
from qwen_lsp.completion.stopping import Surroundings
from qwen_lsp.syntax import languages, parsing
from qwen_lsp.text import Document, Edit, Span, whole_text_change
from tests.support.places import cursor, split
from tests.unit.completion.test_filters import case_of


def around(marked: str, language: str = "python") -> Surroundings:
    known = languages.find(language, None)
    before, after = split(marked)
    return stopping.surroundings(cursor(marked, language), known, parsing.place_kind(before, after, known))


@pytest.mark.parametrize(
    ("marked", "answer", "text"),
    [
        (
            "def 总价(单价, 数量):\n    ║\n",
            "return 单价 * 数量\n\n\ndef 其他():\n    pass\n",
            "return 单价 * 数量",
        ),
        ("价格 = [║]\n", "单价, 数量]\n更多 = 1", "单价, 数量"),
        ("总价 = ║\n税 = 总价 * 税率\n", "单价 * 数量\n税 = 总价 * 税率\n", "单价 * 数量"),
        ("# 计算║\n", "总价，含税。\ndef 总价():\n", "总价，含税。"),
        ("名称 = '║'\n", "苹果（红）'\n", "苹果（红）'"),
        (
            "def 求和(数列):\n    for 数 in 数列:\n        ║\n    return 0\n",
            "结果 += 数\n    return 0\n",
            "结果 += 数",
        ),
    ],
)
def test_an_answer_ends_where_an_english_one_would(marked: str, answer: str, text: str) -> None:
    place = around(marked)
    found = stopping.cut(answer, stopping.mode(place), place)
    assert found.text == text
    assert found.reason


def test_the_limit_cuts_no_identifier_in_two() -> None:
    place = around("总价 = [║]\n")
    assert stopping.finish("单价, 数", "line", place, hit_limit=True) == "单价,"


@pytest.mark.parametrize(
    ("before", "answer", "after", "expected"),
    [
        ("# 打印（", "“总价”）", "）\n", "“总价”"),
        ("# 先打印“", "总价”", "”。\n", "总价"),
        ("# 打印总价", "，含税。", "。\n", "，含税"),
        ("# 单价（元", "）。", "）。\n", None),
        ("名称 = '", "苹果'", "'\n", "苹果"),
        ("def 求和(数列):\n    ", "return sum(数列)", "\n    return sum( 数列 )\n", None),
        ("总价 = 单价 * ", "数量", "\n", "数量"),
    ],
)
def test_filters(before: str, answer: str, after: str, expected: str | None) -> None:
    text, _ = filters.clean(answer, case_of(before, after))
    assert (None if isinstance(text, Reject) else text) == expected


def test_typing_into_a_suggestion_with_an_input_method() -> None:
    """An input method commits several characters at once."""
    cache = Cache()
    cache.put("u", Entry("总价 = ", "\n", Answer("单价 * 数量")))
    found = cache.find("u", "总价 = 单价", "\n")
    assert found is not None
    assert found[1].rest == " * 数量"
    then, now = (Document("u", text, version) for version, text in enumerate(("价 = \r\n", "价 = 单价\r\n")))
    point = InsertionPoint(then, 4)
    point.follow(whole_text_change(then, now))
    assert point.rebase(Edit(Span(4, 4), "单价 * 2")) == Edit(Span(6, 6), " * 2")


def test_no_token_is_healed_inside_han_text() -> None:
    assert prompt.healed_prefix("# 计算总价") == ""
    assert prompt.healed_prefix("总价 = tot") == " tot"
