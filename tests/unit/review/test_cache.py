"""The memory of reviews: what is put is kept at once, and nobody waits for another review's end."""

from __future__ import annotations

from pathlib import Path

from qwen_lsp.review import finding
from qwen_lsp.review.cache import Cache
from qwen_lsp.text import Document, Span

DOCUMENT = Document("a.py", "eval(x)\n", path="a.py")


def found() -> finding.Finding:
    return finding.at(
        DOCUMENT,
        Span(0, 4),
        rule="code-injection",
        severity="error",
        confidence=0.9,
        category="security",
        message="It runs what it is given.",
    )


def test_two_reviews_at_once_both_remember(tmp_path: Path) -> None:
    one, other = Cache(tmp_path / "review.sqlite"), Cache(tmp_path / "review.sqlite")
    one.put("one", [found()])
    other.put("other", [])
    assert other.get("one", DOCUMENT) == [found()], "before the review that found it has ended"
    assert one.get("other", DOCUMENT) == []
    one.close()
    other.close()


def test_a_review_that_was_killed_keeps_what_it_has_found(tmp_path: Path) -> None:
    killed = Cache(tmp_path / "review.sqlite")
    killed.put("one", [found()])
    later = Cache(tmp_path / "review.sqlite")
    assert later.get("one", DOCUMENT) == [found()]
    assert later.get("two", DOCUMENT) is None
    later.close()
    killed.close()
