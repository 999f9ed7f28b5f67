"""Words of code: the same on both sides of the index."""

from __future__ import annotations

import sqlite3

import pytest
from hypothesis import given, strategies

from qwen_lsp.index.words import words_of


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("getUserName", {"get", "user", "name", "getusername"}),
        ("HTTPServer2", {"http", "server", "httpserver2"}),
        ("max_line_tokens", {"max", "line", "tokens", "max_line_tokens"}),
        ("total", {"total"}),
        ("x = 3", set()),
        ("# 学生成绩", {"学生", "生成", "成绩"}),
        ("计算total平均", {"计算", "total", "平均"}),
        ("größe", {"gr", "größe"}),
    ],
)
def test_words(text: str, words: set[str]) -> None:
    assert words <= words_of(text)
    if text != "größe":
        assert words_of(text) == words


@given(strategies.text(max_size=200))
def test_any_text_can_be_indexed_and_found(text: str) -> None:
    words = words_of(text)
    assert all(word.replace("_", "").isalnum() for word in words)
    database = sqlite3.connect(":memory:")
    database.execute(
        "CREATE VIRTUAL TABLE t USING fts5(word, content='', tokenize=\"unicode61 tokenchars '_'\")"
    )
    database.execute("INSERT INTO t (rowid, word) VALUES (1, ?)", (" ".join(words),))
    for word in words:
        if word.isascii():
            assert database.execute("SELECT rowid FROM t WHERE word MATCH ?", (f'"{word}"',)).fetchall() == [
                (1,)
            ]
    database.close()


@given(strategies.text(alphabet=strategies.characters(max_codepoint=127)))
def test_plain_text_has_the_words_that_it_has_beside_other_text(text: str) -> None:
    """ASCII is split in a way of its own."""
    assert words_of(text) | words_of("价格") == words_of(f"{text}\n价格")
