"""Assertions of Jest, Vitest and Chai in the words of Node's own `assert`: models write them, asked or not.

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
_CHAI = re.compile(
    r"^(?P<indent>[ \t]*)expect\((?P<value>.+)\)\.(?P<no>not\.)?to\.(?P<no2>not\.)?(?P<what>[a-zA-Z.]+?)"
    r"(?:\((?P<wanted>.*)\))?(?P<end>;?)[ \t]*$",
    re.MULTILINE,
)
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
    """Return tests with what they expect in Node's words."""

    def said(match: re.Match[str]) -> str:
        forms = _WORDS.get(match["what"], ("", ""))
        form = forms[1] if match["no"] else forms[0]
        if not form or not _is_balanced(match["value"]) or not _is_balanced(match["wanted"]):
            return match[0]
        return f"{match['indent']}{form.format(value=match['value'], wanted=match['wanted'])}{match['end']}"

    return _EXPECT.sub(said, _CHAI.sub(_in_jest, tests))


def _in_jest(match: re.Match[str]) -> str:
    word = _IN_JEST.get(match["what"], "")
    if not word or (match["what"] == "have.property" and "," in (match["wanted"] or "")):
        return match[0]
    no = "not." if match["no"] or match["no2"] else ""
    call = word if word.endswith(")") else f"{word}({match['wanted'] or ''})"
    return f"{match['indent']}expect({match['value']}).{no}{call}{match['end']}"


def _is_balanced(text: str) -> bool:
    depth = 0
    for sign in re.sub(r"'(\\.|[^'\\])*'|\"(\\.|[^\"\\])*\"|`[^`]*`", "", text):
        depth += (sign in "([{") - (sign in ")]}")
        if depth < 0:
            return False
    return depth == 0
