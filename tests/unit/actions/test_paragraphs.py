"""Sentences that run over several lines of a comment."""

from __future__ import annotations

import re

import pytest

from qwen_lsp.actions import paragraphs, translate
from qwen_lsp.actions import run as runner
from qwen_lsp.actions.task import Proposal, apply
from qwen_lsp.text import Document, Span
from tests.support.chatting import Speaker, session, task

LONG = "it takes the number of an item and how many there are to be of it all"


@pytest.mark.parametrize(
    ("text", "groups"),
    [
        (f"# «{LONG}»\n# «three four»\nx = 1\n", [2]),
        ("# «one two»\n# «three four»\nx = 1\n", [1, 1]),  # there was room for more
        ("# «the buffer is full and so we let go of it and try»\n# «again later»\n", [2]),  # goes on small
        ("# «the buffer is full and so we let go of it and try»\n# «Again later»\n", [1, 1]),
        (f"# «{LONG}.»\n# «Three four»\n", [1, 1]),  # a sentence ends there
        (f"# «{LONG}»\n#\n# «three four»\n", [1, 1]),
        (f"# «{LONG}»\n    # «three four»\n", [1, 1]),
        (f"x = 1  # «{LONG}»\n       # «three four»\n", [1, 1]),
        (f"x = 1  # «{LONG}»\ny = 2  # «three four»\n", [1, 1]),
        (f'"""«{LONG}»\n    «three four»\n    """\n', [2]),
        (f"/**\n * «{LONG}»\n * «three four»\n * @param a «five six»\n */\n", [2, 1]),
        ("# «根据传入的商品编号和数量，在仓库里预留库存，如果库存不足，就会抛出»\n# «异常»\n", [2]),
    ],
)
def test_lines_of_one_text(text: str, groups: list[int]) -> None:
    lines: list[Span] = []
    for match in re.finditer("«(.*?)»", text):
        start = match.start() - 2 * len(lines)
        lines.append(Span(start, start + len(match[1])))
    document = Document("", re.sub("[«»]", "", text))
    assert [len(group) for group in paragraphs.grouped(document, lines)] == groups


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Short one. And two.", ["Short one. And two."]),
        (
            "The first sentence of them all, e.g. this one; the second is no longer. And a third",
            ["The first sentence of them all, e.g. this one;", "the second is no longer.", "And a third"],
        ),
    ],
)
def test_sentences(text: str, found: list[str]) -> None:
    assert paragraphs.sentences(text) == found


@pytest.mark.parametrize(
    ("text", "sizes", "lines"),
    [
        ("创建目录，并在需要时创建上级目录", [20, 20], ["创建目录，", "并在需要时创建上级目录"]),
        ("one two three four", [9, 9], ["one two", "three four"]),
        ("见 :class:`A B`", [4, 4], ["见", ":class:`A B`"]),
        ("它把文件移动到目录并同步", [8, 4], ["它把文件移动到目录", "并同步"]),
        ("检查确保我们不会丢失信息", [7, 5], ["检查确保我们", "不会丢失信息"]),
        ("短", [20, 20], None),
        ("unbreakable", [5, 5], None),
    ],
)
def test_over_lines_again(text: str, sizes: list[int], lines: list[str] | None) -> None:
    assert paragraphs.spread(text, sizes) == lines


EXAMPLES = [
    ('"""Adds one to it all.\n\n    >>> add(1, 2)  # the sum of both\n    3 or so it is\n    """', 1),
    ('"""Adds one to it all.\n\n    Adds more of the same\n    """', 2),
    ('"""Used as it is here::\n\n        add the numbers\n\n    And so on it goes.\n    """', 2),
    ('"""Adds one to it all.\n\n    .. _the sum of it all: https://example.org\n    """', 1),
    ('"""Adds one to it all.\n\n    ```\n    add the two numbers\n    ```\n    """', 1),
    ('"""index >= len(self)"""', 0),
    ('"""the index is at the end"""', 1),
    ('"""Adds *one* to it.\n\n    *upper* is the end of them all\n    """', 2),
]


