"""Rewriting a region: what is applied, what is refused, and what the model is reported."""

from __future__ import annotations

import ast
import random
import re
from dataclasses import replace

import pytest

from qwen_lsp.actions import run as runner
from qwen_lsp.actions.task import Diagnostic, Outcome, Proposal, Refused, RepositoryContext, Task, apply
from qwen_lsp.text import Span
from tests.support.chatting import Speaker, session, task

CODE = '''import json


class Reader:
    """Reads prices."""

    def total(self, path, rate=1):
        # 价格：合计
        data = json.load(open(path))
        t = 0
        for item in data:
            t = t + item["price"] * rate
        return t

    def other(self):
        return 1
'''
BODY = CODE[CODE.index("    def total") : CODE.index("\n\n    def other")]
SIMPLER = """def total(self, path, rate=1):
    # 价格：合计
    data = json.load(open(path))
    return sum(item["price"] * rate for item in data)"""


def asked(kind: str = "simplify", **values: str) -> Task:
    return task(kind, CODE.replace("data = json", "data⟦⟧ = json"), **values)  # type: ignore[arg-type]


async def outcome(asked_: Task, *answers: str, context: RepositoryContext | None = None) -> Outcome:
    return await runner.run(asked_, session(Speaker(*answers)), context)


async def reason(asked_: Task, *answers: str) -> str:
    result = await outcome(asked_, *answers)
    assert isinstance(result, Refused), result
    return result.reason


def result_of(asked_: Task, outcome_: Outcome) -> str:
    assert isinstance(outcome_, Proposal), outcome_
    return apply(asked_.document.text, outcome_.edits)


async def test_a_method_is_rewritten_in_place() -> None:
    asked_ = asked()
    result = result_of(asked_, await outcome(asked_, f"{SIMPLER}\n```"))
    assert "        return sum(item" in result
    assert result.startswith(CODE[: CODE.index("        t = 0")])
    assert result.endswith(CODE[CODE.index("\n\n    def other") :])
    ast.parse(result)


@pytest.mark.parametrize("ending", ["\r\n", "\r"])
async def test_line_ends_stay(ending: str) -> None:
    asked_ = asked()
    text = asked_.document.text.replace("\n", ending)
    at = text.index("data =")
    asked_ = replace(asked_, document=replace(asked_.document, text=text, starts=[]), span=Span(at, at))
    result = result_of(asked_, await outcome(asked_, f"{SIMPLER}\n```"))
    assert result.replace(ending, "\n") == result_of(asked(), await outcome(asked(), f"{SIMPLER}\n```"))
    assert "\n" not in result.replace(ending, "")


async def test_tabs_stay() -> None:
    tabbed = CODE.replace("    ", "\t")
    at = tabbed.index("data =")
    asked_ = task("simplify", f"{tabbed[:at]}⟦⟧{tabbed[at:]}")
    result = result_of(asked_, await outcome(asked_, f"{SIMPLER}\n```"))
    assert '\t\treturn sum(item["price"]' in result
    assert "    " not in result


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ("I'm sorry, I can't do that.", "refusal"),
        ("", "empty"),
        (BODY, "unchanged"),
        (SIMPLER.replace("return sum(", "return sum(("), "syntax"),
        (SIMPLER.replace("rate=1", "rate, tax"), "signature"),
        (SIMPLER.replace("json.load", "ujson_load"), "names"),
        (SIMPLER.replace("json.load(open(path))", "eval(open(path).read())"), "danger"),
        ("def total(self, path, rate=1):\n    return 0", "deleted"),
        ("def sum_up(self, path, rate=1):\n" + SIMPLER.split("\n", 1)[1], "deleted"),
        ("def total(self, path, rate=1):\n    # ... existing code ...\n    return t", "placeholder"),
        (SIMPLER + "\n" + "x = 1\n" * 50, "loop"),
    ],
)
async def test_what_is_never_applied(answer: str, why: str) -> None:
    assert await reason(asked("errors"), answer, answer) == why


