"""Which definition a selection means: with its comment, its decorator, `export`, or its binding."""

from __future__ import annotations

import pytest

from qwen_lsp.syntax import code, languages
from qwen_lsp.text import Span

SELECTED = [
    (
        "typescript",
        "export const formatUrl = (url: string): string => {\n  return url.trim()\n}",
        "formatUrl",
    ),
    ("typescript", "/** Doc. */\nexport default function go(a: number) {\n  return a\n}", "go"),
    ("typescript", "@Injectable()\nexport class Cart {\n  total() { return 1 }\n}", "Cart"),
    ("javascript", "module.exports = function load(a) {\n  return a\n}", "load"),
    ("javascript", "exports.load = function (a) {\n  return a\n}", "load"),
    ("go", "// Total adds.\nfunc (c *Cart) Total() int {\n\treturn 1\n}", "Total"),
    ("kotlin", "/** 说明 */\nfun twice(a: Int) = a * 2", "twice"),
    ("python", "# why\n@cache\ndef twice(a):\n    return 2 * a", "twice"),
    ("rust", "/// d\n#[inline]\npub fn twice(a: i32) -> i32 {\n    a * 2\n}", "twice"),
]
INSIDE = [
    (
        "java",
        "class A {\n⟦  /** 说明 */\n  @Override\n  public int twice(int a) {\n    return a;\n  }⟧\n}\n",
        "twice",
    ),
    ("csharp", "class A {\n⟦  public int Twice(int a) => a * 2;⟧\n}\n", "Twice"),
    (
        "javascript",
        "const api = {\n⟦  save: (b) => {\n    return b\n  },⟧\n  load(a) { return a },\n}\n",
        "save",
    ),
    (
        "typescript",
        "class A {\n⟦  // why\n  private go = async () => { await this.b() }⟧\n  b() {}\n}\n",
        "go",
    ),
]


@pytest.mark.parametrize(("name", "text", "wanted"), SELECTED)
def test_the_definition_that_is_selected_whole(name: str, text: str, wanted: str) -> None:
    check(name, f"x = 1\n⟦{text}⟧\n" if name == "python" else f"⟦{text}⟧\n", wanted)


@pytest.mark.parametrize(("name", "marked", "wanted"), INSIDE)
def test_a_member_with_its_comment(name: str, marked: str, wanted: str) -> None:
    check(name, marked, wanted)


def test_several_definitions_are_none_of_them() -> None:
    check("python", "class A:\n⟦    def one(self):\n        pass\n    def two(self):\n        pass⟧\n", "A")


def check(name: str, marked: str, wanted: str) -> None:
    before, _, rest = marked.partition("⟦")
    selected, _, after = rest.partition("⟧")
    source = code.parse(before + selected + after, languages.find(name, ""))
    assert source is not None
    shift = len(selected) - len(selected.lstrip())
    found = source.enclosing(Span(len(before) + shift, len(before) + len(selected.rstrip())))
    assert found is not None
    assert found.name == wanted