@pytest.mark.parametrize(("docstring", "n_asked"), EXAMPLES)
async def test_examples_and_code_are_no_prose(docstring: str, n_asked: int) -> None:
    code = f"def add(a, b):⟦⟧\n    {docstring}\n    return a + b\n"
    speaker = Speaker(says=lambda prompt: "全部加上 `one` 和 `upper`")
    await runner.run(task("translate", code, locale="zh"), session(speaker))
    asked = {re.split("\n\n", prompt)[-1] for prompt in speaker.prompts}
    assert len(asked) == n_asked, asked


async def test_code_in_a_comment_of_go_is_no_prose() -> None:
    code = "⟦// Adds one to it all:\n//\n//\tadd the two numbers\n// and so it ends⟧\nfunc f() {}\n"
    speaker = Speaker(says=lambda prompt: "全部")
    await runner.run(task("translate", code, language="go", path="a.go", locale="zh"), session(speaker))
    assert not any("two numbers" in prompt for prompt in speaker.prompts)


async def test_a_text_of_which_one_sentence_fails_stays_as_it_is() -> None:
    first, second = "It makes a copy of the entry that was given,", "if there is one that can be copied."
    code = f"def f():⟦⟧\n    # {first} which is kept\n    # {second}\n\n    # Done with the rest\n"
    answers = {"Done": "其余部分已完成", "copy": "它复制给定的条目"}
    speaker = Speaker(
        says=lambda prompt: next(new for old, new in answers.items() if old in prompt.split("\n\n")[-1])
    )
    found = await runner.run(task("translate", f"{code}    return 1\n", locale="zh"), session(speaker))
    assert isinstance(found, Proposal), found
    assert [edit.new_text for edit in found.edits] == ["其余部分已完成"]


BLOCKS = [
    ("    # Makes a copy of it.\n    # Done with the rest\n    return 1\n", 0),
    ("    # Makes a copy of it.\n    #\n    # Done with the rest\n    return 1\n", 1),
    ("    # Makes a copy of it.\n    # - Done with the rest\n    return 1\n", 1),
    ("    a = 1  # Makes a copy of it.\n    b = 1  # Done with the rest\n    return 1\n", 1),
    ('    """Makes a copy of it.\n    Done with the rest\n    """\n    return 1\n', 0),
    (
        '    """\n    Args:\n        aa: Makes a copy.\n        bb: Done with the rest\n    """\n    return 1\n',
        1,
    ),
]


@pytest.mark.parametrize(("body", "n_edits"), BLOCKS)
async def test_no_comment_is_half_translated(body: str, n_edits: int) -> None:
    asked = task("translate", f"def f():⟦⟧\n{body}", locale="zh")
    done = "其余部分已完成"
    speaker = Speaker(says=lambda prompt: done if "Done" in prompt.split("\n\n")[-1] else "Makes it")
    found = await runner.run(asked, session(speaker))
    edits = found.edits if isinstance(found, Proposal) else ()
    assert [edit.new_text for edit in edits if edit.new_text != "参数："] == [done] * n_edits


async def test_a_sentence_is_asked_for_with_the_one_before_it() -> None:
    code = (
        "def f():⟦⟧\n    # Makes a copy of all the entries of callers. It holds on to them.\n    return 1\n"
    )
    speaker = Speaker("复制调用者的所有条目。", "它会保留这些条目。")
    found = await runner.run(task("translate", code, locale="zh"), session(speaker))
    assert isinstance(found, Proposal), found
    assert "复制调用者的所有条目。" in speaker.prompts[1]


async def test_a_sentence_over_lines_is_one_question() -> None:
    code = "def f(Callpoint):⟦⟧\n    # it makes a copy of the entry that it was given by one of its callers and\n    # gives the whole back\n    return 1\n"
    speaker = Speaker("它复制该条目，并返回全部内容。")
    found = await runner.run(task("translate", code, locale="zh"), session(speaker))
    assert isinstance(found, Proposal), found
    assert (
        "it makes a copy of the entry that it was given by one of its callers and gives the whole back"
        in speaker.prompts[0]
    )
    assert apply(code.replace("⟦⟧", ""), found.edits) == (
        "def f(Callpoint):\n    # 它复制该条目，\n    # 并返回全部内容\n    return 1\n"
    )


