"""Statements of scripts moved into functions of their own: the programs print what they printed."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from qwen_lsp.actions import extract
from qwen_lsp.actions.task import Proposal, apply
from qwen_lsp.syntax import code
from qwen_lsp.syntax.languages import Language, find
from qwen_lsp.syntax.pieces import Piece, Tied
from qwen_lsp.syntax.script_flow import piece
from qwen_lsp.syntax.script_names import walk
from qwen_lsp.text import Document

PROGRAMS = sorted((Path(__file__).parents[3] / "fixtures" / "scripts").glob("*.js"))
# Runs each program by itself, by a clock of its own, and answers with what each printed or died of.
RUNNER = """
const vm = require('vm'), util = require('util');
const programs = JSON.parse(require('fs').readFileSync(0, 'utf8'));
(async () => {
  const printed = [];
  for (const program of programs) {
    const lines = [];
    const due = [];
    let now = 0;
    const console = { log: (...values) => lines.push(util.format(...values)) };
    const later = (call, ms) => { due.push([now + ms, due.length, call]); };
    const died = (error) => lines.push(`rejected: ${error}`);
    process.removeAllListeners('unhandledRejection');
    process.on('unhandledRejection', died);
    try {
      vm.runInNewContext(program, { console, setTimeout: later }, { timeout: 2000 });
    } catch (error) {
      lines.push(`died: ${error}`);
    }
    await new Promise(setImmediate);
    while (due.length > 0) {
      due.sort((one, other) => one[0] - other[0] || one[1] - other[1]);
      const [at, , call] = due.shift();
      now = at;
      call();
      await new Promise(setImmediate);
    }
    printed.push(lines.join('\\n'));
  }
  process.stdout.write(JSON.stringify(printed));
})();
"""


def language(name: str = "javascript") -> Language:
    found = find(name, None)
    assert found is not None
    return found


def runs(text: str) -> list[tuple[int, int]]:
    """List all runs of statements in blocks: their first and last lines, from 1."""
    source = code.parse(text, language())
    assert source is not None
    found: set[tuple[int, int]] = set()
    for node in walk(source.tree.syntax.root_node):
        if node.type == "statement_block":
            block = [one for one in node.named_children if one.type != "comment"]
            for number, first in enumerate(block):
                found |= {(first.start_point[0] + 1, last.end_point[0] + 1) for last in block[number:]}
    return sorted(found)


def moved(text: str, first: int, last: int, name: str = "javascript") -> str | Tied:
    found = piece(text, language(name), first, last)
    if isinstance(found, Tied):
        return found
    assert isinstance(found, Piece)
    document = Document("file:///a", text, 0, name)
    result = extract.moved(document, language(name), found, "extracted")
    assert isinstance(result, Proposal), (text.split("\n")[first - 1 : last], result)
    return apply(text, result.edits)


@pytest.mark.required
@pytest.mark.skipif(shutil.which("node") is None, reason="There is no node to run scripts.")
@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_programs_do_what_they_did(path: Path) -> None:
    text = path.read_text("utf-8")
    places = runs(text)
    results = [moved(text, first, last) for first, last in places]
    tied = Counter(result.tie for result in results if isinstance(result, Tied))
    new = [(place, result) for place, result in zip(places, results, strict=True) if isinstance(result, str)]
    answered = subprocess.run(
        ["node", "-e", RUNNER],
        input=json.dumps([text, *(result for _, result in new)]),
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=True,
    )
    expected, *printed = json.loads(answered.stdout)
    assert "died" not in expected
    assert len(expected) > 50
    wrong = [
        (place, result, out) for (place, result), out in zip(new, printed, strict=True) if out != expected
    ]
    assert not wrong, f"{len(wrong)} of {len(new)}:\n{wrong[0][1]}\n{wrong[0][2]}\nbut\n{expected}"
    assert len(new) > len(places) / 3, tied


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "// Doc.\nexport function f(a: number, b?: Shop, c) {\n⟦  let d = a + c.n;\n  b?.buy(d);⟧\n"
            "  return d;\n}\n",
            "function extracted(a: number, c: any, b: Shop | undefined) {\n  let d = a + c.n;\n"
            "  b?.buy(d);\n  return d;\n}\n\n// Doc.\nexport function f(a: number, b?: Shop, c) {\n"
            "  const d = extracted(a, c, b);\n"
            "  return d;\n}\n",
        ),
        (
            "const f = async (a) => {\n⟦  const b = await a;⟧\n  return b;\n};\n",
            "async function extracted(a: any) {\n  return await a;\n}\n\n"
            "const f = async (a) => {\n  const b = await extracted(a);\n  return b;\n};\n",
        ),
        (
            "class A {\n  m(a: string) {\n⟦    if (a) {\n      return 1;\n    }\n    return 2;⟧\n  }\n}\n",
            "function extracted(a: string) {\n  if (a) {\n    return 1;\n  }\n  return 2;\n}\n\n"
            "class A {\n  m(a: string) {\n    return extracted(a);\n  }\n}\n",
        ),
        (
            "function f(a: number) {\n  let b = 1\n  let c = 2\n  g()\n⟦  b = c + a\n  c = b⟧\n"
            "  return [b, c]\n}\n",
            "function extracted(b: any, c: any, a: number) {\n  b = c + a\n  c = b\n  return { b, c }\n}\n\n"
            "function f(a: number) {\n  let b = 1\n  let c = 2\n  g()\n"
            "  ;({ b, c } = extracted(b, c, a));\n  return [b, c]\n}\n",
        ),
    ],
)
def test_what_it_looks_like(text: str, expected: str) -> None:
    before, selected, after = text.replace("⟧", "⟦").split("⟦")
    first = before.count("\n") + 1
    last = first + selected.count("\n")
    assert moved(before + selected + after, first, last, "typescript") == expected


@pytest.mark.parametrize(
    ("body", "tie"),
    [
        ("⟦g(this.a);⟧", "bound"),
        ("⟦g(() => this.a);⟧", "bound"),
        ("⟦g(arguments);⟧", "bound"),
        ("⟦eval('a');⟧", "bound"),
        ("⟦g(new.target);⟧", "bound"),
        ("⟦if (a) return 1;⟧\ng();", "flow"),
        ("while (a) {\n⟦if (g()) break;⟧\n}", "flow"),
        ("for (;;) {\n⟦switch (a) { case 1: continue; }⟧\n}", "flow"),
        ("⟦let b = 1; g(() => b); b = 2;⟧\nreturn b;", "names"),
        ("let b = 1; const up = () => b++;\n⟦g(b, up());⟧", "names"),
        ("let b = 1; const show = () => b;\n⟦b = 2; show();⟧", "names"),
        ("show(); function show() { return b; }\n⟦var b = 2; show();⟧", "names"),
        ("let b;\ntry {\n⟦b = 1; g();⟧\n} catch { g(b); }", "names"),
        ("⟦function h() {}⟧\nh();", "names"),
        ("⟦'use strict';⟧", "place"),
        ("if (a) {\n⟦g();\n}\nh();⟧", "place"),
    ],
)
def test_what_cannot_be_moved(body: str, tie: str) -> None:
    before, selected, after = f"function f(a) {{\n{body}\n}}\n".replace("⟧", "⟦").split("⟦")
    first = before.count("\n") + 1
    result = moved(before + selected + after, first, first + selected.count("\n"))
    assert isinstance(result, Tied), result
    assert result.tie == tie


def test_what_is_seen_by_several_at_once_is_not_copied() -> None:
    body = "async (one) => {\n    const more = await one;\n    n += more;\n  }"
    closed = f"function f(a) {{\n  let n = 0;\n  return a.map({body});\n}}\n"
    result = moved(closed, 4, 5)
    assert isinstance(result, str)
    assert "let n = 0;\n  async function extracted(one) {\n" in result, (
        "inside, where it sees the variable itself"
    )
    tied = moved(f"const f = (a, n = 0) =>\n  a.map({body});\n", 3, 4)
    assert isinstance(tied, Tied)
    assert (tied.tie, tied.detail) == ("names", "n")


def test_a_broken_file_is_left_to_the_model() -> None:
    assert piece("function f( {\n  g();\n}\n", language(), 2, 2) is None
