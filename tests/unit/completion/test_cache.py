"""Finished answers serve every state that is reached by typing their beginning, and no other."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from qwen_lsp.completion.answer import Answer
from qwen_lsp.completion.cache import MAX_ENTRIES, MAX_TYPED_CHARS, Cache, Entry

URI = "file:///a.py"
texts = st.text(st.sampled_from("ab \n"), max_size=10)


@given(texts, texts, texts, st.data())
def test_typing_through_an_answer_finds_the_rest(
    prefix: str, suffix: str, text: str, data: st.DataObject
) -> None:
    cache = Cache()
    entry = Entry(prefix, suffix, Answer(text))
    cache.put(URI, entry)
    n_typed = data.draw(st.integers(0, len(text)))
    found = cache.find(URI, prefix + text[:n_typed], suffix)
    if n_typed == 0 or n_typed < len(text):
        assert found == (entry, Answer(text, (), n_typed))
    else:
        assert found is None, "all of it is typed"


@given(texts, texts, texts, texts, texts)
def test_what_is_found_always_leads_to_the_text_that_was_suggested(
    prefix: str, suffix: str, text: str, at_prefix: str, at_suffix: str
) -> None:
    cache = Cache()
    cache.put(URI, Entry(prefix, suffix, Answer(text)))
    found = cache.find(URI, at_prefix, at_suffix)
    if found is not None:
        assert at_suffix == suffix
        assert at_prefix + found[1].rest == prefix + text


def test_what_is_left_of_an_answer_where_typing_has_gone() -> None:
    entry = Entry("x = ", "\n", Answer("first"))
    assert entry.left_at("x = fi", "\n").rest == "rst"
    for prefix in ("x = first + ", "x = second", "y = "):
        assert entry.left_at(prefix, "\n").rest == "", "further, or another way"


def test_the_longest_rest_wins() -> None:
    cache = Cache()
    cache.put(URI, Entry("x = ", "", Answer("alpha")))
    cache.put(URI, Entry("x = al", "", Answer("pha + beta")))
    found = cache.find(URI, "x = al", "")
    assert found is not None
    assert found[1].rest == "pha + beta"


def test_a_rejected_answer_is_found_at_its_own_place_only() -> None:
    cache = Cache()
    rejected = Entry("x = ", "", Answer(""), "the model wrote nothing")
    cache.put(URI, rejected)
    assert cache.find(URI, "x = ", "") == (rejected, Answer(""))
    assert cache.find(URI, "x = a", "") is None


def test_documents_do_not_share_answers() -> None:
    cache = Cache()
    cache.put(URI, Entry("x = ", "", Answer("1")))
    assert cache.find("file:///b.py", "x = ", "") is None


def test_it_is_bounded() -> None:
    cache = Cache()
    for number in range(MAX_ENTRIES + 1):
        cache.put(URI, Entry(f"x{number} = ", "", Answer("1")))
    assert cache.find(URI, "x0 = ", "") is None
    assert cache.find(URI, f"x{MAX_ENTRIES} = ", "") is not None
    text = "a" * (MAX_TYPED_CHARS + 10)
    cache.put(URI, Entry("y = ", "", Answer(text)))
    assert cache.find(URI, "y = " + text[:MAX_TYPED_CHARS], "") is not None
    assert cache.find(URI, "y = " + text[: MAX_TYPED_CHARS + 1], "") is None
