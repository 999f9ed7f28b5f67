"""Comments for other linters set the same rules of ours aside, and no others."""

from __future__ import annotations

import asyncio

import pytest

from qwen_lsp.review import reviewer
from qwen_lsp.review.change.change import Change, ChangedFile, compare


@pytest.mark.parametrize(
    ("path", "severity"),
    [
        ("packages/codemod/test/fixtures/a/keys.input.ts", "info"),
        ("src/__testfixtures__/a.js", "info"),
        ("playground/a.js", "info"),
        ("test/a.spec.ts", "warning"),
        ("src/a.ts", "warning"),
    ],
)
def test_what_a_tool_is_tried_on(path: str, severity: str) -> None:
    text = "const a = { options: { b: 1 }, options: { c: 2 } };\n"
    file = ChangedFile(compare(path, None, text), None, text)
    (one,) = asyncio.run(reviewer.review(Change("t", (file,)))).findings
    assert (one.rule, one.severity) == ("duplicate-key", severity)


@pytest.mark.parametrize(
    ("path", "n"), [("builder/make_dmg.py", 0), ("scripts/a.py", 0), ("src/builder/a.py", 1)]
)
def test_a_script_of_developers(path: str, n: int) -> None:
    text = "import os\n\n\ndef sign(name: str) -> None:\n    os.system('sign ' + name)\n"
    assert rules(path, text) == ["command-injection"] * n


def rules(path: str, text: str) -> list[str]:
    file = ChangedFile(compare(path, None, text), None, text)
    return [entry.rule for entry in asyncio.run(reviewer.review(Change("t", (file,)))).findings]


@pytest.mark.parametrize(
    ("path", "line", "comment", "other"),
    [
        ("a.py", "a = x == None", "  # noqa: E711", "  # noqa: E501"),
        ("a.py", "a = x == None", "  # noqa", "  # note"),
        ("a.py", "eval(x)", "  # noqa: E501, S307", "  # noqa: S101"),
        ("a.js", "debugger;", " // eslint-disable-line no-debugger", " // eslint-disable-line max-len"),
        ("a.js", "if (a === a) { b(); }", " // NOSONAR", " // sonar"),
    ],
)
def test_a_comment_of_a_linter(path: str, line: str, comment: str, other: str) -> None:
    assert len(rules(path, f"{line}\n")) == 1
    assert rules(path, f"{line}{comment}\n") == []
    assert len(rules(path, f"{line}{other}\n")) == 1


def test_a_linter_of_go() -> None:
    head = "package a\n\nvar c = tls.Config{InsecureSkipVerify: true}"
    assert rules("a.go", f"{head}\n") == ["tls-verification-off"]
    assert rules("a.go", f"{head} //nolint:gosec // a test server\n") == []
    assert rules("a.go", f"{head} //nolint:lll\n") == ["tls-verification-off"]
    assert rules("a_test.go", f"{head}\n") == []
