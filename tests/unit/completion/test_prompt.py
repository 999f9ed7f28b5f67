"""The prompt: which text goes in, in which order, within the budget, and the same again while typing."""

from __future__ import annotations

from itertools import pairwise, takewhile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qwen_lsp.completion import prompt
from qwen_lsp.completion.budget import Budget
from qwen_lsp.completion.prompt import FimPrompt
from qwen_lsp.model import catalog
from qwen_lsp.model.tokens import estimate
from qwen_lsp.syntax import languages
from qwen_lsp.text import Cursor, Document, Edit, Span
from tests.support.places import FIXTURES, cursor

TOKENS = catalog.default_profile().tokens
PYTHON = languages.find("python", None)
SOURCE = (FIXTURES / "repos" / "inventory-py" / "inventory" / "storage.py").read_text("utf-8")

texts = st.lists(
    st.sampled_from(
        ["def f(x):", "    ", "\n", "\r\n", "\r", "x", ".", "价格", "👩‍💻", " = ", "\f", "\t", "123"]
    ),
    max_size=60,
).map("".join)


def budget(prefix_tokens: int = 1024, suffix_tokens: int = 256) -> Budget:
    return Budget(prefix_tokens, suffix_tokens, 64, 128)


def render(
    at: Cursor, layout: str = "spm", sizes: Budget | None = None, path: str | None = None
) -> FimPrompt:
    return prompt.fim(at, TOKENS, layout, sizes or budget(), path, PYTHON)


def test_the_layouts() -> None:
    at = cursor("a\nb = ║\nc\n")
    start, after, end = TOKENS.fim_prefix, TOKENS.fim_suffix, TOKENS.fim_middle
    spm, psm = render(at, "spm", path="src/a.py"), render(at, "psm", path="src/a.py")
    assert spm.text == f"{start}{after}\nc\n{end}# src/a.py\na\nb ="
    assert psm.text == f"{start}# src/a.py\na\nb ={after}\nc\n{end}"
    assert (spm.prefix, spm.healed_prefix, spm.suffix) == ("a\nb = ", " ", "\nc\n")


@given(texts, texts, st.sampled_from(["spm", "psm"]))
def test_prefix_and_forced_text_and_suffix_are_those_of_the_document(
    before: str, after: str, layout: str
) -> None:
    document = Document("file:///a.py", before + after, 1, "python")
    made = render(Cursor(document, len(before)), layout)
    assert made.prefix.endswith(made.healed_prefix)
    assert "\r" not in made.text
    # A cursor between a CR and its LF has half a line end on each side.
    if not (before.endswith("\r") and after.startswith("\n")):
        whole = (before + after).replace("\r\n", "\n").replace("\r", "\n")
        assert whole == made.prefix + made.suffix
    rest = made.prefix.removesuffix(made.healed_prefix)
    assert made.text.count(TOKENS.fim_middle) == 1
    assert made.text.endswith(rest if layout == "spm" else made.suffix + TOKENS.fim_middle)


