"""What is new against the base: caused elsewhere, moved, no longer parsed, said by ruff; in linear time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from qwen_lsp.review import reviewer
from qwen_lsp.review.cache import Cache
from qwen_lsp.review.change.change import Change, ChangedFile, compare
from qwen_lsp.review.change.diff import FilePatch
from qwen_lsp.review.find import ruff
from qwen_lsp.review.find.surroundings import is_predictable
from qwen_lsp.review.finding import Finding
from qwen_lsp.review.reviewer import Options
from tests.support.scaling import MAX_GROWTH, growth

CHAIN = "if x == 1:\n    a()\nelif x == 2:\n    b()\nelif x == 3:\n    c()\n"


def found(*pairs: tuple[str, str | None, str], linters: bool = False) -> list[Finding]:
    """Review files, each given as its path, its text before and its text after."""
    files = [ChangedFile(compare(path, before, after), before, after) for path, before, after in pairs]
    return list(
        asyncio.run(
            reviewer.review(Change("t", tuple(files)), Options(linters="configured" if linters else "none"))
        ).findings
    )


def test_what_a_change_causes_on_other_lines_is_marked() -> None:
    (finding,) = found(("a.py", CHAIN, CHAIN.replace("x == 1", "x == 3")))
    assert (finding.rule, finding.start_line, finding.is_caused) == ("duplicate-condition", 5, True)
    assert "line 1" in finding.message
    assert found(("a.py", CHAIN.replace("x == 1", "x == 3"), CHAIN)) == []


def test_code_that_moved_to_another_file_is_silent() -> None:
    bad = "def f(x):\n    return x == None\n"
    assert found(("a.py", bad, "A = 1\n"), ("b.py", "B = 1\n", f"B = 1\n\n\n{bad}")) == []
    gone = ChangedFile(FilePatch("a.py", "a.py", "deleted"), bad, None)
    new = ChangedFile(compare("b.py", None, bad), None, bad)
    assert asyncio.run(reviewer.review(Change("t", (gone, new)))).findings == ()
    assert len(found(("a.py", bad, "A = 1\n"), ("b.py", None, bad + bad))) == 1, "one of two was moved"


@pytest.mark.parametrize(
    ("path", "before", "after", "line"),
    [
        (
            "a.py",
            "for match in all:\n    # Skip seen ones\n    if any(match):\n        continue\n    add(match)\n",
            "for match in all:\n    # Skip seen ones    if any(match):\n        continue\n    add(match)\n",
            2,
        ),
        ("a.go", "package a\n\nfunc f() {\n\tg()\n}\n", "package a\n\nfunc f() {\n\tg(\n}\n", 4),
        ("a.ts", "const a = { b: 1 };\n", "const a = { b: 1 ;\n", 1),
        ("a.java", "class A { void f() { g(); } }\n", "class A { void f() { g(; } }\n", 1),
        ("a.json", '{"a": 1}\n', '{"a": 1\n', 1),
        ("a.rs", "fn f() { g(); }\n", "fn f() { g(; }\n", 1),
    ],
)
def test_what_no_longer_parses(path: str, before: str, after: str, line: int) -> None:
    rules = [(entry.rule, entry.start_line) for entry in found((path, before, after))]
    assert ("does-not-parse", line) in rules
    assert "unreachable-code" not in [rule for rule, _ in rules]
    assert found((path, after, before)) == []
    broken = after.replace("match", "hit").replace("g(", "h(").replace("b: 1", "b: 2").replace('"a"', '"b"')
    assert "does-not-parse" not in [entry.rule for entry in found((path, after, broken))]


def test_grammars_that_do_not_know_their_language_are_not_believed() -> None:
    before = ".a {\n  color: red;\n}\n"
    assert found(("a.scss", before, '@use "../b" as *;\n\n' + before)) == []
    assert found(("a.less", before, before + "@b: {\n")) == []


@pytest.mark.parametrize(
    ("path", "before", "after"),
    [
        ("a.tsx", "export const A = styled(B)`a`;\n", "export const A = styled(B)<{ $size: number }>`a`;\n"),
        ("a.ts", "mock(async (load) => load());\n", "mock(async (load) => load<typeof import('./a')>());\n"),
        ("a.css", ".a {\n  color: red;\n}\n", ".a {\n  &:hover { color: red; }\n  .b & { top: 0; }\n}\n"),
    ],
)
def test_gaps_of_a_grammar(path: str, before: str, after: str) -> None:
    assert found((path, before, after)) == []
    if path != "a.css":
        (finding,) = found((path, before, after.replace(")", "", 1)))
        assert finding.rule == "does-not-parse"


def test_invisible_characters_in_texts_for_people() -> None:
    text = 'msgstr "ver\u00adlo\u00adren"\n'
    assert found(("locale/nl/django.po", None, text)) == []
    assert [one.rule for one in found(("src/a.py", None, f"a = 1\n{text.replace('msgstr ', 'b = ')}"))] != []


def test_ruff_speaks_of_what_the_base_did_not_have() -> None:
    before = "import os\nimport sys\n\n\ndef f():\n    return os.sep, sys.path\n"
    after = "import os\nimport sys\n\n\ndef f():\n    return sys.path, now\n"
    rules = {entry.rule: entry for entry in found(("src/a.py", before, after), linters=True)}
    assert set(rules) == {"F401", "F821"}
    assert (rules["F401"].is_caused, rules["F401"].start_line) == (True, 1)
    assert (rules["F821"].severity, rules["F821"].source) == ("error", "linter")
    assert rules["F821"].url.startswith("https://")
    assert found(("src/a.py", after, after + "\n\nB = 1\n"), linters=True) == []


def test_ruff_keeps_to_rules_about_bugs() -> None:
    after = "import re\n\n\ndef f(x):\n    l = x if x else None\n    return re.match('\\d', l)\n"
    (finding,) = found(("src/a.py", "import re\n", after), linters=True)
    assert (finding.rule, finding.category, finding.severity) == ("W605", "bug", "warning")


def test_quotes_that_a_formatter_changed() -> None:
    before = "import os\n\n\ndef f(x):\n    return os.popen('kill %s' % x, 'r')\n"
    assert found(("src/a.py", before, before.replace("'", '"'))) == []
    (finding,) = found(("src/a.py", before, before.replace("x, 'r'", "(x), 'w'")))
    assert finding.rule == "command-injection"


def test_an_expression_that_is_there_to_fail() -> None:
    probes = "try:\n    app.screen\nexcept KeyError:\n    run(1)\nwith suppress(KeyError):\n    app.screen\n"
    head = "from contextlib import suppress\nfrom a import app, run\n\n"
    assert found(("src/a.py", None, head + probes), linters=True) == []
    (finding,) = found(("src/a.py", None, head + probes + "app.screen\n"), linters=True)
    assert (finding.rule, finding.start_line) == ("B018", 10)


def test_a_selector_takes_its_own_letters_only() -> None:
    text = "def f(x):\n    if x:\n        y = 1\n    else:\n        y = 2\n    return y\n"
    configured = ruff.run([ruff.Source("src/a.py", text)], {"ruff.toml": "lint.select = ['SIM']\n"})
    assert configured == {}, "SIM108 is style"


@pytest.mark.parametrize(
    ("path", "rules"),
    [
        ("tests/data/cases/split.py", []),
        ("testdata/a.py", []),
        ("src/it/resources/a.py", []),
        ("pkg/tests/assets/range.py", []),
        ("pkg/assets/range.py", ["F821"]),
        ("tests/data/test_split.py", ["F821"]),
        ("tests/fixtures/users.py", ["F821"]),
        ("src/data/a.py", ["F821"]),
    ],
)
def test_python_that_a_test_only_reads(path: str, rules: list[str]) -> None:
    found_in = ruff.run([ruff.Source(path, "def f():\n    return now\n")])
    assert [one.rule for one in found_in.get(path, [])] == rules


def test_style_among_the_rules_that_a_project_previews() -> None:
    calls = "".join(f"        f({n})\n" for n in range(6))
    text = f"def g():\n    try:\n{calls}    except OSError:\n        f(7)\n    a, a = f(8)\n    return a\n"
    own = {"ruff.toml": "preview = true\nlint.select = ['PLW']\n"}
    found_in = ruff.run([ruff.Source("src/a.py", text)], own)
    assert [one.rule for one in found_in["src/a.py"]] == ["PLW0128"], "and not PLW0717, a long `try`"


def test_ruff_and_our_rules_do_not_say_the_same_twice() -> None:
    after = "def f(x=[]):\n    x.append(1)\n    return x is 'a'\n"
    rules = [entry.rule for entry in found(("src/a.py", None, after), linters=True)]
    assert sorted(rules) == ["identity-of-values", "mutable-default"]


def test_noqa_counts_unless_the_review_is_strict() -> None:
    after = "def f():\n    return now  # noqa: F821\n"
    assert found(("src/a.py", None, after), linters=True) == []
    file = ChangedFile(compare("src/a.py", None, after), None, after)
    change = Change("t", (file,), is_strict=True)
    report = asyncio.run(reviewer.review(change, Options(linters="configured")))
    assert [entry.rule for entry in report.findings] == ["F821"]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("    binary_path: str | None = Field(default=None, validation_alias='instance_path')", False),
        ("    private final String name = Names.of(id);", False),
        ("  readonly items: string[];", False),
        ("    total: int = price * count", True),
        ("    limit = Field.parse(text)", True),
        ("    return a - b", True),
    ],
)
def test_declarations_are_not_asked_about(line: str, expected: bool) -> None:
    assert is_predictable(line) is expected


def elifs(n: int) -> str:
    return "if x == 0:\n    a()\n" + "".join(f"elif x == {number}:\n    a()\n" for number in range(1, n))


def elses(n: int) -> str:
    return "if (x === 0) { a(); }" + "".join(
        f" else if (x === {number}) {{ a(); }}" for number in range(1, n)
    )


def sums(n: int) -> str:
    return "total = " + " + ".join("1" for _ in range(n)) + "\n"


def texts(n: int) -> str:
    return "run(" + " + ".join(f"'a{number}'" for number in range(n)) + ")\n"


def tries(n: int) -> str:
    return "try:\n    a()\nexcept Exception:\n    pass\n" * n


@pytest.mark.parametrize(
    ("path", "make"),
    [("a.py", elifs), ("a.js", elses), ("a.py", sums), ("a.js", sums), ("a.py", texts), ("a.py", tries)],
)
def test_long_chains_take_linear_time_and_no_stack(path: str, make: Callable[[int], str]) -> None:
    def work(text: str) -> None:
        file = ChangedFile(compare(path, None, text), None, text)
        reviewer.by_rules(file, Options(), Cache(None))

    work(make(100))  # queries are compiled
    assert growth(make, work, 2000) <= MAX_GROWTH


def test_equal_operands_deep_inside_parentheses_are_found() -> None:
    (finding,) = found(("a.py", None, "(" * 3000 + "x == x" + ")" * 3000 + "\n"))
    assert finding.rule == "same-operands"
