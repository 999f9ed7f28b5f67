"""A place in a file of several languages is judged in its own."""

from __future__ import annotations

import pytest

from qwen_lsp.completion import gates
from qwen_lsp.completion.surroundings import surroundings
from qwen_lsp.syntax import languages, parsing, regions
from tests.support.places import cursor, split
from tests.support.scaling import MAX_GROWTH, growth

VUE = """<template>
  <p :class="a">{{ b }}</p>
</template>

<script setup lang="ts">
const b: string = "x"; // c
</script>

<style scoped lang="scss">
.a { &:hover { color: red; } }
</style>
"""
SVELTE = """<script>
  let a = 1;
</script>

{#if a}
  <p>{a}</p>
{/if}

<style>
  p { margin: 0; }
</style>
"""


def language_at(text: str, part: str, host: str) -> str:
    region = regions.at(text, text.index(part), languages.find(host, None))
    return region.language.id if region.language else ""


@pytest.mark.parametrize(
    ("text", "part", "host", "found"),
    [
        (VUE, "{{ b", "vue", "vue"),
        (VUE, "const b", "vue", "typescript"),
        (VUE, "&:hover", "vue", "scss"),
        (VUE[VUE.index("const") :], "const", "vue", "typescript"),  # a window that begins inside
        (VUE[: VUE.index("// c")], "const", "vue", "typescript"),  # one that ends there
        (SVELTE, "let a", "svelte", "javascript"),
        (SVELTE, "{#if", "svelte", "svelte"),
        (SVELTE, "margin", "svelte", "css"),
        ('<wxs module="m">\nvar a = 1;\n</wxs>\n<view/>\n', "var", "wxml", "javascript"),
        ('<wxs src="a.wxs" />\n<view>x</view>\n', "x</", "wxml", "wxml"),
        ("<script>let a</script>", "let", "javascript", "javascript"),
        ('<script lang="klingon">x</script>', "x<", "vue", ""),
    ],
)
def test_which_language(text: str, part: str, host: str, found: str) -> None:
    assert language_at(text, part, host) == found


@pytest.mark.parametrize(
    ("marked", "kind", "mark"),
    [
        (VUE.replace('"x"', '"x║"'), "string", "//"),
        (VUE.replace("// c", "// c║"), "comment", "//"),
        (VUE.replace("= ", "= ║", 1), "code", "//"),
        (VUE.replace("{{ b", "{{ ║b"), "code", ""),
        (VUE.replace("red", "║red"), "code", "//"),
    ],
)
def test_what_the_cursor_stands_in(marked: str, kind: str, mark: str) -> None:
    vue = languages.find("vue", None)
    place = parsing.place_kind(*split(marked), vue)
    assert place == kind
    assert surroundings(cursor(marked, "vue"), vue, place).comment_mark == mark


@pytest.mark.parametrize(
    ("marked", "bad", "good"),
    [
        (VUE.replace('"x";', '"x";\n║'), "const c = {", "const c = {};"),
        (VUE.replace("color: red;", "║color: red;"), "margin: 0; }", "margin: 0; "),
        (SVELTE.replace("let a = 1;", "let a = 1;\n  ║"), "function f( {", "function f() {}"),
    ],
)
def test_the_gate_reads_each_part_with_its_grammar(marked: str, bad: str, good: str) -> None:
    before, after = split(marked)
    host = languages.find("svelte" if marked.startswith("<script") else "vue", None)
    assert gates.syntax(before, bad, after, host)
    assert gates.syntax(before, good, after, host) is None


def test_a_long_file_costs_no_more_than_its_length() -> None:
    """Each key looks for the part it is in; a file of 800 lines is common."""
    vue = languages.find("vue", None)
    template, script = "  <p>{{ a }}</p>\n", "f(1);\n"

    def make(n: int) -> str:
        return f"<template>\n{template * n}</template>\n<script>\n{script * n}</script>\n"

    def work(text: str) -> object:
        return regions.at(text, len(text) - 20, vue)

    assert growth(make, work, 2_000) <= MAX_GROWTH
