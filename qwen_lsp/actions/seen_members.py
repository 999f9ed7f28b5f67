"""Members that the assertions of a test in JavaScript or TypeScript ask for, and nobody has.

What a function gives is not run here, so a test may speak only of members that the tested file, the test's
own literals or the language know: `logger.stream.path` of a logger that a package makes is a guess. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_ASSERTION = re.compile(r"^[ \t]*(?:await[ \t]+)?(?:expect\(|assert[.(]).*$", re.MULTILINE)
_STRING = re.compile(r"\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'|/(?![ /*])(?:[^/\\\n]|\\.)+/")
_MEMBER = re.compile(r"\.([A-Za-z_$][\w$]*)")
# A name in a place where members are named; a parameter of that name is none.
_NAMED_AS_MEMBER = re.compile(
    r"(?<=[.#])[A-Za-z_$][\w$]*|(?<=[\"'])[A-Za-z_$][\w$]*(?=[\"'])|[A-Za-z_$][\w$]*(?=\??[ \t]*[:(=])"
    r"|(?<=[{,] )[A-Za-z_$][\w$]*(?= ?[,}])"
)
# Source: ECMA-262, Node's `assert`, the matchers of Jest and Vitest (those that begin with `to` apart).
_KNOWN_WORDS = """
all any anything arrayContaining assign at bind call apply catch charAt concat constructor create
deepEqual deepStrictEqual doesNotReject doesNotThrow doesNotMatch endsWith entries equal every fail
filter find findIndex flat flatMap floor ceil forEach freeze from fromEntries get getTime has
hasOwnProperty ifError includes is indexOf isArray isFinite isInteger isNaN join keys last
lastIndexOf length map match message mock calls name not notDeepEqual notDeepStrictEqual notEqual
notStrictEqual now objectContaining of ok parse pop prototype push rejects reduce repeat replace
resolve resolves reverse round shift size slice some sort split startsWith strict strictEqual
stringContaining stringMatching stringify substring test then throws trim values
"""
_KNOWN = frozenset(_KNOWN_WORDS.split())


def unseen(tests: str, known: Sequence[str]) -> list[str]:
    """List the members that assertions ask for and that neither `known` texts nor the test itself mention."""
    bare = _STRING.sub("0", tests)
    elsewhere = set(re.findall(r"(?<![\w$.])[A-Za-z_$][\w$]*", bare))
    for text in known:
        elsewhere |= set(_NAMED_AS_MEMBER.findall(text))
    asked = (name for line in _ASSERTION.findall(bare) for name in _MEMBER.findall(line))
    return [
        name
        for name in dict.fromkeys(asked)
        if name not in _KNOWN and name not in elsewhere and not re.match(r"to[A-Z]", name)
    ]


def about(tests: str, name: str) -> str:
    """Leave out the tests beside the first level of a file that do not speak of what is tested."""
    parts = re.split(r"^(?=(?:test|it)\()", tests, flags=re.MULTILINE)
    is_test = [re.match(r"(?:test|it)\(", one) is not None for one in parts]
    speaks = re.compile(rf"(?<![\w$]){re.escape(name)}(?![\w$])")
    kept = [
        one for one, is_one in zip(parts, is_test, strict=True) if not is_one or speaks.search(_code(one))
    ]
    is_left = any(map(re.compile(r"(?:test|it)\(").match, kept))
    return "".join(kept).rstrip("\n") if is_left else tests


def _code(test: str) -> str:
    """Return a test without its title, which may speak of anything."""
    return re.sub(r"^(?:test|it)\((?:\"[^\"\n]*\"|'[^'\n]*'|`[^`]*`)", "", test)
