"""Review by completion: what is asked of a model, what is believed, and what a finding says."""

from __future__ import annotations

import asyncio
import json
import random
import re
from dataclasses import dataclass, field, replace
from pathlib import Path

import jsonschema
import pytest

from qwen_lsp.errors import EndpointRejected, EndpointUnavailable, ModelNotFound
from qwen_lsp.messages import Locale
from qwen_lsp.model.likelihood import Passage, Token
from qwen_lsp.review import reviewer
from qwen_lsp.review.cache import Cache
from qwen_lsp.review.change.change import Change, ChangedFile, compare
from qwen_lsp.review.change.units import units
from qwen_lsp.review.find.asking import Budget, Pass
from qwen_lsp.review.find.difference import difference
from qwen_lsp.review.find.infill import Limits, glance, suspicion
from qwen_lsp.review.find.repository import Repository
from qwen_lsp.review.find.surroundings import Hole, hole, is_predictable, predictable, runs
from qwen_lsp.review.find.unlikely import RULE, Bar, unlikely_pass
from qwen_lsp.review.report import html, interchange, markdown, pull_request
from qwen_lsp.review.report.report import Report
from qwen_lsp.review.reviewer import Options
from qwen_lsp.syntax import languages
from tests.support.places import REPOSITORY

PYTHON = languages.find("", "a.py")
BAR = Bar(Limits(gap=2.0, sure=-0.7, ratio=2.0, other_ratio=1.0), 0.8)
BEFORE = """def find(items, wanted, start, end):
    if start == end:
        return -1
    middle = (start + end) // 2
    if items[middle] < wanted:
        return find(items, wanted, middle + 1, end)
    return middle
"""
AFTER = BEFORE.replace("middle + 1, end", "middle, end")
WRONG = "        return find(items, wanted, middle, end)"
RIGHT = "        return find(items, wanted, middle + 1, end)"


@dataclass
class Scripted:
    """A model that knows some lines by heart, and thinks any other as unlikely as it is instructed.

    One character is one token; at the first that differs from `wants` it was sure of the other one.
    """

    wants: dict[str, str]
    sure: float = 8.0
    other_layout: float = 8.0
    asked: list[tuple[str, str]] = field(default_factory=list)
    fails: bool = False

    async def read(self, layout: str, before: str, after: str, text: str) -> Passage:
        self.asked.append((layout, text))
        if self.fails:
            raise EndpointUnavailable("gone")
        weight = self.sure if layout == "spm" else self.other_layout
        tokens = []
        for line in text.removesuffix("\n").split("\n"):
            wanted, is_astray = self.wants.get(line, line) + "\n", False
            for at, char in enumerate(line + "\n"):
                if not is_astray and wanted[at : at + 1] != char:
                    is_astray = True
                    tokens.append(Token(char, -weight, ((wanted[at], -0.01),)))
                else:
                    tokens.append(Token(char, -0.01))
        return Passage(tuple(tokens))

    async def line(self, layout: str, before: str, after: str, begins: str) -> Passage:
        self.asked.append((layout, begins))
        kept = before.rsplit("\n", 1)[-1] + begins
        wanted = next((line for line in self.wants.values() if line.startswith(kept)), kept)
        return Passage((Token(begins + wanted[len(kept) :], -0.05),))


def review(
    model: Scripted,
    after: str = AFTER,
    *,
    bar: Bar = BAR,
    locale: Locale = "en",
    budget: Budget | None = None,
    glances: bool = True,
) -> Report:
    file = ChangedFile(compare("a.py", BEFORE, after), BEFORE, after)
    options = Options(locale=locale, budget=budget or Budget())
    one = unlikely_pass(model, "scripted", bar, locale)
    if not glances:
        one = replace(one, glance=None)
    return asyncio.run(reviewer.review(Change("t", (file,)), options, [one]))