async def test_error_handling_is_told_what_can_fail() -> None:
    speaker = Speaker(says=lambda prompt: "def f(path, rows):\n    pass\n```")
    text = "def f(path, rows):⟦⟧\n    rows.extend(load(path))\n    return rows\n"
    await runner.run(task("errors", text), session(speaker))
    assert "What can fail: `load(path)`. What may be missing: `rows`." in speaker.prompts[0]


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (
            "    try:\n        rows = load(path)\n    except OSError:\n        return None\n    save(rows)\n",
            "",
        ),
        ("    try:\n        rows = load(path)\n        save(rows)\n    finally:\n        close(path)\n", ""),
        ("    try:\n        rows = load(path)\n    except OSError:\n        print('failed')\n", "deleted"),
        (
            "    try:\n        save(rows)\n        rows = load(path)\n    except OSError:\n        raise\n",
            "names",  # it has no value there
        ),
    ],
)
async def test_handling_errors_takes_nothing_away(body: str, why: str) -> None:
    head = "def keep(path):\n"
    before = f"import os\n\n\ndef load(p): ...\ndef save(r): ...\ndef close(p): ...\n\n\n{head}"
    asked_ = task("errors", f"{before}⟦⟧    rows = load(path)\n    save(rows)\n")
    result = await outcome(asked_, head + body, head + body)
    assert (result.reason if isinstance(result, Refused) else "") == why


async def test_an_answer_that_was_cut_off() -> None:
    speaker = Speaker(SIMPLER)
    speaker.stop_reason = "limit"
    result = await runner.run(asked(), session(speaker))
    assert isinstance(result, Refused)
    assert result.reason == "cut_off"


async def test_one_retry_with_the_error() -> None:
    speaker = Speaker(SIMPLER.replace("return sum(", "return sum(("), SIMPLER)
    asked_ = asked()
    result = await runner.run(asked_, session(speaker))
    assert "sum(item" in result_of(asked_, result)
    assert "syntax error" in speaker.prompts[1]
    assert "sum((" in speaker.prompts[1]


async def test_no_second_retry() -> None:
    speaker = Speaker(*["def f(:"] * 3)
    result = await runner.run(asked(), session(speaker))
    assert isinstance(result, Refused)
    assert len(speaker.prompts) == 2


async def test_lines_around_the_selection_that_come_along() -> None:
    text = CODE.replace("        t = 0\n", "        ⟦t = 0⟧\n")
    asked_ = task("edit", text, instruction="start at one")
    answer = 'data = json.load(open(path))\nt = 1\nfor item in data:\n    t = t + item["price"] * rate\n```'
    result = result_of(asked_, await outcome(asked_, answer))
    assert result == CODE.replace("t = 0", "t = 1")


async def test_what_the_model_is_shown() -> None:
    load = "\n\ndef load(path, strict=True):\n    return path\n"
    text = f"{CODE}{load}\n\ndef use():\n    x⟦⟧ = load(1)\n    return x\n"
    problem = Diagnostic(Span(text.index("x⟦"), text.index("x⟦") + 1), "x is odd", "lint", ("seen here",))
    speaker = Speaker(
        says=lambda prompt: (
            "def use():\n    try:\n        x = load(1)\n    except OSError:\n        raise\n    return x\n```"
        )
    )
    await runner.run(replace(task("errors", text), diagnostics=(problem,)), session(speaker))
    prompt = speaker.prompts[0]
    assert "def load(path, strict=True):" in prompt
    assert "class Reader" not in prompt
    assert "x is odd (lint)" in prompt
    assert "in the line `x = load(1)`" in prompt
    assert "seen here" in prompt
    assert prompt.endswith("<assistant>```python\n")


async def test_names_of_the_repository_are_known() -> None:
    answer = SIMPLER.replace("json.load(open(path))", "load_prices(json.load(open(path)))")
    known = RepositoryContext(is_known=lambda name: name == "load_prices")
    assert isinstance(await outcome(asked(), answer, context=known), Proposal)
    assert await reason(asked(), answer, answer) == "names"


async def test_a_variable_stays_where_it_is_used() -> None:
    code = "function f(p) {⟦⟧\n  const d = JSON.parse(p)\n  return d.x\n}\n"
    inside = (
        "```javascript\nfunction f(p) {\n  try {\n    const d = JSON.parse(p)\n  } catch (e) {\n"
        "    throw new Error('bad input', { cause: e })\n  }\n  return d.x\n}\n```"
    )
    made = task("errors", code, language="javascript", path="a.js")
    assert await outcome(made, inside, inside) == Refused("names", "d")
    outside = inside.replace("  try {\n    const d", "  let d\n  try {\n    d")
    assert isinstance(await outcome(made, outside), Proposal)


