"""What a place says: its receiver, its names, its types, the definitions around it."""

from __future__ import annotations

import pytest

from qwen_lsp.context.place import Binding, bindings, camel, receiver, scope_key
from qwen_lsp.text import Cursor, Document


def at(text: str) -> Cursor:
    """Read a text with a cursor in it, written as a vertical bar."""
    before, _, after = text.partition("|")
    return Cursor(Document("file:///x.py", before + after), len(before))


def test_a_receiver_is_what_stands_before_the_last_dot() -> None:
    assert receiver("    x = state.md.") == (("state", "md"), "")
    assert receiver("    return self._repo?.fin") == (("self", "_repo"), "fin")
    assert receiver("let n = a::b::") == (("a", "b"), "")
    assert receiver("    人.") == (("人",), "")
    assert receiver("    total = 3") == ((), "")


def test_bindings_say_what_a_variable_is() -> None:
    found = bindings(
        "def pay(order: Order, when: date | None = None):\n"
        "    repo = Repository(path)\n"
        "    item = await repo.first(order.id)\n"
        "    const client = new HttpClient()\n"
        "    OrderLine line = next();\n"
    )
    assert found["order"] == Binding(("Order",), ())
    assert found["when"].types == ("date", "None")
    assert found["repo"].maker == ("Repository",)
    assert found["item"].maker == ("repo", "first")
    assert found["client"].maker == ("HttpClient",)
    assert found["line"].types == ("OrderLine",)


@pytest.mark.parametrize("sign", ["", "?", "!"])
def test_a_field_says_its_type_whatever_it_asserts(sign: str) -> None:
    assert bindings(f"private timer{sign}: Lifecycle<T>")["timer"].types == ("Lifecycle", "T")


def test_the_last_word_on_a_name_wins() -> None:
    assert bindings("x = First()\nx = Second()\n")["x"].maker == ("Second",)


def test_a_variable_is_named_after_its_type() -> None:
    assert camel("tool_registry") == "ToolRegistry"
    assert camel("_state") == "State"


CLASS = """\
class Shop:
    def total(
        self,
        lines,
    ) -> int:
        if lines:
            return |

    def other(self):
        return 0
"""


def test_the_scope_is_the_definitions_around_the_cursor_and_no_block() -> None:
    assert scope_key(at(CLASS)) == ("def total(", "class Shop:")
    assert scope_key(at(CLASS.replace("|", "") + "x|")) == ()
    assert scope_key(at("function a() {\n  if (x) {\n    |\n  }\n}\n")) == ("function a() {",)


def test_the_scope_stays_while_broken_code_is_typed() -> None:
    before = scope_key(at(CLASS))
    for typed in ("lines[", "lines[0](", "lines[0]('", "\n            x = [\n            "):
        assert scope_key(at(CLASS.replace("|", typed + "|"))) == before


def test_an_empty_line_belongs_to_the_scope_above() -> None:
    assert scope_key(at("def f():\n    a = 1\n|\n")) == ("def f():",)
    assert scope_key(at("def f():\n|")) == ("def f():",)
    assert scope_key(at("class A:\n    def f(self):\n        a = 1\n  |\n")) == ("def f(self):", "class A:")