def test_a_line_that_the_model_would_write_otherwise() -> None:
    report = review(Scripted({WRONG: RIGHT}))
    (found,) = report.findings
    assert (found.rule, found.source, found.severity, found.start_line) == (RULE, "completion", "warning", 6)
    assert (
        found.message
        == "`middle` is written where the code around it suggests `middle + 1`; something may be missing."
    )
    assert found.quote == "middle"
    assert found.fix is not None
    assert report.documents["a.py"].with_edit(found.fix, 1).text == BEFORE


def test_in_chinese() -> None:
    (found,) = review(Scripted({WRONG: RIGHT}), locale="zh").findings
    assert "`middle + 1`" in found.message
    assert "应为" in found.message


def test_an_unsurprising_line_costs_one_request() -> None:
    model = Scripted({})
    assert review(model).findings == ()
    assert model.asked == [("spm", WRONG + "\n")]


@pytest.mark.parametrize(
    "model",
    [
        Scripted({WRONG: RIGHT}, sure=1.0),
        Scripted({WRONG: RIGHT}, other_layout=0.5),
        Scripted({WRONG: "        return locate(items, wanted, middle, end)"}),
        Scripted({WRONG: "        return find(items, wanted, (middle), end)"}),
        Scripted({WRONG: "        return find(items, wanted, middle +, end)"}),
        Scripted({WRONG: "    return find(items, wanted, middle + 1, end)"}),
        Scripted(
            {WRONG: "        wanted = items[start:end].index(middle) + start - end - middle + wanted * start"}
        ),
    ],
    ids=[
        "unsure",
        "the other order disagrees",
        "unknown name",
        "same meaning",
        "syntax",
        "indentation",
        "far",
    ],
)
def test_what_is_not_believed(model: Scripted) -> None:
    assert review(model).findings == ()


def test_a_name_of_the_repository_may_be_meant() -> None:
    model = Scripted({WRONG: "        return locate(items, wanted, middle, end)"})
    file = ChangedFile(compare("a.py", BEFORE, AFTER), BEFORE, AFTER)

    class Known(Repository):
        def has(self, name: str) -> bool:
            return name == "locate"

    one = unlikely_pass(model, "scripted", BAR, "en", Known())
    (found,) = asyncio.run(reviewer.review(Change("t", (file,)), Options(), [one])).findings
    assert found.message == "`find` is used where the code around it suggests `locate`."


def test_no_model_is_told_and_the_rules_stay() -> None:
    report = review(Scripted({}, fails=True), AFTER + "\n\ndef g(a=[]):\n    return a == None\n")
    (record,) = report.coverage.passes
    assert record.unasked["unavailable"] == record.units > 0
    assert record.problem == "gone"
    assert {entry.source for entry in report.findings} == {"rule"}


def test_without_a_model_nothing_failed() -> None:
    class Missing(Scripted):
        async def read(self, layout: str, before: str, after: str, text: str) -> Passage:
            raise ModelNotFound("pull one")

    report = review(Missing({}))
    (record,) = report.coverage.passes
    assert (record.failed, record.unasked, record.problem) == (0, {"no_model": 1}, "")
    assert "no model on this machine 1" in record.summary("en")
    assert "本机没有模型 1" in record.summary("zh")
    assert report.status == "no_findings"


def test_the_coverage_of_a_pass_adds_up() -> None:
    after = (
        AFTER
        + "\n\nimport os\n\n\ndef g(a, b):\n    # a comment\n    c = a + b\n    d = c[1]\n    return d\n"
    )
    report = review(Scripted({}), after, budget=Budget(max_units=2))
    (record,) = report.coverage.passes
    assert record.unasked == {"unpredictable": 3, "limit": 2}
    assert record.units + record.unasked["unpredictable"] == report.coverage.lines - 4  # blank lines
    asyncio.run(_out_of_time(after))


