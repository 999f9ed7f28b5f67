"""Mending: what is given, where an answer ends, what is tried where the model hesitated."""

from __future__ import annotations

from dataclasses import replace

import pytest

from qwen_lsp.actions import fix
from qwen_lsp.actions import run as runner
from qwen_lsp.actions.task import Diagnostic, Proposal, Refused, RepositoryContext, Task, apply
from qwen_lsp.text import Span
from tests.support.chatting import Speaker, session, task

CODE = """@cache
def total(prices,
          rate=1):
    # 价格 😀
    t = 0
    n = 1
    for price in prices:
        t = t + price / rate
        n = n + 1
    print(t)
    print(n)
    return t


x = 1
"""
FUNCTION = CODE[: CODE.index("\n\n\nx")]
HEADER = "@cache\ndef total(prices,\n          rate=1):\n    # 价格 😀\n"


def asked(where: str = "", message: str = "wrong", code: str = CODE) -> Task:
    """Ask to repair the function, with a diagnostic at a text or without one."""
    made = task("fix", code.replace("t = 0", "t⟦⟧ = 0", 1))
    at = code.index(where)
    problem = (Diagnostic(Span(at, at + len(where)), message),) if where else ()
    return replace(made, diagnostics=problem)


async def repaired(asked_: Task, speaker: Speaker, context: RepositoryContext | None = None) -> str:
    result = await runner.run(asked_, session(speaker), context)
    assert isinstance(result, Proposal), result
    return apply(asked_.document.text, result.edits)


async def test_the_header_is_given() -> None:
    speaker = Speaker(FUNCTION.replace("/ rate", "* rate") + "\n```")
    assert await repaired(asked(), speaker) == CODE.replace("/ rate", "* rate")
    assert speaker.prompts[0].endswith(f"```python\n{HEADER}")


async def test_documentation_is_given() -> None:
    code = CODE.replace("    # 价格 😀\n", '    """Adds up.\n\n    价格 😀\n    """\n')
    speaker = Speaker(code[: code.index("\n\n\nx")].replace("/ rate", "* rate") + "\n```")
    assert await repaired(asked(code=code), speaker) == code.replace("/ rate", "* rate")
    assert speaker.prompts[0].endswith('价格 😀\n    """\n')


async def test_the_lines_above_a_diagnostic_are_given() -> None:
    speaker = Speaker(FUNCTION.replace("/ rate", "* rate") + "\n```")
    asked_ = asked("price / rate", "do not divide")
    assert await repaired(asked_, speaker) == CODE.replace("/ rate", "* rate")
    given = FUNCTION[: FUNCTION.index("    n = 1")]
    assert speaker.prompts[0].endswith(f"```python\n{given}")


async def test_what_goes_on_as_before_is_not_waited_for() -> None:
    answer = FUNCTION.replace("/ rate", "* rate").replace("    return t", "    return t  # and much more")
    speaker = Speaker(answer + "\nof this" * 99)
    assert await repaired(asked("/ rate"), speaker) == CODE.replace("/ rate", "* rate")


async def test_without_a_place_the_whole_answer_counts() -> None:
    """There may be more to repair below."""
    answer = FUNCTION.replace("t = 0", "t = 1").replace("return t", "return t - 1")
    assert await repaired(asked(), Speaker(answer + "\n```")) == CODE.replace(FUNCTION, answer)


async def test_it_is_not_done_before_the_last_diagnostic() -> None:
    code = CODE.replace("print(n)", "print(nn)")
    asked_ = asked("/ rate", code=code)
    at = code.index("nn)")
    both = replace(
        asked_, diagnostics=(*asked_.diagnostics, Diagnostic(Span(at, at + 2), "undefined name 'nn'"))
    )
    answer = FUNCTION.replace("/ rate", "* rate").replace("print(n)", "print(n, t)")
    assert await repaired(both, Speaker(answer + "\n```")) == CODE.replace(FUNCTION, answer)


