"""Simpler and faster: what is certain needs no model, and what is no better is not proposed."""

from __future__ import annotations

import pytest

from qwen_lsp.actions import ruff_fixes
from qwen_lsp.actions import run as runner
from qwen_lsp.actions.task import Outcome, Proposal, Refused, apply
from qwen_lsp.text import Span
from tests.support.chatting import Speaker, session, task


async def done(kind: str, language: str, marked: str, *answers: str) -> tuple[Outcome, str, int]:
    speaker = Speaker(*(f"```{language}\n{answer}```" for answer in answers))
    asked = task(kind, marked, language=language, path="code")
    found = await runner.run(asked, session(speaker))
    edits = found.edits if isinstance(found, Proposal) else ()
    return found, apply(asked.document.text, edits), len(speaker.prompts)


PYTHON = (
    "import a\n\n\ndef f(b):\n    # first⟦⟧\n    if b:\n        return 1\n    else:\n        c = [d for d in b]\n"
    "        return c\n\n\ndef g(b):\n    if b:\n        return 1\n    else:\n        return 2\n"
)


async def test_what_ruff_knows_needs_no_model() -> None:
    found, text, n_asked = await done("simplify", "python", PYTHON)
    assert isinstance(found, Proposal), found
    assert n_asked == 0
    assert text == PYTHON.replace("⟦⟧", "").replace(
        "    else:\n        c = [d for d in b]\n        return c\n", "    return list(b)\n"
    ), "the other function is not touched"


async def test_a_list_that_is_filled_in_a_loop() -> None:
    loop = "def f(b):⟦⟧\n    c = []\n    for d in b:\n        c.append(d + 1)\n    return c\n"
    found, text, n_asked = await done("optimise", "python", loop)
    assert isinstance(found, Proposal), found
    assert (text, n_asked) == ("def f(b):\n    c = [d + 1 for d in b]\n    return c\n", 0)


async def test_what_is_certain_in_other_languages() -> None:
    script = "function f(a) {⟦⟧\n  if (a) {\n    return 1\n  } else {\n    return g(a)\n  }\n}\n"
    found, text, n_asked = await done("simplify", "javascript", script)
    assert isinstance(found, Proposal), found
    assert (text, n_asked) == ("function f(a) {\n  if (a) {\n    return 1\n  }\n  return g(a)\n}\n", 0)


CALL = "def f(a):⟦⟧\n    # why\n    b = g(a, 1)\n    return h(b, a)\n"


@pytest.mark.parametrize(
    ("kind", "answer", "reason"),
    [
        ("simplify", "def f(a):\n    # why\n    c = g(a, 1)\n    return h(c, a)\n", "nothing_to_simplify"),
        ("simplify", CALL.replace("⟦⟧", ""), "nothing_to_simplify"),
        ("simplify", "def f(a):\n    return h(g(a, 1), a)\n", "deleted"),  # the comment is gone
        ("simplify", "def f(a):\n    # why\n    return h(g(a, 1), a)\n", ""),
        ("optimise", "def f(a):\n    # why\n    return h(g(a, 1), a)\n", "nothing_to_optimise"),
    ],
)
async def test_only_what_is_better(kind: str, answer: str, reason: str) -> None:
    found, _, _ = await done(kind, "python", CALL, answer, answer)
    assert (found.reason if isinstance(found, Refused) else "") == reason, found


async def test_an_answer_that_repeats_other_functions() -> None:
    code = "def g(a):\n    return a\n\n\ndef f(a):⟦⟧\n    b = g(a)\n    return h(b)\n"
    answer = "def f(a):\n    return h(g(a))\n\n\ndef g(a):\n    return a\n"
    found, text, _ = await done("simplify", "python", code, answer)
    assert isinstance(found, Proposal), found
    assert text == "def g(a):\n    return a\n\n\ndef f(a):\n    return h(g(a))\n"


def test_a_fix_that_reaches_further_is_left_out() -> None:
    text = "def f(a):\n    try:\n        g(a)\n    except KeyError:\n        pass\n"
    assert ruff_fixes.fixes(text, "SIM105", Span(0, len(text)))
    assert ruff_fixes.fixes(text, "SIM105", Span(10, len(text))) == [], "it imports something"
