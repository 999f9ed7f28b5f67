"""Members that a test asks for and nobody has."""

from __future__ import annotations

import pytest

from qwen_lsp.actions import run as runner
from qwen_lsp.actions import seen_members
from qwen_lsp.actions.task import Proposal, Refused
from tests.support.chatting import Speaker, session, task

CODE = "function logger(options) {⟦⟧\n  return make(options.level)\n}\nmodule.exports = { logger }\n"


@pytest.mark.parametrize(
    ("tests", "unseen"),
    [
        ("assert.ok(a instanceof pino.Logger)", ["Logger"]),
        ("expect(logger({}).level).toBe('info.more')", []),
        ("expect(logger({}).stream.path).toBe('a.b')", ["stream", "path"]),
        ("const o = { path: 1 }\nassert.strictEqual(o.path, 1)", []),
        ("expect(logger([1].map(String)).length).toEqual(2)", []),
        ("logger({}).flush()\nexpect(1).toBe(1)", []),  # no assertion asks for it
    ],
)
def test_members_that_nobody_has(tests: str, unseen: list[str]) -> None:
    assert seen_members.unseen(tests, [CODE]) == unseen


def test_a_parameter_is_no_member() -> None:
    text = (
        "class T {\n  #string\n  constructor (header) {\n    this.type = header\n  }\n"
        "  get size () { return 1 }\n}\n"
    )
    asserted = "assert.strictEqual(t.{}, 1)"
    assert seen_members.unseen(asserted.format("header"), [text]) == ["header"]
    for name in ("type", "size"):
        assert seen_members.unseen(asserted.format(name), [text]) == []


def test_tests_of_something_else_are_left_out() -> None:
    made = 'test("from makes one", () => {\n  new T("a");\n});\n\n'
    given = 'test("of", () => {\n  T.from("a");\n});'
    assert seen_members.about(made + given, "from") == given
    assert seen_members.about(made, "from") == made
    assert seen_members.about(f"describe('a', () => {{\n}});\n{given}", "from").startswith("describe(")


async def test_such_a_test_is_asked_for_once_more() -> None:
    wrong = "test('it', () => {\n  expect(logger({}).stream).toBe(1)\n})\n```"
    right = "test('it', () => {\n  expect(logger({ level: 1 }).level).toBe(1)\n})\n```"
    asked = task("test", CODE, language="javascript", path="lib/a.js")
    speaker = Speaker(wrong, right)
    found = await runner.run(asked, session(speaker))
    assert isinstance(found, Proposal), found
    assert "there is no stream here" in speaker.prompts[1]
    assert await runner.run(asked, session(Speaker(wrong, wrong))) == Refused("names", "stream")
