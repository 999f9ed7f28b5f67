"""The estimate of tokens against the model's own tokenizer: budgets kept by it are kept by the true count."""

from __future__ import annotations

import random

import pytest

from qwen_lsp.completion.prompt import healed_prefix
from qwen_lsp.model.engine import Engine
from qwen_lsp.model.tokens import estimate
from tests.support.places import FIXTURES, REPOSITORY

pytestmark = [pytest.mark.model, pytest.mark.asyncio(loop_scope="module")]

SUFFIXES = (".py", ".ts", ".json", ".toml", ".md")
FILES = sorted(
    path
    for folder in (REPOSITORY / "qwen_lsp", FIXTURES / "repos", REPOSITORY / "tests" / "unit")
    for path in folder.rglob("*")
    if path.suffix in SUFFIXES and path.name not in ("real.toml", "releases.toml")  # lists of hashes
)
# How far below the true count the estimate of one file may be.
TOLERANCE = 0.04

SNIPPETS = [
    "    return sum(prices)\n",
    "\t\tif err != nil {\n\t\t\treturn err\n\t\t}\n",
    "价格 = 总价 / 数量  # 单价，保留两位小数\n",
    "const añadir = (número) => número + 1;  // più",
    "SELECT * FROM t WHERE id = 12345 AND name LIKE '%x%';",
    "face = '😀👩‍💻🇨🇳'",
    "#" * 80 + "\n",
    "-" * 200,
    "=" * 200,
    "_" * 200,
    " " * 400,
    "\t" * 100,
    "\n" * 200,
    "x" * 300,
    "AAAA" * 100,
    "0123456789" * 20,
    "[1,2,3],[4,5,6]," * 20,
    "日本語のコメントと한국어 주석",
    "привет мир, это комментарий",
    "مرحبا بالعالم",
]


@pytest.mark.parametrize("step", [5, pytest.param(1, marks=pytest.mark.slow)])
async def test_files(engine: Engine, step: int) -> None:
    client = await engine.ready()
    n_estimated = n_true = 0
    below: list[str] = []
    files = FILES[::step]
    for path in files:
        text = path.read_text("utf-8")
        true = len(await client.tokenize(text))
        n_true, n_estimated = n_true + true, n_estimated + estimate(text)
        if estimate(text) < true * (1 - TOLERANCE):
            below.append(f"{path.relative_to(REPOSITORY)}: {estimate(text)} of {true}")
    print(f"{len(files)} files: {n_true} tokens, estimated at {n_estimated} ({n_estimated / n_true:.2f})")
    assert len(files) > 60
    assert below == []
    assert n_true <= n_estimated <= 1.6 * n_true, "an estimate far too high wastes the budget"


async def test_the_prompt_ends_where_a_token_ends(engine: Engine) -> None:
    """What is left out of it for the model to write again begins with a token of the finished text."""
    client = await engine.ready()
    chance = random.Random(7)
    split: list[str] = []
    n_places = 0
    for path in chance.sample(FILES, 20):
        text = path.read_text("utf-8")[:1500]
        tokens = await client.tokenize(text)
        for at in chance.sample(range(len(text) - 20), min(15, max(len(text) - 20, 0))):
            before = text[:at].removesuffix(healed_prefix(text[:at]))
            # Han text and numbers are tokenized as they come, and lines may end with what follows.
            if before[-1:].isascii() and before[-1:].isprintable() and not before[-1:].isdigit():
                n_places += 1
                cut = await client.tokenize(before)
                if cut != tokens[: len(cut)]:
                    split.append(text[max(at - 30, 0) : at])
    assert n_places > 150
    assert len(split) <= 0.03 * n_places, split


@pytest.mark.parametrize("text", ["deadbeef" * 20, "c2VjcmV0IHRva2VuIGluIGJhc2U2NA==" * 8])
async def test_data_that_is_not_code(engine: Engine, text: str) -> None:
    """A context holds twice the budget, so half the true count does no harm."""
    client = await engine.ready()
    assert 2 * estimate(text) >= len(await client.tokenize(text))


@pytest.mark.parametrize("text", SNIPPETS, ids=lambda text: repr(text[:16]))
async def test_texts_of_all_kinds(engine: Engine, text: str) -> None:
    client = await engine.ready()
    true = len(await client.tokenize(text))
    assert estimate(text) >= true * (1 - TOLERANCE) - 1, f"{estimate(text)} of {true}"
