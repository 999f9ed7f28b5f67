"""What a definition needs to run by itself."""

from __future__ import annotations

import pytest

from qwen_lsp.syntax import alone, code
from qwen_lsp.syntax.languages import find

CODE = """import x from "y";
const SIZE = 3 as const;
interface A { a: string }
function helper<T extends A>(a: T, b?: number): a is T { return (a as any)!.a > (b ?? SIZE); }
export function main(this: Window, { q, r: s = 1 }: { q: A; r?: number }, ...rest: number[]): Array<string> {
  const out: string[] = [];
  for (const k of rest) out.push(String(k satisfies number));
  return helper<A>(q, s) ? out : [];
}
export const arrow = async (n: number): Promise<number> => n!;
export const other = (n: number) => x(n);
export class Cart<T> implements A {
  private readonly items: T[] = [];
  a!: string;
  add(item: T): this { this.items.push(item); return this; }
}
export class Sized { constructor(private size: number) {} }
enum Color { Red }
export function colored(n: number) { return Color.Red + n; }
"""
HELPER = "const SIZE = 3;\nfunction helper(a, b) { return (a).a > (b ?? SIZE); }"
CART = "class Cart  {\n    items = [];\n  a;\n  add(item) { this.items.push(item); return this; }\n}"
MAIN = (
    "function main( { q, r: s = 1 }, ...rest) {\n  const out = [];\n"
    "  for (const k of rest) out.push(String(k));\n  return helper(q, s) ? out : [];\n}"
)


@pytest.mark.parametrize(
    ("name", "needed"),
    [
        ("helper", HELPER),
        ("main", f"{HELPER}\n{MAIN}"),
        ("arrow", "const arrow = async (n) => n;"),
        ("Cart", CART),
        ("Sized", None),
        ("other", None),  # what is imported is not here
        ("colored", None),  # an enum is made by a compiler
        ("missing", None),
    ],
)
def test_what_a_name_needs(name: str, needed: str | None) -> None:
    source = code.parse(CODE, find("typescript", None))
    assert source is not None
    assert alone.needed(source, name, {"String"}) == needed


def test_only_scripts_stand_alone() -> None:
    source = code.parse("def f():\n    return 1\n", find("python", None))
    assert source is not None
    assert alone.needed(source, "f", ()) is None