async def _out_of_time(after: str) -> None:
    file = ChangedFile(compare("a.py", BEFORE, after), BEFORE, after)
    one = unlikely_pass(Scripted({}), "scripted", BAR, "en")
    cache = Cache(None)
    first = await reviewer.review(Change("t", (file,)), Options(budget=Budget(max_seconds=-1)), [one], cache)
    (record,) = first.coverage.passes
    assert record.unasked == {"unpredictable": 3, "time": 4}
    for expected in (0, 4):
        again = await reviewer.review(Change("t", (file,)), Options(), [one], cache)
        assert again.coverage.passes[0].cached == expected


def test_findings_are_heard_as_they_come() -> None:
    file = ChangedFile(compare("a.py", BEFORE, AFTER), BEFORE, AFTER)
    one = unlikely_pass(Scripted({WRONG: RIGHT}), "scripted", BAR, "en")
    heard: list[int] = []
    change = Change("t", (file,))
    asyncio.run(
        reviewer.review(change, Options(), [one], on_report=lambda report: heard.append(len(report.findings)))
    )
    assert heard == [0, 1]


def test_two_findings_of_the_same_sign_are_told_apart() -> None:
    """One that is dismissed must not take another along, whichever comes first."""
    body = "def f(a, b):\n    if a <= b:\n        return a\n    if b <= 7:\n        return b\n    return a\n"
    wants = {f"    if {one}:": f"    if {one.replace('<=', '<')}:" for one in ("a <= b", "b <= 7")}
    both = review(Scripted(wants), body).findings
    (second,) = review(Scripted({"    if b <= 7:": "    if b < 7:"}), body).findings
    assert [entry.quote for entry in both] == ["<=", "<="]
    assert second.fingerprint == both[1].fingerprint != both[0].fingerprint


def test_every_format_takes_it() -> None:
    after = BEFORE.replace("items[middle] < wanted", "items[middle] <= wanted")
    wrong, right = "    if items[middle] <= wanted:", "    if items[middle] < wanted:"
    report = review(Scripted({wrong: right}), after)
    schema = json.loads((REPOSITORY / "docs" / "review.schema.json").read_text("utf-8"))
    jsonschema.Draft202012Validator(schema).validate(json.loads(interchange.to_json(report)))
    folder = Path(__file__).parent / "schemas"
    sarif = json.loads((folder / "sarif-2.1.0-rtm.5.json").read_text("utf-8"))
    jsonschema.Draft7Validator(sarif).validate(json.loads(interchange.to_sarif(report)))
    assert "`<=` is written where the code around it suggests `<`." in markdown.to_markdown(report)
    assert "Pass completion: places 1" in markdown.to_markdown(report)
    (comment,) = json.loads(pull_request.to_github(report))["comments"]
    assert f"```suggestion\n{right}\n```" in comment["body"]
    assert "<code>&lt;=</code>" in html.to_html(report)


def test_only_what_can_be_foreseen_is_asked() -> None:
    text = (
        "import os\n\n\n@wrapped\ndef f(a):\n    '''Says\n    something.'''\n    # nothing\n"
        "    password = 'hunter2-and-more'\n    x = [\n        a,\n    ]\n    return x + a  # sum\n"
    )
    (*_, unit) = units(ChangedFile(compare("a.py", None, text), None, text))
    asked = [hole(unit, number).written.strip() for number in predictable(unit)]
    assert asked == ["x = [", "a,", "return x + a  # sum"]
    assert not is_predictable("x = '" + "a" * 200 + "'")


@pytest.mark.parametrize(
    ("written", "other", "kind", "old", "new"),
    [
        ("if a < b:", "if a <= b:", "operator", "<", "<="),
        ("    return f(x, y)", "    return f(y, x)", "order", "x, y", "y, x"),
        ("range(0, n)", "range(0, n + 1)", "missing", "n", "n + 1"),
        ("if not done:", "if done:", "negation", "if not", "if"),
        ("if done:", "if not done:", "negation", "if", "if not"),
        ("self.left = left", "self.right = left", "name", "left", "right"),
        ("x = items[0]", "x = items[1]", "number", "0", "1"),
    ],
)
def test_differences_in_words(written: str, other: str, kind: str, old: str, new: str) -> None:
    found = difference(written, other)
    assert found is not None
    assert (found.kind, found.old, found.new) == (kind, old, new)
    assert written[found.start : found.end] == old


