"""Every parser of foreign text takes time in proportion to it: twice the text, at most 2.3 times the time.

What a completion looks at is in tests/unit/completion/test_scaling.py, secrets in test_secrets.py, names
against patterns in test_files.py.
"""

from __future__ import annotations

import io
import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from qwen_lsp import globs
from qwen_lsp.actions import documentation, imports, layout, listing, marks, reply
from qwen_lsp.config import Layer, resolve
from qwen_lsp.errors import QwenLspError
from qwen_lsp.index.listing import _SUBMODULE
from qwen_lsp.index.source import source_text
from qwen_lsp.lsp.wire import Messages
from qwen_lsp.review import dismissals, reviewer, settings
from qwen_lsp.review.cache import Cache
from qwen_lsp.review.change import change, diff, selecting
from qwen_lsp.review.find import leftovers, ruff, wording
from qwen_lsp.review.message import style
from qwen_lsp.syntax import embedded, languages, notebook, outline, rules
from qwen_lsp.text import Document, Span
from qwen_lsp.visible import message, visible_path
from tests.support.scaling import MAX_GROWTH, growth

NOWHERE = Path("/no/such/folder")
PYTHON = languages.find("python", None)
HTML = languages.find("html", None)

# A text of about n characters of every kind that has made a parser slow, or may.
TEXTS: dict[str, Callable[[int], str]] = {
    "blanks": lambda n: "x" + " " * n + "x",
    "blank lines": lambda n: "\n" * n,
    "a letter": lambda n: "a" * n,
    "words": lambda n: "word " * (n // 5) + "!",
    "names": lambda n: "a.b" * (n // 3) + "!",
    "marks of comments": lambda n: "#/" * (n // 2) + "x",
    "opening": lambda n: "<a [(" * (n // 5),
    "tags": lambda n: "<b>" * (n // 3) + "x",
    "scripts": lambda n: "<script>x</script>" * (n // 18),
    "open scripts": lambda n: "<script>" * (n // 8),
    "quotes": lambda n: '"\\"' * (n // 3),
    "fences": lambda n: "```\n" * (n // 4),
    "imports": lambda n: "import " + "a " * (n // 2) + "!",
    "an import with blanks": lambda n: "import" + " " * n + "!",
    "lines of imports": lambda n: "import a\n" * (n // 9) + "x = 1\n",
    "items": lambda n: "Args:\n" + "  a" + " " * n + "b\n",
    "an order with blanks": lambda n: "# TODO a" + " " * n + "b",
    "paths": lambda n: "path = a\n" * (n // 9) + "path =" + " " * n,
    "commas": lambda n: "{" + '"a": 1,' * (n // 7),
    "brackets": lambda n: "x = " + "[" * n,
    "keys": lambda n: "".join(f"k{number} = 1\n" for number in range(n // 9)),
    "a deep key": lambda n: "a." * (n // 2) + "b = 1",
    "digits": lambda n: "x = " + "1" * n,
    "lines": lambda n: "value = other\n" * (n // 14),
    "different lines": lambda n: "".join(f"v{number} = 1\n" for number in range(n // 10)),
    "control codes": lambda n: "\x1b]8" * (n // 3),
    "links": lambda n: "[a](b)" * (n // 6),
    "unclosed links": lambda n: "![a](" * (n // 5),
}


def quietly(work: Callable[[str], object]) -> Callable[[str], object]:
    """Take a refusal for an answer."""

    def done(text: str) -> object:
        try:
            return work(text)
        except QwenLspError:
            return None

    return done


def document(text: str, path: str = "a.py") -> Document:
    return Document(f"file:///{path}", text, 1, "python", path)


def added(path: str, text: str) -> change.ChangedFile:
    return change.as_added(path, text, 0, document(text).line_count - 1)


def changed(path: str, text: str) -> change.Change:
    """Make a change that adds a file with a text and comments of it."""
    return change.Change("t", (added(path, f"{text}\n// {text}\n/** {text}\n */\nvoid {text}(int a);\n"),))


READERS: dict[str, Callable[[str], object]] = {
    "settings of a review": quietly(settings._settings),
    "dismissals": quietly(dismissals.read),
    "dismissing comments": lambda text: [
        (dismissals._by_linter("x", line), list(dismissals._COMMENT.finditer(line)))
        for line in text.split("\n")
    ],
    "settings of ruff": lambda text: ruff.standing_alone({"ruff.toml": text, "pyproject.toml": text}),
    "settings of a client": lambda text: resolve([Layer("client", {"completion": text, "model.name": text})]),
    "a diff": lambda text: diff.parse(text.encode()),
    "a diff that begins": lambda text: diff.parse(b"diff --git " + text.encode() + b"\n@@ -1 +1 @@\n+x\n"),
    "a plain diff": quietly(lambda text: change.from_diff(b"--- a\n+++ b\n" + text.encode(), NOWHERE, "x")),
    "two texts": lambda text: change.compare("a.py", text, text[: len(text) // 2] + "\nx\n" + text),
    "ignored names": lambda text: globs.spec(text.split("\n")[:200])[0].match_file("a/b/c.py"),
    "submodules": _SUBMODULE.findall,
    "a reply": lambda text: reply.code_of(text, "x = 1"),
    "a fenced reply": lambda text: reply.code_of(f"```python\n{text}\n```", "x = 1"),
    "a reply so far": lambda text: (reply.so_far(text), reply.prose_so_far(text)),
    "documentation": lambda text: documentation.read(text),
    "documentation as JSON": lambda text: documentation.read("{" + text),
    "imports of a reply": imports.split,
    "imports of a file": lambda text: imports.below(document(text)),
    "edits": lambda text: layout.edits(document(text), Span(0, len(text)), text[: len(text) // 2]),
    "marks": lambda text: [(marks.parts(line), marks.lost(line, line)) for line in text.split("\n")],
    "orders in comments": lambda text: list(listing._ordered(document(text), Span(0, len(text)), "en")),
    "an unsaved file": lambda text: source_text(text.encode(), "a.py"),
    "an outline": lambda text: outline.outline(text, PYTHON),
    "scripts of a page": lambda text: embedded.parts(text, HTML, "a.html"),
    "a notebook": lambda text: notebook.read(text),
    "a message": lambda text: (message(text), visible_path(text)),
    "subjects of commits": lambda text: style.learn(text.split("\n")[:200]),
    "messages": lambda text: Messages(io.BytesIO(text.encode())).next(),
    "messages with heads": lambda text: Messages(
        io.BytesIO(text.replace("a", "Content-Length: 5\r\n").encode())
    ).next(),
    "rules": lambda text: list(rules.hits(document(text), PYTHON, range(1, text.count("\n") + 2))),
    "rules of a page": lambda text: reviewer.by_rules(added("a.html", text), reviewer.Options(), Cache(None)),
    "wording": lambda text: wording.run(changed("a.c", text), changed("a.c", text).files, "en"),
    "leftovers of a script": lambda text: leftovers.run(
        changed("a.ts", text), changed("a.ts", text).files, "en"
    ),
    "leftovers of Java": lambda text: leftovers.run(
        changed("a.java", text), changed("a.java", text).files, "en"
    ),
    "reasons to skip": lambda text: selecting.skip_reason(added("a.py", text), selecting.Selection()),
}


# Nesting that nobody writes: the price of an ancestor is its depth. A deadline holds instead, below.
NESTED = {"names", "tags", "brackets", "links", "a deep key", "unclosed links", "opening"}
# The square of so many characters is a second of work and more.
_CHARS, _WORTH_A_LOOK_S = 8_000, 0.1
PARSED = {"rules", "an outline", "rules of a page"}


@pytest.mark.parametrize("reader", READERS)
def test_twice_the_text_takes_twice_the_time(reader: str) -> None:
    work = READERS[reader]
    slow = {
        kind: round(found, 1)
        for kind, make in TEXTS.items()
        if not (reader in PARSED and kind in NESTED) and (found := cost(make, work)) > MAX_GROWTH
    }
    assert slow == {}


def cost(make: Callable[[int], str], work: Callable[[str], object]) -> float:
    """Return the growth; 1 where a single look shows that there is no work in it, as there is in a square."""
    text = make(2 * _CHARS)
    started = time.thread_time()
    work(text)
    return growth(make, work, _CHARS) if time.thread_time() - started > _WORTH_A_LOOK_S else 1.0


def test_a_cost_that_grows_with_the_square_is_seen() -> None:
    """The reverse case."""
    assert growth(TEXTS["blanks"], lambda text: re.findall(r"\s+y", text), 1_000) > MAX_GROWTH


@pytest.mark.parametrize("kind", ["links", "a deep key"])
def test_rules_end_at_their_deadline(kind: str) -> None:
    """Without one these take minutes. The review then says that the file could not be reviewed."""
    text = TEXTS[kind](150_000)
    with pytest.raises(TimeoutError):
        list(rules.hits(document(text), PYTHON, range(1, 2), max_seconds=0.05))
    assert rules.introduced_vulnerabilities("", "x = eval(input())\n", PYTHON)


async def test_a_file_that_is_nested_too_deeply_is_no_clean_one(monkeypatch: pytest.MonkeyPatch) -> None:
    assert rules.hits.__kwdefaults__ is not None
    monkeypatch.setitem(rules.hits.__kwdefaults__, "max_seconds", 0.05)
    whole = change.Change("x", (added("a.py", TEXTS["links"](150_000)),))
    report = await reviewer.review(whole, reviewer.Options(linters="none"))
    assert [(one.path, "nested too deeply" in one.detail) for one in report.coverage.failed] == [
        ("a.py", True)
    ]
