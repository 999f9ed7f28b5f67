"""Findings follow the text: also what is typed while the review still runs, or while nobody has it open."""

from __future__ import annotations

from qwen_lsp.lsp.review_shown import Reviews, Shown
from qwen_lsp.review import finding
from qwen_lsp.text import Change, Document, Edit, Span

URI = "file:///a.py"
START = Document(URI, "a = 1\neval(a)\nb = 2\n", 1, "python", "/a.py")


def found(document: Document = START) -> finding.Finding:
    at = document.text.index("eval")
    return finding.at(
        Document("a.py", document.text, path="a.py"),
        Span(at, at + 4),
        rule="code-injection",
        severity="error",
        confidence=0.9,
        category="security",
        message="It runs what it is given.",
        fix=Edit(Span(at, at + 7), "a"),
    )


def typed(document: Document, at: int, text: str, n_gone: int = 0) -> Change:
    edit = Edit(Span(at, at + n_gone), text)
    return Change(document, document.with_edit(edit, document.version + 1), (edit,))


def place(one: Shown | None) -> tuple[str, int] | None:
    """The text at the finding's place, and its line."""
    if one is None:
        return None
    span = one.finding.span
    assert one.finding.start_line == one.document.line_of(span.start) + 1
    return one.document.text[span.start : span.end], one.finding.start_line


def test_what_was_typed_since_the_start_moves_what_is_found() -> None:
    reviews = Reviews()
    with reviews.following() as since:
        first = typed(START, 0, "# 1\n")
        second = typed(first.after, len(first.after.text), "# 2\n")
        for change in (first, second):
            reviews.follow(change)
        made_for = Document("a.py", START.text, path="a.py")
        assert place(since.placed(found(), made_for, URI, second.after)) == ("eval", 3)
        third = typed(second.after, second.after.text.index("eval"), "", 2)
        reviews.follow(third)
        assert since.placed(found(), made_for, URI, third.after) is None


def test_what_was_typed_before_it_began_does_not() -> None:
    reviews = Reviews()
    reviews.follow(typed(START, 0, "# 1\n"))
    with reviews.following() as since:
        made_for = Document("a.py", START.text, path="a.py")
        assert place(since.placed(found(), made_for, URI, START)) == ("eval", 2)
    assert reviews.follow(typed(START, 0, "x")) is False, "nothing is shown"


def test_a_file_that_is_opened_meanwhile_is_compared() -> None:
    with Reviews().following() as since:
        made_for = Document("a.py", START.text, path="a.py")
        opened = Document(URI, "# unsaved\n" + START.text, 1)
        assert place(since.placed(found(), made_for, URI, opened)) == ("eval", 3)
        assert place(since.placed(found(), made_for, URI, None)) == ("eval", 2)


def test_what_is_shown_follows_each_edit_until_one_touches_it() -> None:
    reviews = Reviews()
    reviews.shown[URI] = {"print": Shown(found(), START)}
    change = typed(START, 0, "# 1\n")
    assert reviews.follow(change) is False
    assert place(reviews.shown[URI]["print"]) == ("eval", 3)
    assert reviews.follow(typed(change.after, change.after.text.index("(a)"), "(b)", 3)) is True
    assert reviews.shown[URI] == {}
