"""Repairs without the model: one right edit, whatever the diagnostic marks; none where two are possible."""

from __future__ import annotations

from dataclasses import replace

import pytest

from qwen_lsp.actions import run as runner
from qwen_lsp.actions.task import Diagnostic, Proposal, Task, apply
from qwen_lsp.text import Span
from tests.support.chatting import Speaker, session, task

# language, code, what the diagnostic marks, its message, the code after
REPAIRED = [
    ("python", "def f():\n    sys.exit(1)\n", "sys", "undefined name 'sys'", "import sys\ndef f():\n    sys.exit(1)\n"),
    ("python", "def f():\n    sys.exit(1)\n", "    sys.exit(1)", "F821 Undefined name `sys`", "import sys\ndef f():\n    sys.exit(1)\n"),
    ("python", "def f(prices):\n    return sum(price)\n", "price", 'Name "price" is not defined', "def f(prices):\n    return sum(prices)\n"),
    ("python", "def f(prices):\n    return sum(pricse)\n", "    return sum(pricse)", "未定义的名称 'pricse'", "def f(prices):\n    return sum(prices)\n"),
    ("python", "def f(lower):\n    return loewr\n", "    return loewr", "Undefined name `loewr`", "def f(lower):\n    return lower\n"),
    ("python", "prices_a = 1\n\n\ndef f(prices):\n    return pricse\n", "pricse", "undefined name 'pricse'", "prices_a = 1\n\n\ndef f(prices):\n    return prices\n"),
    ("python", "totals = 1\n\n\ndef f(total):\n    return totall\n", "totall", "undefined name 'totall'", "totals = 1\n\n\ndef f(total):\n    return total\n"),
    ("python", "x = 'a'.uper()\n", "'a'.uper", '"str" has no attribute "uper"; maybe "upper"?', "x = 'a'.upper()\n"),
    ("typescript", "const n = s.tolowercase()\n", "tolowercase", "Property 'tolowercase' does not exist on type 'string'. Did you mean 'toLowerCase'?", "const n = s.toLowerCase()\n"),
    ("python", "import os\nimport re\n\nre.compile('')\n", "os", "`os` imported but unused", "import re\n\nre.compile('')\n"),
    ("python", "from a import b, c\n\nc()\n", "from a import b, c", "F401 `a.b` imported but unused", "from a import c\n\nc()\n"),
    ("python", "from a import (\n    b,\n    c,\n)\n\nc()\n", "b", "F401 `a.b` imported but unused", "from a import (\n    c,\n)\n\nc()\n"),
    ("typescript", "import { a, b } from 'x'\na()\n", "b", "'b' is declared but its value is never read.", "import { a } from 'x'\na()\n"),
    ("typescript", "import R, { b } from 'x'\nR()\n", "b", "'b' is declared but its value is never read.", "import R from 'x'\nR()\n"),
    ("go", 'package a\n\nimport (\n\t"fmt"\n\t"os"\n)\n\nfunc f() { fmt.Println(strings.ToUpper("a")) }\n', "strings", "undefined: strings", 'package a\n\nimport (\n\t"fmt"\n\t"os"\n\t"strings"\n)\n\nfunc f() { fmt.Println(strings.ToUpper("a")) }\n'),
    ("go", 'package a\n\nimport (\n\t"fmt"\n\t"os"\n)\n\nfunc f() { fmt.Println(1) }\n', '"os"', '"os" imported and not used', 'package a\n\nimport (\n\t"fmt"\n)\n\nfunc f() { fmt.Println(1) }\n'),
    ("java", "package a;\n\nclass A {\n  List<String> b;\n}\n", "List", "cannot find symbol: class List", "package a;\n\nimport java.util.List;\n\nclass A {\n  List<String> b;\n}\n"),
    ("typescript", "async function f() {\n  save()\n}\n", "save()", "Promises must be awaited, end with a call to .catch (no-floating-promises)", "async function f() {\n  await save()\n}\n"),
    ("python", "async def f():\n    x = load(1)\n", "load(1)", "coroutine 'load' was never awaited", "async def f():\n    x = await load(1)\n"),
]  # fmt: skip

# Nothing is certain: the model is asked.
UNCERTAIN = [
    ("python", "def f(prices, pricey):\n    return sum(pricex)\n", "pricex", "undefined name 'pricex'"),
    ("python", "def f():\n    x = load(1)\n", "load(1)", "coroutine 'load' was never awaited"),
    ("python", "def f(a):\n    return b\n", "b", "undefined name 'b'"),
    ("typescript", "const used = 1\n", "used", "'used' is declared but its value is never read."),
    ("python", "def f(a):\n    return a[9]\n", "a[9]", "list index out of range"),
]


@pytest.mark.parametrize(("language", "code", "marked", "message", "wanted"), REPAIRED)
async def test_certain(language: str, code: str, marked: str, message: str, wanted: str) -> None:
    speaker = Speaker()
    asked = asking(language, code, marked, message)
    found = await runner.run(asked, session(speaker))
    assert isinstance(found, Proposal), found
    assert apply(code, found.edits) == wanted
    assert speaker.prompts == [], "the model was not needed"


@pytest.mark.parametrize(("language", "code", "marked", "message"), UNCERTAIN)
async def test_uncertain(language: str, code: str, marked: str, message: str) -> None:
    speaker = Speaker(says=lambda prompt: "I'm sorry, I cannot.")
    await runner.run(asking(language, code, marked, message), session(speaker))
    assert speaker.prompts, "nobody guessed"


def asking(language: str, code: str, marked: str, message: str) -> Task:
    asked = task("fix", code, language=language, path="a")
    start = code.rindex(marked)
    span = Span(start, start + len(marked))
    return replace(asked, span=span, diagnostics=(Diagnostic(span, message),))