async def test_the_name_of_a_class_survives() -> None:
    code = "class Callpoint:\n    def f(self):⟦⟧\n        # get a copy of the Callpoint\n        return 1\n"
    speaker = Speaker("获取一个副本", "获取 Callpoint 的副本")
    found = await runner.run(task("translate", code, locale="zh"), session(speaker))
    assert isinstance(found, Proposal), found
    assert found.edits[0].new_text == "获取 Callpoint 的副本"
    assert "Callpoint" in speaker.prompts[1].replace("get a copy of the Callpoint", ""), (
        "it is told what to keep"
    )


async def test_names_between_stars_are_shown_as_code() -> None:
    code = "def f(task):⟦⟧\n    # change what *task* is when *task* is there\n    return 1\n"
    speaker = Speaker("当 `task` 存在时更改 `task` 的内容")
    found = await runner.run(task("translate", code, locale="zh"), session(speaker))
    assert isinstance(found, Proposal), found
    assert "change what `task` is when `task` is there" in speaker.prompts[0]
    assert found.edits[0].new_text == "当 *task* 存在时更改 *task* 的内容"


async def test_roles_and_links_are_shown_as_code() -> None:
    code = "class Call:\n    def f(self):⟦⟧\n        # get a :class:`dict` copy of {@link Call#x}\n        return 1\n"
    speaker = Speaker("获取 `Call#x` 的 `dict` 副本")
    found = await runner.run(task("translate", code, locale="zh"), session(speaker))
    assert isinstance(found, Proposal), found
    assert "get a `dict` copy of `Call#x`" in speaker.prompts[0]
    assert found.edits[0].new_text == "获取 {@link Call#x} 的 :class:`dict` 副本"


@pytest.mark.parametrize(
    ("said", "stands"),
    [
        ("清单不存在，如果钩子没有设置好。", "如果钩子没有设置好，清单不存在。"),
        ("重新加载列表，当文件变化时", "当文件变化时，重新加载列表"),
        ("但清单不存在，如果钩子没有设置好。", "但清单不存在，如果钩子没有设置好。"),  # what "but" is about
        ("返回副本，如果有的话，否则返回原件。", "返回副本，如果有的话，否则返回原件。"),
        ("如果钩子没有设置好，清单不存在。", "如果钩子没有设置好，清单不存在。"),
        ("清单不存在，因为钩子没有设置好。", "清单不存在，因为钩子没有设置好。"),
    ],
)
def test_a_condition_stands_first(said: str, stands: str) -> None:
    assert translate._condition_first(said) == stands


async def test_a_translation_has_its_condition_first() -> None:
    asked = task("translate", "⟦# The list is missing if the hook is gone\n⟧x = 1\n", locale="zh")
    found = await runner.run(asked, session(Speaker("列表缺失，如果钩子不存在")))
    assert isinstance(found, Proposal), found
    assert found.edits[0].new_text == "如果钩子不存在，列表缺失"


@pytest.mark.parametrize(
    ("comment", "is_prose"),
    [
        ("/* c8 ignore next: we do not need the cache */", False),
        ("// istanbul ignore else", False),
        ("// biome-ignore lint: this is on purpose", False),
        ("// c8 is ignored by the next tool", False),
        ("// return element;", False),
        ("// return the element of the list", True),
        ("// return early, the list is empty;", True),
        ("// ignore the next element of the list", True),
    ],
)
async def test_what_speaks_to_tools_and_code_are_not_translated(comment: str, *, is_prose: bool) -> None:
    text = f"function f() {{⟦⟧\n  {comment}\n  return 1;\n}}\n"
    asked = task("translate", text, language="javascript", locale="zh")
    found = await runner.run(
        asked, session(Speaker(says=lambda prompt: "如果列表为空，则忽略下一个元素的测试并提前返回"))
    )
    assert isinstance(found, Proposal) == is_prose, found
