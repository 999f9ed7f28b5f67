"""What comments say wrongly, each kind with its reverse case."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from qwen_lsp.review import reviewer
from qwen_lsp.review.change.change import Change, ChangedFile, compare
from qwen_lsp.review.find import wording
from qwen_lsp.review.finding import Finding
from tests.unit.review.repositories import committed_and_reviewed


def said(path: str, before: str | None, after: str) -> list[Finding]:
    """Review one file by these rules."""
    change = Change("t", (ChangedFile(compare(path, before, after), before, after),))
    return [one for one in asyncio.run(reviewer.review(change)).findings if one.rule in wording.RULES]


@pytest.mark.parametrize(
    ("path", "text", "word", "line"),
    [
        ("a.go", "package a\n\n// It opens the the file.\nfunc f() {}\n", "the", 3),
        ("a.py", 'def f():\n    """Return an\n    an answer."""\n', "", 0),
        ("a.py", 'def f():\n    """Wait for for it."""\n', "for", 2),
        ("a.c", "/* The the one. */\n", "the", 1),
        ("a.c", "/*\n * It waits for the\n * the answer.\n */\n", "the", 2),
        ("a.md", "This is is read.\n", "", 0),  # two auxiliaries are left alone: `what it is is a lock`
        ("a.md", "It goes to to there.\n", "to", 1),
    ],
)
def test_a_word_twice(path: str, text: str, word: str, line: int) -> None:
    found = [(one.start_line, one.message) for one in said(path, None, text)]
    assert found == ([(line, f"`{word}` stands here twice in a row.")] if word else [])


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("a.md", "We hold that that is so, and had had enough.\n"),
        ("a.md", "Rename it to TO.\n"),
        ("a.md", "`the the` is found.\n"),
        ("a.py", 'x = "the the"\n'),  # a text of the program
        ("a.json", '{"a": "the the"}\n'),
        ("a.go", "package a\n\n// the-the and of/of\n"),
        ("a.py", "# 的的 the\nthe = 1\n"),
    ],
)
def test_no_word_twice(path: str, text: str) -> None:
    assert said(path, None, text) == []


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("// For layers larger then [Max], one", "larger than"),
        ("// Copy rather then move", "rather than"),
        ("// A plugin has it's own state", "its own"),
        ("// It would of been late", "would have"),
        ("// this don't work", "this doesn't"),
        ("// The key does not exists", "does not exist"),
        ("// It doesn't matches", "doesn't match"),
        ("// The call will returns nil", "will return"),
        ("// A row can has none", "can have"),
        ("// not to loose the data", "to lose"),
        ("// depending of the size", "depending on"),
        ("// It is suppose to end", "is supposed to"),
        ("// It was use to wait", "was used to"),
        ("// The row cannot be find.", "be found"),
        ("// your not asked", "you're not"),
    ],
)
def test_a_word_for_another_one(text: str, wanted: str) -> None:
    found = [one.message for one in said("a.go", None, f"package a\n\n{text}\nfunc f() {{}}\n")]
    assert len(found) == 1
    assert found[0].endswith(f" should be `{wanted}`.")


@pytest.mark.parametrize(
    "text",
    [
        "// If it is larger then the rest is cut",
        "// When the value is\n// larger then the rest is cut",
        "// The set of all that exists, and what it can contain",
        "// It's only the owner's own",
        "// what it does returns nil",
        "// loose the lock",
        "// `rather then`",
        "// These don't, and your own",
        "// use to wait, be findable",
    ],
)
def test_no_word_for_another_one(text: str) -> None:
    assert said("a.go", None, f"package a\n\n{text}\nfunc f() {{}}\n") == []


def test_what_was_only_moved_is_left_alone() -> None:
    before = "package a\n\n// It opens the the file.\nfunc f() {}\n"
    after = "package a\n\nfunc g() {\n\t// It opens the the file.\n}\n"
    assert said("a.go", before, after) == []


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("// Bind a value to an Scale", "a Scale"),
        ("// Keyed by a identifier", "an identifier"),
        ("// A empty list", "An empty"),
        ("// an template", "a template"),
    ],
)
def test_a_wrong_article(text: str, wanted: str) -> None:
    (found,) = said("a.rs", None, f"{text}\n")
    assert found.rule == wording.ARTICLE
    assert found.message.endswith(f"should be `{wanted}`.")


@pytest.mark.parametrize(
    "text",
    [
        "// an SQL query, an xml file, an hour, an lv_obj, an npm package, an x, an Array",
        "// a user, a unit, a one-time key, a European, a union, a once flag",
        "// a else b",
        "// When A opens B, it is a onefile build and prints a oneline text.",
        "// A itself. A opens B. The initiative A above",
        "// not-an template, an `template`, an template_name",
        'let a = "an template";',
    ],
)
def test_a_right_article(text: str) -> None:
    assert said("a.rs", None, f"{text}\n") == []


LABEL = """/**
 * Bind an integer to a Label.
 * @param obj  the object
 */
void lv_label_bind_text(lv_obj_t * obj);
"""


def test_a_comment_of_another_function() -> None:
    copied = LABEL + LABEL.replace("lv_label_bind_text", "lv_spangroup_bind_text")
    (found,) = said("a.h", LABEL, copied)
    assert (found.rule, found.start_line) == (wording.COPIED, 6)
    assert "`lv_label_bind_text` does, not `lv_spangroup_bind_text`" in found.message
    assert said("a.h", copied, copied + "\n") == []
    called = LABEL.replace("Bind an integer to a Label", "This method is called by C").replace("label", "is")
    assert said("a.h", called, called + called.replace("_is_", "_size_")) == []
    assert said("a.h", LABEL, LABEL + LABEL.replace("label", "span").replace("Label", "Span")) == []
    assert said("a.h", LABEL, LABEL + LABEL.replace("lv_label_bind_text", "lv_label_bind_number")) == []


async def test_a_comment_that_names_what_is_gone(tmp_path: Path) -> None:
    before: dict[str, str | bytes] = {
        "a.go": "package a\n\n// Called by openFile.\nfunc f() {}\n\nfunc openFile() {}\n",
        "b.go": "package a\n",
    }
    after: dict[str, str | bytes] = {
        "a.go": "package a\n\n// Called by openFile.\nfunc f() {}\n\nfunc readAll() {}\n"
    }

    def stale(root: Path, change: dict[str, str | bytes]) -> list[tuple[int, bool]]:
        found = committed_and_reviewed(root, before, change)
        return [(one.start_line, one.is_caused) for one in found if one.rule == wording.STALE]

    def run(name: str, more: dict[str, str | bytes]) -> list[tuple[int, bool]]:
        return stale(tmp_path / name, {**after, **more})

    assert await asyncio.to_thread(run, "1", {}) == [(3, True)]
    assert await asyncio.to_thread(run, "2", {"b.go": "package a\n\nfunc openFile() {}\n"}) == [], "it moved"
    history = "package a\n\n// Was openFile before.\nfunc f() {}\n\nfunc readAll() {}\n"
    assert await asyncio.to_thread(run, "3", {"a.go": history}) == [], "the change says so on purpose"