def n_shared(first: str, second: str) -> int:
    """Return how many characters two texts have in common at their start."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(first, second, strict=False)))


@pytest.mark.parametrize(
    ("prefix", "forced"),
    [
        ("", ""),
        ("x = obj.", "."),
        ("x = obj.na", ".na"),
        ("    ", "    "),
        ("if x:\n    ", "    "),
        ("if x:\n", ""),
        ("foo(", "("),
        ("价格", ""),
        ("12", ""),
        ("return ", " "),
        ("a" * 100, ""),
        ("from_env", "_env"),
        ("from_", "_"),
        ("self._na", "na"),  # `._` is a token
        ("if (na", "na"),  # ` (` is a token
        ("f((na", "na"),
        ("f(na", "(na"),
        ("\t(na", "(na"),
        ("x = _na", "na"),
        ("toStr", "toStr"),
        ("getUserAgentStri", "Stri"),
        ("x = getUserAgent", "Agent"),
        ("__init", "init"),
    ],
)
def test_what_is_left_to_the_model_to_write_again(prefix: str, forced: str) -> None:
    assert prompt.healed_prefix(prefix) == forced


def test_typing_in_one_place_keeps_the_prompt() -> None:
    """Invariant 3: of 50 keystrokes each keeps 95 % of the prompt as a common prefix."""
    at = SOURCE.index("    def ", SOURCE.index("class "))
    document = Document("file:///storage.py", SOURCE, 1, "python")
    typed = "    def count(self, sku: str) -> int:\n        return self"
    assert len(typed) >= 50
    prompts = []
    for number, char in enumerate(typed[:50]):
        document = document.with_edit(Edit(Span(at + number, at + number), char), number + 2)
        prompts.append(render(Cursor(document, at + number + 1), path="inventory/storage.py").text)
    for before, after in pairwise(prompts):
        assert n_shared(before, after) >= 0.95 * len(after)
    assert n_shared(prompts[0], prompts[-1]) >= 0.95 * len(prompts[0])


def test_the_window_moves_rarely() -> None:
    """Of 200 lines written at the end of a long file, few move the start of the prompt."""
    text = "".join(f"value_{number} = {number}\n" for number in range(2000))
    document = Document("file:///a.py", text, 1, "python")
    starts = set()
    for version in range(200):
        end = len(document.text)
        document = document.with_edit(Edit(Span(end, end), f"more_{version} = 1\n"), version)
        starts.add(prompt.prefix_window(Cursor(document, len(document.text)), 1024)[:40])
    assert len(starts) <= 200 // prompt.GRID_LINES + 2


@pytest.mark.parametrize("budget_tokens", [128, 256, 358, 423, 615, 1024])
def test_a_jump_of_the_window_leaves_a_third_of_it(budget_tokens: int) -> None:
    """Wherever the cursor is, much of what the budget has room for stands above it."""
    text = "".join(f"    total = total + prices[{number}]\n" for number in range(400))
    document = Document("file:///a.py", text, 1, "python")
    shown = [
        estimate(prompt.prefix_window(Cursor(document, document.starts[line]), budget_tokens))
        for line in range(100, 300)
    ]
    assert min(shown) >= 0.3 * budget_tokens
    starts = {
        line - prompt.prefix_window(Cursor(document, document.starts[line]), budget_tokens).count("\n")
        for line in range(100, 300)
    }
    assert len(starts) <= 200 // prompt.grid_lines(budget_tokens) + 2


@given(texts, texts, st.integers(64, 400), st.integers(16, 200))
def test_the_budget_is_kept(before: str, after: str, prefix_tokens: int, suffix_tokens: int) -> None:
    document = Document("file:///a.py", before * 20 + after * 20, 1)
    made = render(Cursor(document, len(before * 20)), sizes=budget(prefix_tokens, suffix_tokens))
    assert estimate(made.prefix) <= prefix_tokens
    assert estimate(made.suffix) <= suffix_tokens


@given(texts, texts)
def test_what_is_cut_is_far_from_the_cursor(before: str, after: str) -> None:
    document = Document("file:///a.py", before * 20 + after * 20, 1)
    at = Cursor(document, len(before * 20))
    made = render(at, sizes=budget(64, 16))
    normal = [part.replace("\r\n", "\n").replace("\r", "\n") for part in (at.prefix, at.suffix)]
    assert normal[0].endswith(made.prefix)
    assert normal[1].startswith(made.suffix)


def test_a_long_file() -> None:
    text = "".join(
        f"def function_{number}(value):\n    return value * {number}\n\n\n" for number in range(5000)
    )
    document = Document("file:///a.py", text, 1, "python")
    assert document.line_count > 20_000
    at = Cursor(document, document.offset(10_001, 11))
    made = render(at)
    assert estimate(made.prefix) > 512, "a window of less than half the budget wastes it"
    assert made.prefix.endswith(at.line_prefix)
    assert made.suffix.startswith(at.line_suffix)


@pytest.mark.parametrize(
    "before", ["x" * 10_000, "ab, " * 2500, "价" * 10_000, "[1, 2, 3]," * 1000, " " * 10_000]
)
@pytest.mark.parametrize("line_end", ["", "\n", "\r\n"])
def test_a_line_of_10_kb(before: str, line_end: str) -> None:
    document = Document("file:///a.json", f"first{line_end}{before}{before}{line_end}last", 1)
    at = Cursor(document, len("first") + len(line_end) + len(before))
    made = render(at)
    assert 0 < estimate(made.prefix) <= 1024
    assert 0 < estimate(made.suffix) <= 256
    assert (before * 2).endswith(made.prefix[-64:])


@pytest.mark.parametrize("marked", ["║", "\r\n║\r\n", "║\n", "\f║\u2028"])
def test_next_to_nothing(marked: str) -> None:
    made = render(cursor(marked))
    assert made.text.startswith(TOKENS.fim_prefix)


def test_without_a_language_the_path_stays_out() -> None:
    at = cursor("a = ║\n", language="plaintext")
    assert "notes" not in prompt.fim(at, TOKENS, "spm", budget(), "notes.txt", None).text
