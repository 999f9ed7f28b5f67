"""Kinds of findings that were wrong or badly worded on real code, each with its reverse case."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import pytest

from qwen_lsp.errors import InputError
from qwen_lsp.messages import Locale
from qwen_lsp.review import reviewer
from qwen_lsp.review.change.change import Change, ChangedFile, compare, from_git
from qwen_lsp.review.change.units import Unit
from qwen_lsp.review.find.asking import Budget, Pass
from qwen_lsp.review.find.surroundings import is_predictable
from qwen_lsp.review.finding import Finding
from qwen_lsp.review.reviewer import Options
from tests.unit.review.repositories import git, repository, write

GO = "package a\n\nfunc f(left, right any) {\n%s\n}\n"
PROBE = "def f(path):\n    try:\n        %s\n    except Exception:\n        pass\n%s"


def found(
    path: str,
    after: str,
    before: str | None = None,
    locale: Locale = "en",
    linters: Literal["none", "plain"] = "none",
) -> list[Finding]:
    file = ChangedFile(compare(path, before, after), before, after)
    options = Options(linters=linters, locale=locale)
    return list(asyncio.run(reviewer.review(Change("t", (file,)), options)).findings)


def rules(path: str, after: str, before: str | None = None) -> list[tuple[str, int]]:
    return [(entry.rule, entry.start_line) for entry in found(path, after, before)]


RIGHT_AND_WRONG = {
    "an initializer makes the conditions of a chain differ": (
        "a.go",
        GO
        % "\tif n, ok := left.(int); ok {\n\t\tuse(n)\n\t} else if t, ok := right.(bool); ok {\n\t\tuse(t) }",
        GO % "\tif left == right {\n\t\tuse(left)\n\t} else if left == right {\n\t\tuse(right)\n\t}",
        "duplicate-condition",
    ),
    "blanks inside strings count": (
        "a.py",
        "def f(t):\n    if ': ' in t:\n        return 1\n    elif ':' in t:\n        return 2\n",
        "def f(t):\n    if ': ' in t:\n        return 1\n    elif ': '  in t:\n        return 2\n",
        "duplicate-condition",
    ),
    "an error that is made inside pytest.raises": (
        "a.py",
        "import pytest\n\n\ndef test_f(v):\n    with pytest.raises(TypeError):\n        ValueError(v)\n",
        "def f(v):\n    if not v:\n        ValueError(v)\n",
        "error-not-raised",
    ),
    "casts to one type": (
        "a.ts",
        "export const f = (a: unknown, b: unknown) => (a as number) / (b as number);\n",
        "export const f = (a: unknown, b: unknown) => (a as number) / (a as number);\n",
        "same-operands",
    ),
    "a cast that is the check": (
        "A.java",
        "class A { boolean f(double n) { return n == (int) n; } }\n",
        "class A { boolean f(double n) { return n == n; } }\n",
        "same-operands",
    ),
    "a loop in the background": (
        "a.ts",
        "async function watch(s: AsyncIterable<N>) { for await (const n of s) show(n); }\n"
        "export async function open(s: AsyncIterable<N>) { watch(s); return close; }\n",
        "async function save(s: Store) { await s.flush(); }\n"
        "export async function open(s: Store) { save(s); return close; }\n",
        "lost-await",
    ),
    "a function that is not asynchronous itself": (
        "a.ts",
        "async function save(s: Store) { await s.flush(); }\n"
        "export function open(s: Store) { save(s); return close; }\n",
        "async function save(s: Store) { await s.flush(); }\n"
        "export const open = async (s: Store) => { save(s); return close; };\n",
        "lost-await",
    ),
    "a documented placeholder": (
        "a.py",
        'KEY = "AKIAIOSFODNN7EXAMPLE"\n',
        'KEY = "AKIAIOSFODNN7QWERTYU"\n',
        "hardcoded-secret",
    ),
    "a token that is cut short in a description": (
        "api.ts",
        'export const example = { token: "eyJhbGciOi...J9..." };\n',
        'export const example = { token: "ghp_9fK2mQ7xZ4vB8nL1cR5tY3wE6uI0oP2aSdFg" };\n',
        "hardcoded-secret",
    ),
    "a public key for analytics": (
        "a.ts",
        'export const p = { apiKey: "phc_A2b3C4d5E6f7G8h9I0j1K2l3M4n5O6p7Q8r9S0t1U2v" };\n',
        'export const p = { apiKey: "glpat-9fK2mQ7xZ4vB8nL1cR5t" };\n',
        "hardcoded-secret",
    ),
    "closing what may be closed": (
        "a.py",
        PROBE % ("path.close()", ""),
        PROBE % ("path.save()", ""),
        "swallowed-error",
    ),
    "removing what may be gone": (
        "a.py",
        PROBE % ("path.unlink()", ""),
        PROBE % ("path.commit()", ""),
        "swallowed-error",
    ),
    "a probe with a fallback behind it": (
        "a.py",
        PROBE % ("return path.fast()", "    return path.slow()\n"),
        PROBE % ("path.fast()", "    path.done = True\n"),
        "swallowed-error",
    ),
    "a comment for the linter of Go": (
        "client.go",
        GO % "\tuse(&tls.Config{InsecureSkipVerify: true}) //nolint:gosec",
        GO % "\tuse(&tls.Config{InsecureSkipVerify: true}) //nolint:lll",
        "tls-verification-off",
    ),
    "a comment for a linter of Python": (
        "a.py",
        "def f(x):\n    return x == None  # noqa: E711\n",
        "def f(x):\n    return x == None  # noqa: E501\n",
        "compare-to-none",
    ),
}


@pytest.mark.parametrize("kind", RIGHT_AND_WRONG)
def test_what_is_right_and_its_reverse(kind: str) -> None:
    path, right, wrong, rule = RIGHT_AND_WRONG[kind]
    assert rule not in dict(rules(path, right))
    assert rule in dict(rules(path, wrong))


@pytest.mark.parametrize(("path", "expected"), [
    ("client_test.go", False), ("testing/client.go", False), ("pkg/testing/a.go", False),
    ("contesting/client.go", True), ("client.go", True),
])  # fmt: skip
def test_tls_in_tests(path: str, expected: bool) -> None:
    text = GO % "\tuse(&tls.Config{InsecureSkipVerify: true})"
    assert ("tls-verification-off" in dict(rules(path, text))) is expected


def test_the_advice_fits_the_cipher() -> None:
    java = 'class A { Cipher f() { return Cipher.getInstance("%s"); } }\n'
    (rsa,) = found("A.java", java % "RSA/ECB/NoPadding")
    assert "OAEP" in rsa.message
    assert "GCM" not in rsa.message + rsa.scenario
    (aes,) = found("A.java", java % "AES/ECB/PKCS5Padding")
    assert "GCM" in aes.message + aes.scenario
    assert found("A.java", java % "RSA/ECB/OAEPWithSHA-256AndMGF1Padding") == []


def test_a_comment_that_swallowed_a_line() -> None:
    before = (
        "def f(rows, seen):\n    kept = []\n    for row in rows:\n        # Known already\n"
        "        if seen(row):\n            continue\n        kept.append(row)\n    return kept\n"
    )
    after = before.replace("already\n        if", "already        if")
    (finding,) = found("a.py", after, before, linters="plain")
    assert (finding.rule, finding.start_line, finding.severity) == ("does-not-parse", 4, "error")
    assert "it did before" in finding.message
    assert found("a.py", before, after) == []


def test_the_model_is_not_asked_about_a_declaration() -> None:
    line = "    binary: str | None = Field(default=None, validation_alias=AliasChoices('instance'))"
    assert not is_predictable(line)
    assert is_predictable("    binary = find(paths, AliasChoices('instance'))")


def test_all_passes_share_one_budget_that_also_ends_a_question() -> None:
    asked: list[str] = []

    def endless(name: str) -> Pass:
        async def find(piece: Unit) -> Sequence[Finding]:
            asked.append(name)
            await asyncio.Event().wait()
            return []

        return Pass(name, "1", find)

    after = "def f(a, b):\n    return a - b\n"
    change = Change("t", (ChangedFile(compare("a.py", None, after), None, after),))
    options = Options(budget=Budget(max_seconds=0.2))
    report = asyncio.run(reviewer.review(change, options, [endless("one"), endless("two")]))
    assert asked == ["one"]
    assert [record.unasked for record in report.coverage.passes] == [{"time": 1}, {"time": 1}]


def test_chains_and_sums_of_thousands() -> None:
    """That their time is linear is tested in test_introduced."""
    chain = "if x == 0:\n    a()\n" + "".join(f"elif x == {n}:\n    a()\n" for n in range(1, 4000))
    assert ("duplicate-condition", 8001) in rules("a.py", chain + "elif x == 7:\n    b()\n")
    total = "total = " + " + ".join("1" for _ in range(4000)) + " + (x - x)\n"
    assert ("same-operands", 1) in rules("a.py", total)


def test_ranges_and_bases(tmp_path: Path) -> None:
    repository(tmp_path, {"a.py": "def f(x):\n    return x == x\n"})
    empty = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"

    def paths(*arguments: str) -> list[str]:
        return [file.path for file in from_git(tmp_path, *arguments).files]  # type: ignore[arg-type]

    for name in (empty, "HEAD^", "HEAD~1"):
        assert paths("base", name) == ["a.py"]
        assert paths("range", f"{name}..HEAD") == ["a.py"]
    write(tmp_path, {"b.py": "B = 1\n"})
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "two")
    with pytest.raises(InputError, match="did you mean HEAD\\^\\.\\.HEAD"):
        from_git(tmp_path, "range", "HEAD..HEAD^")
    with pytest.raises(InputError, match="knows no commit"):
        from_git(tmp_path, "base", "nowhere")


def test_utf_16_is_read(tmp_path: Path) -> None:
    repository(tmp_path, {"a.txt": "a\n"})
    write(tmp_path, {"b.py": "def f(x):\n    return x == x\n".encode("utf-16")})
    report = asyncio.run(reviewer.review(from_git(tmp_path)))
    assert [entry.rule for entry in report.findings] == ["same-operands"]
    assert report.coverage.skipped == ()


WORDS = [
    (
        "code-injection",
        "a.py",
        "def f(x):\n    eval('a' + x)\n",
        "`eval()` runs a string built at run time",
        "运行时拼出的字符串",
    ),
    (
        "swallowed-error",
        "a.py",
        "def f(path):\n    try:\n        path.save()\n    except Exception:\n        pass\n",
        "hides every error. Catch the expected one",
        "",
    ),
    (
        "hardcoded-secret",
        "a.py",
        'K = "AKIAIOSFODNN7QWERTYU"\n',
        "Looks like an AWS access key id",
        "密钥",
    ),
    (
        "duplicate-condition",
        "a.py",
        "if a(x) == 1:\n    b()\nelif c:\n    d()\nelif a == 2:\n    e()\nelif a == 2:\n    g()\n",
        "Same condition as line 5; this branch never runs.",
        "与第 5 行条件相同",
    ),
    (
        "same-operands",
        "a.py",
        "def f(width):\n    return width / width\n",
        "Both sides of `/` are `width`. Is that intended?",
        "",
    ),
    (
        "error-not-raised",
        "a.py",
        "def f():\n    ValueError('x')\n",
        "`ValueError(...)` is created but never raised.",
        "",
    ),
    (
        "lost-await",
        "a.js",
        "async function g() {}\nasync function f() { g(); h(); }\n",
        "The promise of `g()` is neither awaited nor caught.",
        "",
    ),
    (
        "unreachable-code",
        "a.py",
        "def f(xs):\n    for x in xs:\n        continue\n        g(x)\n",
        "Unreachable: `continue` on line 3 always jumps away.",
        "",
    ),
    (
        "compare-to-none",
        "a.py",
        "def f(x):\n    return x != None\n",
        "Use `is not None`; `!=` can be overloaded (NumPy, SQLAlchemy).",
        "",
    ),
    (
        "bare-except",
        "a.py",
        "def f():\n    try:\n        g()\n    except:\n        log()\n",
        "also catches KeyboardInterrupt and SystemExit",
        "",
    ),
]


@pytest.mark.parametrize(("rule", "path", "text", "english", "chinese"), WORDS, ids=lambda value: "")
def test_the_words_name_what_is_wrong(rule: str, path: str, text: str, english: str, chinese: str) -> None:
    (finding,) = [entry for entry in found(path, text) if entry.rule == rule]
    assert english in finding.message
    (finding,) = [entry for entry in found(path, text, locale="zh") if entry.rule == rule]
    assert chinese in finding.message
    assert any("\u4e00" <= char <= "\u9fff" for char in finding.message)
