"""The replay: when keys go out, what counts as seen, what an accept changes, and the figures over it all."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from qwen_lsp.bench.editor import Session
from qwen_lsp.bench.replay import run as replay
from qwen_lsp.bench.replay.playing import Action, Ask, Cost, Reply, Stroke, play
from qwen_lsp.bench.replay.policies import (
    FILE_ONLY_OPTIONS,
    POLICIES,
    Arm,
    Open,
    _LspEditor,
    names_alone,
    openers,
)
from qwen_lsp.bench.replay.report import (
    PARTS,
    Report,
    Run,
    figures,
    first_answer_ms,
    keystrokes_saved,
    nothing_shown,
    render,
    seen_chars,
    split,
    suggestions,
)
from qwen_lsp.bench.replay.traces import Place, Trace, write
from qwen_lsp.bench.replay.typist import TimedEdit, User
from qwen_lsp.config import Config, Layer, ModelConfig, resolve
from qwen_lsp.errors import InputError
from qwen_lsp.text import Document, Edit
from tests.support.virtual_time import now_ms, run

# --- playing ---------------------------------------------------------------------------------------------


class ScriptedAsk:
    def __init__(self, editor: ScriptedEditor, answer: tuple[float, str] | None) -> None:
        self.editor = editor
        self.reply: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        if answer is not None:
            asyncio.get_running_loop().call_later(answer[0] / 1000, self.show, answer[1])

    def show(self, text: str) -> None:
        if not self.reply.done():
            self.reply.set_result(Reply(text, "", asyncio.get_running_loop().time()))

    def leave(self) -> None:
        self.reply.cancel()
        self.editor.n_left += 1

    async def cost(self) -> Cost:
        return Cost(is_asked=True)


class ScriptedEditor:
    """Answers at given texts, after given times."""

    def __init__(self, text: str, answers: dict[str, tuple[float, str]]) -> None:
        self.document = Document("", text)
        self.answers = answers
        self.log: list[tuple[float, str]] = []
        self.n_left = 0
        self.rested: list[tuple[float, int]] = []

    async def rest(self, cursor: int) -> None:
        self.rested.append((round(now_ms()), cursor))

    async def ask(self, edit: Edit | None, cursor: int) -> Ask:
        if edit is not None:
            self.document = self.document.with_edit(edit, 0)
            self.log.append((round(now_ms()), edit.new_text))
        return ScriptedAsk(self, self.answers.get(self.document.text[:cursor]))


def trace_of(typed: str, gap_ms: float = 200) -> Trace:
    edits = tuple(
        TimedEdit(1000 + number * gap_ms, number, number, char) for number, char in enumerate(typed)
    )
    return Trace("t", "a.py", "python", "", edits)


def played(
    typed: str, answers: dict[str, tuple[float, str]], user: User = "whole", speed: float = 1.0
) -> tuple[list[Stroke], ScriptedEditor]:
    editor = ScriptedEditor("", answers)
    return run(play(trace_of(typed), editor, user, speed)), editor


def test_without_suggestions_every_key_goes_out_at_its_time() -> None:
    strokes, editor = played("abc", {})
    assert editor.log == [(1000, "a"), (1200, "b"), (1400, "c")]
    assert [(stroke.action, stroke.keys, stroke.following) for stroke in strokes] == [
        ("open", 0, "abc"),
        ("key", 1, "bc"),
        ("key", 1, "c"),
        ("key", 1, ""),
    ]
    assert editor.n_left == 4
    assert not any(stroke.answered_ms for stroke in strokes)


def test_faster_typing_shortens_every_pause() -> None:
    assert played("abc", {}, speed=10)[1].log == [(100, "a"), (120, "b"), (140, "c")]


def test_a_right_suggestion_is_accepted_after_the_reaction_time() -> None:
    # Seen at 1250, accepted at 1500; then the space, after the pause that the trace has before it.
    strokes, editor = played("ab cde f", {"ab": (50, " cde")})
    assert editor.log == [(1000, "a"), (1200, "b"), (1500, " cde"), (1700, " "), (1900, "f")]
    shown = strokes[2]
    assert (shown.shown, shown.is_right, round(shown.latency_ms or 0)) == (" cde", True, 50)
    assert [(stroke.action, stroke.keys) for stroke in strokes[3:]] == [("accept", 4), ("key", 1), ("key", 1)]


def test_a_suggestion_that_comes_after_the_next_key_was_never_seen() -> None:
    strokes, editor = played("abc", {"a": (201, "bc")})
    assert [stroke.shown for stroke in strokes] == ["", "", "", ""]
    assert len(editor.log) == 3


def test_a_wrong_suggestion_is_seen_and_typed_over() -> None:
    strokes, editor = played("abc", {"a": (50, "xy")})
    assert strokes[1].is_right is False
    assert strokes[1].latency_ms == pytest.approx(50)
    assert editor.log == [(1000, "a"), (1200, "b"), (1400, "c")]


def test_an_answer_without_text_is_in_time_but_nothing_is_shown() -> None:
    strokes, _ = played("abc", {"a": (50, "")})
    assert strokes[1].answered_ms == pytest.approx(50)
    assert (strokes[1].is_right, strokes[1].latency_ms) == (None, None)


def test_a_suggestion_before_the_first_key_may_be_accepted() -> None:
    strokes, editor = played("def f", {"": (100, "def")})
    assert editor.log[0] == (350, "def")
    assert [stroke.action for stroke in strokes] == ["open", "accept", "key", "key"]
    assert keystrokes_saved(strokes) == 0.4


def test_the_rest_of_a_key_is_typed_after_an_accept_inside_it() -> None:
    edits = (TimedEdit(1000, 0, 0, "a"), TimedEdit(1200, 1, 1, ":"), TimedEdit(1500, 2, 2, "\n    "))
    trace = Trace("t", "a.py", "python", "", (*edits, TimedEdit(2000, 7, 7, "b")))
    editor = ScriptedEditor("", {"": (0, "a:\n  ")})
    strokes = run(play(trace, editor, "words"))
    # Whole words only: the white space after the colon belongs to the next one.
    assert [text for _, text in editor.log] == ["a:", "\n    ", "b"]
    assert editor.document.text == "a:\n    b"
    assert keystrokes_saved(strokes) == 0.25


def test_the_cursor_rests_at_other_places_first() -> None:
    trace = replace(trace_of("ab"), places=(Place(0, 900), Place(0, 2000)))
    editor = ScriptedEditor("", {})
    strokes = run(play(trace, editor, "whole"))
    assert [at for at, _ in editor.rested] == [0, 900, 2900]
    assert [round(stroke.at_ms) for stroke in strokes] == [0, 1000, 1200]  # the clock starts with the jump


def test_edits_elsewhere_are_replayed_too() -> None:
    edits = (TimedEdit(0, 3, 3, "x"), TimedEdit(100, 0, 1, ""), TimedEdit(200, 0, 0, "yz"))
    trace = Trace("t", "a.py", "python", "abc", edits)
    editor = ScriptedEditor("abc", {"abcx": (10, "yz")})
    strokes = run(play(trace, editor, "words"))
    assert editor.document.text == "yzbcx" == trace.final_text
    assert (strokes[1].is_right, strokes[1].following) == (False, "")


# --- what our own server tells ---------------------------------------------------------------------------


def reported(
    source: str = "model", prompt: int = 100, cached: int = 90, generated: int = 5, **more: Any
) -> Any:
    timings = {
        "wait_ms": 1.0,
        "prompt_ms": 20.0,
        "generated_ms": 30.0,
        "prompt_tokens": prompt,
        "cached_tokens": cached,
        "generated_tokens": generated,
    }
    values = {
        "reason": "",
        "detail": "",
        "raw": "abcdefghij",
        "probability": 0.9,
        "stopReason": "line",
        **more,
    }
    return SimpleNamespace(source=source, timings=SimpleNamespace(**timings), **values)


def costs(*answers: Any) -> list[Cost]:
    editor = _LspEditor(Session(), "file:///a.py")
    return [editor.cost(answer, "") for answer in answers]


def tokens(found: Sequence[Cost]) -> list[tuple[int | None, int | None]]:
    return [(cost.prompt_tokens, cost.generated_tokens) for cost in found]


def test_a_generation_that_requests_share_is_counted_once() -> None:
    found = costs(
        reported(generated=5),
        reported("flight", generated=8),
        reported("flight", generated=8),
        reported("cache"),
        reported(generated=3),
    )
    assert tokens(found) == [(10, 5), (0, 3), (0, 0), (0, 0), (10, 3)]
    assert [cost.is_asked for cost in found] == [True, True, True, False, True]


def test_the_first_of_a_flight_that_is_told_pays_for_its_prompt() -> None:
    assert tokens(costs(None, reported("flight", generated=8))) == [(None, None), (10, 8)]


def test_the_reason_for_nothing_comes_with_its_detail() -> None:
    assert costs(reported(reason="filtered", detail="empty: nothing"))[0].reason == "filtered: empty: nothing"


def test_the_plain_server_is_made_of_settings_that_exist() -> None:
    config, problems = resolve([Layer("bench", FILE_ONLY_OPTIONS)])
    assert problems == []
    assert config != Config()
    assert tuple(openers(Config(), 7, {})) == (*POLICIES, "names")


def test_another_build_and_other_settings_are_policies_too() -> None:
    arms = [Arm("sure", {"completion.minConfidence": 0.9}), Arm("before", {}, "/old/bin/python")]
    assert tuple(openers(Config(), 7, {}, arms)) == (*POLICIES, "names", "sure", "before")


def test_names_alone_need_no_model() -> None:
    typed = replace(trace_of("connect"), files={"b.py": "connect_all()"}, path="a.py")
    typed = replace(typed, edits=(*typed.edits, TimedEdit(9000, 7, 7, "_all")))
    (played,) = run(replay.replay([typed], {"names": names_alone}, ["whole"], seed=1))
    assert [stroke.shown for stroke in played.strokes][:4] == ["", "", "", "nect_all"]
    assert played.strokes[4].action == "accept"


# --- figures ---------------------------------------------------------------------------------------------


def stroke(action: Action = "key", **values: Any) -> Stroke:
    defaults: dict[str, Any] = {
        "trace": "t",
        "user": "whole",
        "number": 0,
        "text": "a",
        "keys": 1,
        "following": "rest",
        "shown": "",
        "at_ms": 1000.0,
        "answered_ms": None,
        "latency_ms": None,
        "is_right": None,
        "cost": Cost(is_asked=True),
    }
    return Stroke(action=action, **{**defaults, **values})


def seen(text: str, latency_ms: float, is_right: bool, cost: Cost, **values: Any) -> Stroke:
    return stroke(
        shown=text, latency_ms=latency_ms, is_right=is_right, answered_ms=latency_ms, cost=cost, **values
    )


STROKES = [
    stroke("open", keys=0, cost=Cost(is_asked=True, prompt_tokens=900, generated_tokens=10)),
    seen("ab", 100, True, Cost("model", "", True, 10, 20, 60, 3, 4, 4, 2)),
    stroke("accept", keys=3, text="ab", cost=Cost(is_asked=True, prompt_tokens=None, generated_tokens=None)),
    seen("cd\nef", 5, False, Cost("cache")),
    stroke(answered_ms=90.0, cost=Cost("model", "filtered: empty: x", True, 0, 0, 0, 1, 1, 1, 0)),
    stroke(following="", cost=Cost(is_asked=True, prompt_tokens=1, generated_tokens=5)),
]


def test_the_figures_of_a_policy() -> None:
    reported = figures(STROKES, suggestions(STROKES))
    assert (reported["keys"], reported["keys_pressed"], reported["accepts"]) == (7, 5, 1)
    assert reported["prompt_tokens_per_keystroke"] == {"p50": 1.0, "p95": 2.8, "mean": 1.3, "unknown": 1}
    assert reported["prompt_tokens_per_request"] == {"p50": 2.0, "p95": 2.9, "mean": 2.0, "unknown": 1}
    assert reported["latency_ms"] == {"p50": 52.5, "p95": 95.2}
    assert (reported["coverage"], reported["shown"], reported["shown_right"]) == (0.5, 2, 0.5)
    assert (reported["shown_right_single_line"], reported["shown_single_line"]) == (1.0, 1)
    assert reported["cache_hits"] == 0.5
    assert reported["nothing_shown"] == {"late": 1, "filtered": 1}
    assert reported["generated_tokens"] == 20


def test_a_suggestion_is_judged_once_where_it_appears() -> None:
    def at(shown: str, typed: str = "", action: Action = "key") -> Stroke:
        return stroke(action, shown=shown, text=typed, is_right=True)

    strokes = [
        at("a = b", action="open"),
        at("= b", "a "),
        at("b", "= "),
        at("return b", "b\n"),
        at("b.c()", "return "),
    ]
    assert suggestions(strokes) == [strokes[3]], "typed into, cut and grown it is the same one"
    assert suggestions([at("x.y()"), stroke(text="q"), at("z()")])[1:] == [at("z()")]


def test_a_policy_that_showed_nothing_has_no_figures_but_counts() -> None:
    reported = figures([stroke("open", keys=0), stroke()], [])
    assert reported["latency_ms"] == {"p50": None, "p95": None}
    assert reported["shown_right"] is reported["cache_hits"] is None
    assert (reported["coverage"], reported["shown"]) == (0.0, 0)
    assert keystrokes_saved([]) is None


def test_a_cold_start_lasts_until_the_first_answer_in_time() -> None:
    assert first_answer_ms(STROKES) == 1100
    assert first_answer_ms([stroke("open"), stroke(answered_ms=90.0, at_ms=2000.0)]) == 2090
    assert first_answer_ms([stroke("open")]) is None


def test_keys_saved_count_each_accept_as_a_key() -> None:
    assert keystrokes_saved(STROKES) == round((7 - 5) / 7, 4)


@pytest.mark.parametrize(
    ("latency", "wait", "prompt", "generation", "expected"),
    [
        (100, 10, 20, 60, (10, 20, 60, 10)),
        (5, 0, 0, 0, (0, 0, 0, 5)),
        (50, 0, 6000, 400, (0, 0, 50, 0)),  # the generation had begun before the key
        (450, 0, 6000, 400, (0, 50, 400, 0)),
    ],
)
def test_the_time_to_a_suggestion_is_divided(
    latency: float, wait: float, prompt: float, generation: float, expected: tuple[float, ...]
) -> None:
    cost = Cost(wait_ms=wait, prompt_ms=prompt, generated_ms=generation)
    assert tuple(split(seen("x", latency, True, cost))[part] for part in PARTS) == expected


def test_what_is_left_of_a_suggestion_is_not_seen_again() -> None:
    def shows(typed: str, text: str) -> Stroke:
        return stroke(text=typed, shown=text)

    assert seen_chars([shows("a", "bcd"), shows("b", "cd"), shows("c", "d")]) == 3
    assert seen_chars([shows("a", "bc"), shows("b", "cdef")]) == 5
    assert seen_chars([shows("a", "bc"), shows("b", ""), shows("c", "d")]) == 3
    assert seen_chars([shows("a", "bc"), shows("x", "bc")]) == 4


def test_why_nothing_was_shown() -> None:
    counted = nothing_shown(
        [
            stroke(),
            stroke(cost=Cost(reason="")),
            stroke(answered_ms=90.0, cost=Cost(reason="unsure: mean log-probability -1.0")),
            stroke(answered_ms=90.0),
            seen("x", 1, True, Cost()),
        ]
    )
    assert counted == {"late": 1, "not asked": 1, "unsure": 1, "no reason given": 1}


def report() -> Report:
    runs = (
        Run("ours", "whole", "t", tuple(STROKES)),
        Run("ours", "words", "t", tuple(STROKES[:2])),
        Run("llama_vim", "whole", "t", (stroke("open", keys=0), stroke())),
    )
    conditions = {"model": "m", "tokens_per_second": {"read": 74.4, "write": 22.0}}
    return Report(runs, ("ours", "llama_vim"), conditions)


def test_the_json_has_what_the_issue_names() -> None:
    document = json.loads(replay.as_json(report()))
    assert (document["model"], document["traces"], document["users"]) == ("m", 1, ["whole", "words"])
    ours = document["policies"]["ours"]
    for key in ("prompt_tokens_per_keystroke", "latency_ms", "overhead_ms"):
        assert {"p50", "p95"} <= ours[key].keys()
    assert ours["keystrokes_saved"] == ours["keystrokes_saved_by"]["whole"] == round(2 / 7, 4)
    assert isinstance(ours["shown_right"], float)
    assert isinstance(ours["cache_hits"], float)
    # 7 + 2 characters were seen, at 2 tokens a character; 24 + 14 tokens were generated.
    assert ours["cancelled_work"] == round(1 - (2 + 5 + 2) * 9 / 4 / (20 + 14), 4)
    assert "rows" not in document
    assert len(json.loads(replay.as_json(report(), with_rows=True))["rows"]) == 10


def test_the_table_names_every_figure() -> None:
    lines = render(report()).split("\n")
    assert lines[0] == "m reads 74 and writes 22 tokens a second here"
    assert lines[2].split() == ["ours", "llama_vim"]
    assert any(line.startswith("keystrokes saved, words") and "%" in line for line in lines)
    assert any(line.startswith("  overhead, ms") for line in lines)
    assert "  llama_vim: late 1" in lines
    assert "  llama_vim: unknown 1" in lines


def test_every_build_is_asked_for_the_same_model() -> None:
    assert replay.with_model(Config(), "m").model.name == "m"
    own = Config(model=ModelConfig(path="/models/own.gguf"))
    assert replay.with_model(own, "m") is own


# --- the whole run -----------------------------------------------------------------------------------------


def test_policies_take_turns_in_a_seeded_order_one_at_a_time() -> None:
    open_now: list[str] = []
    order: list[tuple[str, str]] = []

    def opener(name: str) -> Open:
        @asynccontextmanager
        async def opened(trace: Trace) -> AsyncIterator[ScriptedEditor]:
            assert open_now == []
            open_now.append(name)
            order.append((trace.id, name))
            yield ScriptedEditor(trace.text, {})
            open_now.clear()

        return opened

    chosen = [Trace(name, "a.py", "python", "", trace_of("ab").edits) for name in "stuv"]
    policies = {name: opener(name) for name in ("ours", "llama_vim")}
    reported: list[tuple[int, int]] = []

    def once(seed: int) -> list[Run]:
        order.clear()
        work = replay.replay(
            chosen,
            policies,
            ["whole", "words"],
            seed=seed,
            progress=lambda done, total, _: reported.append((done, total)),
        )
        return run(work)

    first = once(7)
    assert reported == [(number, 16) for number in range(1, 17)]
    assert [run.trace for run in first] == [name for name in "stuv" for _ in range(4)]
    kept = list(order)
    assert once(7) == first
    assert order == kept
    assert {name for _, name in kept[:4]} == {"ours", "llama_vim"}
    once(8)
    assert order != kept


def test_the_traces_to_replay(tmp_path: Path) -> None:
    file = tmp_path / "traces.jsonl"
    write(file, [trace_of("abc"), trace_of("def")])
    assert len(replay.chosen_traces(file, None, n=None, seed=7, key_ms=None)) == 2
    assert replay.chosen_traces(file, None, n=1, seed=7, key_ms=None)[0].edits[0].at_ms == 1000
    slow = replay.chosen_traces(file, None, n=1, seed=7, key_ms=2000)[0]
    assert slow.edits[-1].at_ms - slow.edits[0].at_ms > 400
    assert len(replay.chosen_traces(None, None, n=None, seed=7, key_ms=None)) == 8
    rows = tmp_path / "rows.jsonl"
    row = {"task_id": "r", "prompt": "def f():\n", "suffix": "", "canonical_solution": "    return 1\n"}
    rows.write_text(json.dumps(row) + "\n" + json.dumps({**row, "canonical_solution": "x" * 999}) + "\n")
    assert [trace.id for trace in replay.chosen_traces(None, rows, n=None, seed=7, key_ms=None)] == ["r"]
    rows.write_text(json.dumps({**row, "canonical_solution": "x" * 999}) + "\n")
    with pytest.raises(InputError, match="no row has"):
        replay.chosen_traces(None, rows, n=None, seed=7, key_ms=None)