@pytest.mark.parametrize(
    ("written", "other"),
    [
        ("x = 1", "x = 1"),
        ("log('a')", "log('b')"),
        ("x = max(0, y)", "x = y"),
        ("if len(a) == 0:", "if n <= m + 1:"),
        ("a = b", "for row in rows: print(row, file=out, end=x)"),
    ],
)
def test_what_is_no_small_difference(written: str, other: str) -> None:
    assert difference(written, other) is None


def test_anything_a_model_says_keeps_to_the_change() -> None:
    """400 odd replies: no exception, nothing off the changed line, every fix a line of its own."""
    chance = random.Random(6)
    alphabet = ["end", "start", "middle - 1", "wanted + 1", ", start", "items"] * 4 + [
        "middle",
        " + 1",
        "(",
        ")",
        "[",
        "]",
        " ",
        "\t",
        "\n",
        "wanted",
        "items",
        "'",
        '"',
        "\\",
        "\x00",
        "\u202e",
    ]
    alphabet += ["🦆", "\ud800", "#", "<=", "not ", "return ", "", ",", "`", "<script>", "‹redacted›"]

    class Wild(Scripted):
        async def read(self, layout: str, before: str, after: str, text: str) -> Passage:
            pieces = []
            for piece in re.findall(r"\s?\w+|\s+|[^\w\s]|.{1,3}", text):
                others = [
                    (chance.choice(alphabet), chance.uniform(-3, 0)) for _ in range(chance.randint(0, 3))
                ]
                pieces.append(Token(piece, chance.uniform(-20, 0), tuple(others)))
            return Passage(tuple(pieces[: chance.choice([None, 0, 1, 3])]))

        async def line(self, layout: str, before: str, after: str, begins: str) -> Passage:
            said = "".join(chance.choice(alphabet) for _ in range(chance.randint(0, 3)))
            if chance.random() < 0.5:  # as a model does mostly: it goes on as it is written
                said += WRONG[len(before.rsplit("\n", 1)[-1]) :]
            return Passage((Token(begins + said, chance.uniform(-9, 0)),))

    loose = Bar(Limits(-9.0, -9.0, -99.0, -99.0, 5), 0.8)
    n_found = 0
    for number in range(800):
        report = review(Wild({}), bar=loose, glances=number % 2 == 0)  # what surprises twice is rare
        for found in report.findings:
            n_found += 1
            assert (found.start_line, found.end_line) == (6, 6)
            if found.fix is not None:
                assert "\n" not in found.fix.new_text
                assert found.fix.new_text.startswith("        ")
    assert n_found > 8


def test_a_line_is_asked_about_again_only_when_something_around_it_changed() -> None:
    model = Scripted({})
    one: Pass = unlikely_pass(model, "scripted", BAR, "en")
    cache = Cache(None)
    n_asked = []
    for after in (AFTER, "import os\n" + AFTER, AFTER.replace("-1", "-2")):
        file = ChangedFile(compare("a.py", BEFORE, after), BEFORE, after)
        asyncio.run(reviewer.review(Change("t", (file,)), Options(), [one], cache))
        n_asked.append(len(model.asked))
    assert n_asked[0] == 1
    assert n_asked[2] > n_asked[1]


def test_the_surroundings_of_a_line() -> None:
    (unit,) = units(ChangedFile(compare("a.py", BEFORE, AFTER), BEFORE, AFTER))
    left_out = hole(replace(unit, signatures=("def other(a, b)",)), *predictable(unit))
    assert left_out.before.startswith("# a.py\n# def other(a, b)\ndef find(")
    assert left_out.before.endswith("    if items[middle] < wanted:\n")
    assert left_out.after == "    return middle\n"
    assert left_out.filled(WRONG).count(WRONG) == 1