async def test_where_it_hesitated_something_else_is_tried() -> None:
    """The likeliest first; what does not pass the checks is passed over, and so is what makes no sense."""
    speaker = Speaker(
        f"{FUNCTION}\n```",
        FUNCTION.replace("t = 0", "t = 0 if") + "\n```",
        FUNCTION.replace("/ rate", "* rate") + "\n```",
        hesitates=[
            (" 0", " 0 if", -0.7),
            ("/", "*", -1.5),
            ("print(n", "exec", -9.0),
            ("# 价", "# 单", -0.1),
        ],
    )
    assert await repaired(asked(), speaker) == CODE.replace("/ rate", "* rate")
    first, second, third = (prompt.rpartition("```python\n")[2] for prompt in speaker.prompts)
    assert first == HEADER
    assert second.endswith("t = 0 if")
    assert third.endswith("t = t + price *")


async def test_a_change_that_leaves_no_doubt_is_the_better_one() -> None:
    speaker = Speaker(
        f"{FUNCTION}\n```",
        FUNCTION.replace("t = 0", "t = 9") + "\n```",
        FUNCTION.replace("/ rate", "* rate") + "\n```",
        # Each of these is not quite sure when it is written, and one of them follows the first change.
        hesitates=[("0", "9", -1.0), ("/", "*", -1.2), ("n = 1", "n = 2", -6.0)],
    )
    assert await repaired(asked(), speaker) == CODE.replace("/ rate", "* rate")
    assert len(speaker.prompts) == 3


async def test_at_the_place_of_a_diagnostic_the_least_likely_counts() -> None:
    speaker = Speaker(
        f"{FUNCTION}\n```",
        FUNCTION.replace("/ rate", "* rate") + "\n```",
        hesitates=[("/", "*", -7.0), ("print(n", "print(t", -0.5), ("\n```", "\n\n", -0.1)],
    )
    assert await repaired(asked("/ rate"), speaker) == CODE.replace("/ rate", "* rate")
    assert len(speaker.prompts) == 2


async def test_a_copy_that_has_passed_the_place_is_not_waited_for() -> None:
    speaker = Speaker(
        FUNCTION + "\nand so on" * 99,
        FUNCTION.replace("/ rate", "* rate") + "\n```",
        hesitates=[("/", "*", -3.0)],
    )
    heard: list[str] = []
    asked_ = asked("/ rate")
    result = await runner.run(asked_, session(speaker, lambda region, text: heard.append(text)))
    assert isinstance(result, Proposal)
    assert apply(asked_.document.text, result.edits) == CODE.replace("/ rate", "* rate")
    assert not any("and so on" in text or "return t" in text for text in heard)


async def test_nothing_is_better_than_what_does_not_pass() -> None:
    speaker = Speaker(FUNCTION + "\n```", "(((", hesitates=[("/", "*", -1.0)])
    result = await runner.run(asked(), session(speaker))
    assert result == Refused("unchanged")


@pytest.mark.parametrize(
    ("written", "n_alike", "at"),
    [
        ("a b c d", 1, None),
        ("a X c", 1, 3),
        ("a X c d", 2, 4),
        ("a X c", 2, None),
        ("a X b c", 1, 3),  # a line more
        ("a c d", 1, 4),
        ("a c", 1, None),  # the changed line itself is no sign
        ("a X Y Z", 1, None),
        ("a X e", 1, 5),  # lines less
        ("a X d f", 2, None),
    ],
)
def test_when_an_answer_goes_on_as_the_code_does(written: str, n_alike: int, at: int | None) -> None:
    assert fix.resumed(written.split(), ["a", "b", "c", "d", "e", "f"], n_alike) == at


def test_of_equal_lines_the_nearest_counts() -> None:
    lines = ["for a:", "  x", "  end", "for b:", "  y", "  end", "last"]
    assert fix.resumed(["for a:", "  x", "  end", "for b:", "  z", "  end"], lines, 1) == 6
    assert fix.resumed(["for a:", "  z", "  end"], lines, 1) == 3


async def test_a_module_that_is_missing_is_brought_in_without_the_model() -> None:
    code = CODE.replace("t = 0", "t = math.pi")
    made = asked("math", "undefined name 'math'", code)
    silent = Speaker()
    assert await repaired(made, silent) == f"import math\n{code}"
    other = asked("price_of", "Undefined variable `price_of`", CODE.replace("t = 0", "t = price_of(1)"))
    known = RepositoryContext(importing=lambda name: f"from shop import {name}")
    assert (await repaired(other, silent, known)).startswith("from shop import price_of\n@cache")
    assert silent.prompts == []
