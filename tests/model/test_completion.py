"""Real completions in a real session over the repositories in fixtures/: properties, not texts."""

from __future__ import annotations

import contextlib
import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from lsprotocol import types

from qwen_lsp.bench import editor as lsp_session
from qwen_lsp.bench.demo.__main__ import Scene, scenes
from qwen_lsp.bench.editor import Session
from qwen_lsp.lsp.requests.explain import EXPLAIN
from qwen_lsp.syntax import languages, parsing
from tests.model.conftest import READY_S
from tests.support.editor import within
from tests.support.isolation import isolate_user
from tests.support.places import FIXTURES, split
from tests.support.weights import MODELS

pytestmark = [pytest.mark.model, pytest.mark.asyncio(loop_scope="module")]

REPOS = FIXTURES / "repos"
SCENES = scenes(REPOS)
# One place of each repository at every run; the others are more of the same.
FIRST = {scene.repository: scene for scene in reversed(SCENES)}
PLACES = [
    pytest.param(scene, marks=() if scene in FIRST.values() else pytest.mark.slow, id=scene.title)
    for scene in SCENES
]
OPTIONS = {
    "engine": {"contextTokens": 2048},
    "completion": {"timeoutMs": 300_000},
    "client": {"streamCompletion": True},
}

# What any programmer would write, and the model does in one of a few wordings.
EASY = [
    ("def add(first, second):\n    return ║\n", "first + second"),
    ("def add_numbers(a, b):\n    return ║\n\n\nprint(add_numbers(1, 2))\n", "a + b"),
    ('def greet(name):\n    """Say hello to name."""\n    return f"Hello, {║}!"\n', "name"),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def session(tmp_path_factory: pytest.TempPathFactory, model_file: object) -> AsyncIterator[Session]:
    """One server, and so one engine, for all places."""
    with pytest.MonkeyPatch.context() as patch:
        isolate_user(patch, tmp_path_factory.mktemp("home"))
        patch.setenv("QWEN_LSP_MODELS", str(MODELS))
        async with lsp_session.start(REPOS, options=OPTIONS) as session:
            yield session
            assert [message.message for message in session.messages] == []
        print("\n".join(session.stderr))
        assert session.server_process.returncode == 0


async def ask(session: Session, uri: str, offset: int) -> list[types.InlineCompletionItem]:
    return list(await within(session.complete(uri, offset), READY_S))


@pytest.mark.parametrize("scene", PLACES)
async def test_a_place_in_a_repository(session: Session, scene: Scene) -> None:
    language = languages.find("", str(scene.path))
    assert language is not None
    uri = scene.path.as_uri()
    streamed: list[str] = []
    session.on_partial = streamed.append
    document = await session.open(uri, language.id, scene.text)
    try:
        items = await ask(session, uri, scene.offset)
        trace = await within(session.request(EXPLAIN, {"textDocument": {"uri": uri}}))
        assert items, f"{trace.reason}: {trace.detail}"
        latest = trace
        while latest.isPartial:  # the first line came at once; asking again brings the rest
            items = await ask(session, uri, scene.offset)
            latest = await within(session.request(EXPLAIN, {"textDocument": {"uri": uri}}))
        for item in items:
            edit = session.accept(uri, item, scene.offset)
            assert edit.new_text.strip()
            whole = document.with_edit(edit, 2).text
            assert parsing.error_count(whole, language) == 0, whole
            following = [line.strip() for line in scene.text[scene.offset :].split("\n") if line.strip()]
            written = [line.strip() for line in edit.new_text.split("\n") if line.strip()]
            assert written != following[: len(written)], "it repeats what follows anyway"
        assert streamed, "a client that wants to see the text grow does"
        assert trace.timings.prompt_tokens > 0
        assert trace.timings.generated_tokens > 0
        assert scene.path.relative_to(REPOS).as_posix() in trace.prompt, "the model knows where it is"
    finally:
        session.on_partial = None
        await session.close(uri)


async def test_a_known_answer(session: Session) -> None:
    right = 0
    for number, (marked, expected) in enumerate(EASY):
        before, after = split(marked)
        uri = f"untitled:easy-{number}"
        await session.open(uri, "python", before + after)
        items = await ask(session, uri, len(before))
        right += any(str(item.insert_text).strip() == expected for item in items)
    assert right >= 2


async def test_after_a_dot(session: Session) -> None:
    """The commonest place of all: a name that exists must come, whatever has been typed of it."""
    text = (
        "class Item:\n    def __init__(self, unit_price, quantity):\n        self.unit_price = unit_price\n"
        "        self.quantity = quantity\n\n    def total(self):\n        return self.unit_price * self."
    )
    for typed in ("", "quan"):
        uri = f"untitled:dot-{typed}"
        await session.open(uri, "python", f"{text}{typed}\n")
        items = await ask(session, uri, len(text) + len(typed))
        assert any((typed + str(item.insert_text)).startswith("quantity") for item in items)


async def test_a_second_request_in_the_same_place_is_answered_at_once(session: Session) -> None:
    before, after = split(EASY[0][0])
    uri = "untitled:twice"
    await session.open(uri, "python", before + after)
    first = await ask(session, uri, len(before))
    trace = await within(session.request(EXPLAIN, {"textDocument": {"uri": uri}}))
    assert first, trace.detail
    again = await ask(session, uri, len(before))
    assert again[0].insert_text == first[0].insert_text


async def test_windows_line_ends_and_chinese_names(session: Session) -> None:
    text = (
        '"""计算价格。"""\r\n\r\n\r\ndef 总价(单价, 数量):\r\n    """返回单价与数量的乘积。"""\r\n    return '
    )
    uri = "untitled:crlf"
    await session.open(uri, "python", f"{text}\r\n")
    items = await ask(session, uri, len(text))
    trace = await within(session.request(EXPLAIN, {"textDocument": {"uri": uri}}))
    assert items, trace.detail
    inserted = str(items[0].insert_text)
    assert "单价" in inserted
    assert "\n" not in inserted.replace("\r\n", "")
    assert "\r" not in trace.prompt


# The same wish in both languages, and what the function must then return for 7 and 3.
WISHES = [
    ("返回两个数的和", "Return the sum of two numbers", 10),
    ("返回两个数的差", "Return the difference of two numbers", 4),
    ("返回两个数的乘积", "Return the product of two numbers", 21),
    ("返回两个数中较大的一个", "Return the larger of two numbers", 7),
    ("返回两个数中较小的一个", "Return the smaller of two numbers", 3),
]
HARMLESS = re.compile(r"[\w\s+*/<>=(),\[\]-]+")


@pytest.mark.parametrize("language", ["chinese", "english"])
async def test_a_comment_steers_in_either_language(session: Session, language: str) -> None:
    """The code below is the same for all five wishes, so only the comment can tell them apart."""
    right = 0
    for number, (chinese, english, expected) in enumerate(WISHES):
        before = f"# {chinese if language == 'chinese' else english}\ndef f(a, b):\n    return "
        uri = f"untitled:wish-{language}-{number}"
        await session.open(uri, "python", f"{before}\n")
        items = await ask(session, uri, len(before))
        text = str(items[0].insert_text).strip() if items else ""
        print(language, expected, text)
        if HARMLESS.fullmatch(text):
            with contextlib.suppress(Exception):
                allowed = {"__builtins__": {}, "max": max, "min": min, "sum": sum, "abs": abs}
                right += eval(text, allowed, {"a": 7, "b": 3}) == expected
    assert right >= 4