async def test_what_the_rules_call_insecure_is_not_applied() -> None:
    unsafe = SIMPLER.replace("json.load(open(path))", "eval(path)")
    assert await outcome(asked(), unsafe, unsafe) == Refused("danger", "code-injection")


async def test_a_region_that_is_too_large() -> None:
    result = await runner.run(asked(), session(Speaker(SIMPLER), context_tokens=300))
    assert result == Refused("too_large")


async def test_an_instruction_is_needed() -> None:
    assert await outcome(asked("edit")) == Refused("no_instruction")


async def test_nothing_is_selected() -> None:
    assert await outcome(task("simplify", "\n\n⟦\n⟧\n")) == Refused("no_code")


async def test_a_language_without_a_grammar() -> None:
    asked_ = task("edit", "one\n⟦two⟧\nthree\n", language="plaintext", path="a.txt", instruction="count on")
    assert result_of(asked_, await outcome(asked_, "```\nfour\n```")) == "one\nfour\nthree\n"


MUTATIONS = (
    lambda text, rng: text[: rng.randrange(len(text) + 1)],
    lambda text, rng: text[rng.randrange(len(text) + 1) :],
    lambda text, rng: text.replace(rng.choice(text) if text else "x", rng.choice("()[]{}:\"'`#\\\t\x00😀价")),
    lambda text, rng: "".join(rng.sample(text.split("\n"), text.count("\n") + 1)),
    lambda text, rng: (
        text + rng.choice(["\n```", "\n```\nThis code is better.", "\n" * 50, "```" * 3, "\r\r\n", "\ufeff"])
    ),
    lambda text, rng: (
        rng.choice(["Sure!\n", "```python\n", "I'm sorry", "抱歉", "\x0c", "````", "<|im_end|>"]) + text
    ),
    lambda text, rng: text.replace("\n", rng.choice(["\r\n", "\r", "\u2028", "\n\n", ""])),
    lambda text, rng: text * rng.randrange(1, 12),
    lambda text, rng: re.sub(r"\b\w+\b", lambda m: rng.choice([m[0], m[0], m[0], "def", "exec"]), text),
    lambda text, rng: text.encode()[: rng.randrange(1, len(text.encode()) + 2)].decode("utf-8", "replace"),
)


@pytest.mark.parametrize("count", [250, pytest.param(1000, marks=pytest.mark.slow)])
async def test_broken_replies_break_no_file(count: int) -> None:
    """No exception, and a file that parsed parses still."""
    rng = random.Random(20261122)
    kinds = (
        "simplify",
        "fix",
        "errors",
        "optimise",
        "docstring",
        "types",
        "translate",
        "rename",
        "extract",
        "edit",
    )
    n_applied = 0
    for number in range(count):
        kind = kinds[number % len(kinds)]
        answers = []
        for _ in range(2):
            answer = rng.choice(
                [
                    SIMPLER,
                    BODY,
                    "Sums the prices.\n\nArgs:\n    path: A file.",
                    "Prices: total",
                    '{"t": "sum"}',
                ]
            )
            for _ in range(rng.randrange(1, 4)):
                answer = rng.choice(MUTATIONS)(answer, rng)
            answers.append(answer)
        asked_ = asked(kind, instruction="make it better")
        doubts = [(rng.choice(["0", "t", "item", "\n", "(", "价"]), rng.choice(answers)[:9], -rng.random())]
        speaker = Speaker(
            says=lambda prompt, answers=answers: rng.choice(answers),  # type: ignore[misc]
            hesitates=doubts,
        )
        result = await runner.run(asked_, session(speaker))
        if isinstance(result, Proposal) and result.edits:
            n_applied += 1
            after = apply(asked_.document.text, result.edits)
            ast.parse(after)
            assert after.endswith(CODE[CODE.index("\n\n    def other") :]), "what stands below is untouched"
    assert n_applied > count / 50, "the mutations leave some answers whole"


async def test_what_is_heard_while_it_is_written() -> None:
    heard: list[tuple[Span, str]] = []
    asked_ = asked()
    await runner.run(
        asked_, session(Speaker(f"{SIMPLER}\n```"), lambda span, text: heard.append((span, text)))
    )
    regions = {asked_.document.text[span.start : span.end] for span, _ in heard}
    assert regions == {BODY}
    assert heard[-1][1] == SIMPLER
    assert all(SIMPLER.startswith(text) for _, text in heard)
