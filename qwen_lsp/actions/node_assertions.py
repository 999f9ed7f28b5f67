"""Assertions of Jest and Vitest in the words of Node's own `assert`: models write them, asked or not.

Pure; it knows statements of one line, and leaves what it does not know.
"""

from __future__ import annotations

import re

_EXPECT = re.compile(
    r"^(?P<indent>[ \t]*)expect\((?P<value>.+)\)\.(?P<no>not\.)?(?P<what>to\w+)\((?P<wanted>.*)\)"
    r"(?P<end>;?)[ \t]*$",
    re.MULTILINE,
)
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
_WORDS["toStrictEqual"] = _WORDS["toEqual"]
_WORDS["toThrowError"] = _WORDS["toThrow"]


def converted(tests: str) -> str:
    """Return tests with what they expect in Node's words."""

    def said(match: re.Match[str]) -> str:
        forms = _WORDS.get(match["what"], ("", ""))
        form = forms[1] if match["no"] else forms[0]
        if not form or not _is_balanced(match["value"]) or not _is_balanced(match["wanted"]):
            return match[0]
        return f"{match['indent']}{form.format(value=match['value'], wanted=match['wanted'])}{match['end']}"

    return _EXPECT.sub(said, tests)


def _is_balanced(text: str) -> bool:
    depth = 0
    for sign in re.sub(r"'(\\.|[^'\\])*'|\"(\\.|[^\"\\])*\"|`[^`]*`", "", text):
        depth += (sign in "([{") - (sign in ")]}")
        if depth < 0:
            return False
    return depth == 0
