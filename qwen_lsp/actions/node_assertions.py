"""Assertions of Jest, Vitest and Chai in the words of Node's own `assert`: models write them, asked or not.

Pure; it leaves what it does not know.
"""

from __future__ import annotations

import re

_OPENED = re.compile(r"^(?P<indent>[ \t]*)expect\(", re.MULTILINE)
_MATCHER = re.compile(
    r"\.(?:(?P<no>not)\.)?(?:to\.(?:(?P<no2>not)\.)?(?P<chai>[a-zA-Z.]+)|(?P<what>to\w+))(?P<open>\()?"
)
_QUOTED = re.compile(r"'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\"|`(?:\\.|[^`\\])*`", re.DOTALL)
_WORDS = {
    "toBe": ("assert.strictEqual({value}, {wanted})", "assert.notStrictEqual({value}, {wanted})"),
    "toEqual": ("assert.deepStrictEqual({value}, {wanted})", "assert.notDeepStrictEqual({value}, {wanted})"),
    "toBeNull": ("assert.strictEqual({value}, null)", "assert.notStrictEqual({value}, null)"),
    "toBeUndefined": ("assert.strictEqual({value}, undefined)", "assert.notStrictEqual({value}, undefined)"),
    "toBeDefined": ("assert.notStrictEqual({value}, undefined)", "assert.strictEqual({value}, undefined)"),
    "toBeTruthy": ("assert.ok({value})", "assert.ok(!({value}))"),
    "toBeFalsy": ("assert.ok(!({value}))", "assert.ok({value})"),
    "toThrow": ("assert.throws({value})", "assert.doesNotThrow({value})"),
    "toContain": ("assert.ok({value}.includes({wanted}))", "assert.ok(!{value}.includes({wanted}))"),
    "toHaveLength": ("assert.strictEqual({value}.length, {wanted})", ""),
    "toBeInstanceOf": ("assert.ok({value} instanceof {wanted})", ""),
}
# What Chai says, in the words of Jest.
_IN_JEST = {
    "equal": "toBe",
    "be.true": "toBe(true)",
    "be.false": "toBe(false)",
    "eql": "toEqual",
    "deep.equal": "toEqual",
    "be.null": "toBeNull",
    "be.undefined": "toBeUndefined",
    "exist": "toBeDefined",
    "be.ok": "toBeTruthy",
    "throw": "toThrow",
    "include": "toContain",
    "contain": "toContain",
    "have.lengthOf": "toHaveLength",
    "be.instanceOf": "toBeInstanceOf",
    "be.an.instanceOf": "toBeInstanceOf",
    "be.instanceof": "toBeInstanceOf",
    "be.an.instanceof": "toBeInstanceOf",
    "have.property": "toHaveProperty",
}
_WORDS["toHaveProperty"] = ("assert.ok({wanted} in {value})", "assert.ok(!({wanted} in {value}))")
_WORDS["toStrictEqual"] = _WORDS["toEqual"]
_WORDS["toThrowError"] = _WORDS["toThrow"]


def converted(tests: str) -> str:
    """Return tests with what they expect in Node's words; a statement may stand on several lines."""
    found: list[str] = []
    at = 0
    for opened in _OPENED.finditer(tests):
        written = _statement(tests, opened) if opened.start() >= at else None
        if written is not None:
            found += (tests[at : opened.start()], opened["indent"], written[0])
            at = written[1]
    return "".join((*found, tests[at:]))


def _statement(tests: str, opened: re.Match[str]) -> tuple[str, int] | None:
    """Return an assertion in Node's words, and where what it says ends; None for what nobody listed."""
    close = _close(tests, opened.end())
    matcher = _MATCHER.match(tests, close + 1) if close >= 0 else None
    if matcher is None:
        return None
    end, wanted = matcher.end(), ""
    if matcher["open"]:
        last = _close(tests, end)
        if last < 0:
            return None
        wanted, end = tests[end:last], last + 1
    if re.match(r"[ \t]*;?[ \t]*(?:$|\n)", tests[end:]) is None:
        return None
    what = matcher["what"] or _IN_JEST.get(matcher["chai"], "")
    if what.endswith(")"):
        what, wanted = what[:-1].split("(")
    forms = _WORDS.get(what, ("", ""))
    form = forms[1] if matcher["no"] or matcher["no2"] else forms[0]
    is_pair = what == "toHaveProperty" and "," in wanted
    value = tests[opened.end() : close]
    return (form.format(value=value, wanted=wanted), end) if form and not is_pair else None


def _close(text: str, start: int) -> int:
    """Return where the bracket closes that stands before `start`, -1 where it does not."""
    depth, at = 1, start
    while at < len(text):
        quoted = _QUOTED.match(text, at)
        if quoted is not None:
            at = quoted.end()
            continue
        depth += (text[at] in "([{") - (text[at] in ")]}")
        if depth == 0:
            return at
        at += 1
    return -1