def test_suspicions_come_with_their_figures() -> None:
    one_hole = Hole(6, BEFORE.split(RIGHT)[0], BEFORE.split(RIGHT + "\n")[1], WRONG)
    model = Scripted({WRONG: RIGHT}, sure=5.0, other_layout=3.0)
    (one,) = asyncio.run(suspicion(model, one_hole, PYTHON, lambda name: False, BAR.limits))
    assert one.candidate == RIGHT
    assert one.gap == pytest.approx(4.99)
    assert one.ratio == pytest.approx(4.95, abs=0.1)
    assert one.other_ratio == pytest.approx(2.95, abs=0.1)


def test_what_a_model_says_is_no_markdown() -> None:
    assert markdown.escaped("`a < b` and <b> @all", keep_code=True) == "`a < b` and &lt;b> @\u2060all"
    for odd in ("`a <b>", "``a <b> `c` ``", "a ``<b>``"):
        assert "<b>" not in markdown.escaped(odd, keep_code=True)


def test_lines_of_a_function_are_read_in_one_go() -> None:
    after = BEFORE.replace("    return middle", "    middle = middle - 1\n    return middle + 1")
    model = Scripted({})
    assert review(model, after).findings == ()
    assert model.asked == [("spm", "    middle = middle - 1\n    return middle + 1\n")]


def test_only_what_surprised_at_a_glance_is_asked_about() -> None:
    after = AFTER.replace("    return middle", "    middle = middle - 1\n    return middle")
    model = Scripted({WRONG: RIGHT})
    (found,) = review(model, after).findings
    assert found.start_line == 6
    seen, *questions = model.asked
    assert seen == ("spm", f"{WRONG}\n    middle = middle - 1\n")
    assert questions
    assert all("middle - 1" not in text for _, text in questions)


def test_a_run_is_shown_what_is_above_it_and_what_is_below_all_of_it() -> None:
    body = "".join(f"    a{number} = load({number})\n" for number in range(30))
    before = f"def f():\n{body}    return a0\n"
    after = before
    for number in (3, 5, 25):
        after = after.replace(f"    a{number} = load({number})", f"    a{number} = find({number})")
    (unit,) = units(ChangedFile(compare("a.py", before, after), before, after))
    near, far = runs([replace(unit, changed=frozenset({number})) for number in (27, 5, 7)])
    assert [number for number, _, _ in near.lines] == [5, 7]
    assert near.before.endswith("    a2 = load(2)\n")
    assert near.after.startswith("    a6 = load(6)\n")
    assert near.lines[1] == (7, "    a4 = load(4)\n", "    a5 = find(5)")
    assert [number for number, _, _ in far.lines] == [27]
    model = Scripted({"    a5 = find(5)": "    a5 = load(5)"})
    gaps = asyncio.run(glance(model, near, PYTHON, lambda name: True, BAR.limits))
    assert gaps[5] == 0
    assert gaps[7] > 0
    reads = [text for _, text in model.asked if text.endswith("\n")]
    assert reads == ["    a3 = find(3)\n", "    a5 = find(5)\n", "    a5 = load(5)\n"]


def test_a_glance_that_fails_leaves_every_line_to_be_asked_about() -> None:
    async def look(pieces: object) -> list[float]:
        raise EndpointRejected("it takes no such prompt")

    file = ChangedFile(compare("a.py", BEFORE, AFTER), BEFORE, AFTER)
    one = replace(unlikely_pass(Scripted({WRONG: RIGHT}), "scripted", BAR, "en"), glance=look)
    report = asyncio.run(reviewer.review(Change("t", (file,)), Options(), [one]))
    assert [found.rule for found in report.findings] == [RULE]
    assert report.coverage.passes[0].failed == 0
