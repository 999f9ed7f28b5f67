"""Vue and Svelte files are read whole: scripts, templates, and the lines that findings stand on."""

from __future__ import annotations

import asyncio

import pytest

from qwen_lsp.review import reviewer
from qwen_lsp.review.change.change import Change, ChangedFile, compare
from qwen_lsp.syntax import languages, templates

VUE = """<script setup lang="ts">
import { ref } from "vue";

const props = defineProps<{ orders: Order[]; note: string }>();
const apiKey = "glpat-9fK2mQ7xZ4vB8nL1cR5t";
const picked = ref<string | null>(null);

function isPicked(order: Order) {
  debugger;
  return order.id === order.id;
}
</script>

<template>
  <section :class="{ empty: props.orders.length === 0 }">
    <div v-html="props.note"></div>
    <OrderRow
      v-for="order in props.orders"
      :key="order.id"
      :title="`${order.name} (${order.count})`"
      @pick="picked = order.id; emit('pick', order)"
    />
    <p v-if="picked && picked">{{ picked }}</p>
    <p v-else-if="props.note == props.note">
      {{ props.orders.length }} &lt; {{ props.note | capitalize }}
    </p>
    <slot name="below" v-bind="{ picked }" />
  </section>
</template>

<style scoped>
.empty { width: v-bind("picked == picked"); }
</style>
"""
SVELTE = """<script lang="ts">
  import { onMount } from "svelte";

  let { orders, note }: { orders: Order[]; note: string } = $props();
  const apiKey = "glpat-9fK2mQ7xZ4vB8nL1cR5t";
  const same = (a: Order) => a.id === a.id;
</script>

{#if note === note}
  <div>{@html note}</div>
{:else if orders.length && orders.length}
  <p>{orders.length}{note}</p>
{/if}

{#each orders as order, i (order.id)}
  <Row {order} class="row-{i}" onclick={() => eval(order.code)} />
{/each}

{#snippet row(order)}
  {@const total = order.count * order.price}
  <b>{total}</b>
{/snippet}
"""


def rules(path: str, after: str, before: str | None = None) -> list[tuple[str, int]]:
    file = ChangedFile(compare(path, before, after), before, after)
    report = asyncio.run(reviewer.review(Change("t", (file,))))
    assert report.coverage.skipped == ()
    return sorted((entry.rule, entry.start_line) for entry in report.findings)


EXPECTED = {
    "src/Orders.vue": [
        ("debug-leftover", 9),
        ("hardcoded-secret", 5),
        ("html-injection", 16),
        ("same-operands", 10),
        ("same-operands", 23),
        ("same-operands", 24),
    ],
    "src/Orders.svelte": [
        ("code-injection", 16),
        ("hardcoded-secret", 5),
        ("html-injection", 10),
        ("same-operands", 6),
        ("same-operands", 9),
        ("same-operands", 11),
    ],
}


@pytest.mark.parametrize("path", EXPECTED)
def test_scripts_and_templates_are_read(path: str) -> None:
    text = VUE if path.endswith(".vue") else SVELTE
    assert rules(path, text) == EXPECTED[path]
    edited = text.replace("{{ picked }}", "{{ picked.name }}").replace("{note}", " {note}")
    assert rules(path, edited, text) == [], "other parts of a line may change"


@pytest.mark.parametrize("path", EXPECTED)
def test_only_what_a_change_adds_is_reported(path: str) -> None:
    text = VUE if path.endswith(".vue") else SVELTE
    clean = text.replace("picked && picked", "picked").replace("note === note", "note")
    changed = [one for one in EXPECTED[path] if one in (("same-operands", 23), ("same-operands", 9))]
    assert rules(path, text, clean) == changed


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("a.vue", '<template><p v-for="a in a" :b="a">{{ a }} {{ a | b }} {{ }} {{ "}}" }}</p></template>\n'),
        ("a.vue", '<template><p :a="x &amp;&amp; x" @b="c" v-pre>{{ a === </p></template>\n'),
        ("a.vue", "<template><p>{{ a === a }</p><script>\n"),
        ("a.svelte", "{#each a as a}{a}{/each}\n{#await a then a}{a}{:catch b}{b}{/await}\n"),
        ("a.svelte", "{#if a === \n<p>{</p>}\n"),
        ("a.svelte", '<input bind:value={a} {...rest} style="width: {a}px" />\n'),
    ],
)
def test_what_is_no_whole_expression_is_left_out(path: str, text: str) -> None:
    assert rules(path, text) == []


def test_expressions_keep_their_lines() -> None:
    language = languages.find("", "a.vue")
    assert language is not None
    text = "<template>\n  <p :title=\"a\n    + b\">{{ c }}</p>\n  <p @click='d()' />\n</template>\n"
    assert templates.script(text, language) == ("(a\n    + b);\n( c );\n{d()};", (1, 2, 2, 3))
