"""The table of sentences: complete in both languages, and no key is missing where one is looked up."""

from __future__ import annotations

import inspect
import re
import string
from typing import get_args

import pytest

from qwen_lsp.completion import filters
from qwen_lsp.completion.outcome import Reason
from qwen_lsp.messages import TEXTS, locale_of, rule, text
from tests.support.places import REPOSITORY


def fields(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name}


@pytest.mark.parametrize("key", TEXTS)
def test_a_sentence_is_whole_in_both_languages(key: str) -> None:
    sentence = TEXTS[key]
    assert fields(sentence.en) == fields(sentence.zh)
    assert sentence.en.isascii()
    assert re.search("[一-鿿]", sentence.zh), "Chinese is Chinese"
    assert re.findall("`[^`]*`", sentence.en) == re.findall("`[^`]*`", sentence.zh), (
        "the same commands and keys"
    )
    if key.startswith(("rule.", "command.", "words.")):  # a part of a sentence
        assert not sentence.en.endswith(".")
        assert not sentence.zh.endswith("。")
    elif not sentence.en.endswith("}"):
        assert sentence.en.endswith(".")
        assert sentence.zh.endswith("。")


@pytest.mark.parametrize(
    ("tag", "locale"),
    [
        ("zh", "zh"),
        ("zh-cn", "zh"),
        ("zh_TW", "zh"),
        ("ZH-Hans-CN", "zh"),
        ("en", "en"),
        ("en-US", "en"),
        ("de", "en"),
        ("zha", "en"),
        ("", "en"),
        (None, "en"),
    ],
)
def test_the_client_s_locale_chooses(tag: str | None, locale: str) -> None:
    assert locale_of(tag) == locale


def test_values_are_put_in() -> None:
    assert text("remedy.no_model", "en", model="m1") == "Run `qwen-lsp models pull m1` in a terminal."
    assert text("remedy.no_model", "zh", model="m1") == "请在终端运行 `qwen-lsp models pull m1`。"
    assert text("status.failed", "en", detail="{not a field}").endswith("{not a field}")


def test_every_reason_has_a_sentence() -> None:
    by_status = {"off", "engine", "model"}  # worded as the status has it
    assert [
        reason for reason in get_args(Reason) if reason not in by_status and f"explain.{reason}" not in TEXTS
    ] == []


@pytest.mark.parametrize("filter_", filters.FILTERS, ids=lambda filter_: str(filter_.__name__))
def test_every_filter_that_rejects_has_words_for_it(filter_: filters.Filter) -> None:
    if "Reject(" in inspect.getsource(filter_):
        assert f"rule.{filter_.__name__}" in TEXTS


def test_a_rule_without_words_is_told_by_its_own() -> None:
    assert rule("no_such_rule", "its own words", "zh") == "its own words"
    assert rule("syntax", "it adds 2 syntax errors", "zh") == TEXTS["rule.syntax"].zh


def test_no_sentence_is_left_over() -> None:
    """Keys are written out or made of a prefix and a name, such as `status.` and the state."""
    made = {"status.", "remedy.", "explain.", "rule.", "refused.", "review.status.", "unlikely."}
    made |= {"command.", "command.plain.", "command.translate."}
    made |= {f"words.{one}." for one in ("severity", "reason", "count", "one", "unasked")}
    code = "\n".join(
        path.read_text("utf-8") for path in (REPOSITORY / "qwen_lsp").rglob("*.py") if path.stem != "messages"
    )
    unused = [
        key
        for key in TEXTS
        if f'"{key}"' not in code
        and not any(key.startswith(one) and f'"{key[len(one) :]}"' in code for one in made)
    ]
    reasons = {f"explain.{reason}" for reason in get_args(Reason)}
    rules = {f"rule.{filter_.__name__}" for filter_ in filters.FILTERS}
    assert set(unused) - reasons - rules == set()
