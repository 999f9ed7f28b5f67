"""A completion with context really sends it, and a model that takes it well writes what only it can tell."""

from __future__ import annotations

from pathlib import Path

import pytest

from qwen_lsp.bench import editor as lsp_session
from qwen_lsp.index.reader import Index
from qwen_lsp.lsp.requests.explain import EXPLAIN
from qwen_lsp.model import catalog
from tests.model.conftest import READY_S
from tests.support.editor import within
from tests.support.places import split
from tests.support.waiting import until
from tests.support.weights import required_file

# Slow: the 1.5B weights are 1.1 GB more than `make test` brings.
pytestmark = [pytest.mark.model, pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

# No model knows these names, and nothing in the file that is being written tells them.
FILES = {
    "depot/ribbons.py": (
        '"""Ribbons."""\n\n\nclass RibbonPress:\n    """Presses ribbons."""\n\n'
        "    def flatten_satin(self, metres: int) -> int:\n        return metres\n"
    ),
    "depot/仓库.py": "class 仓库:\n    def 盘点茶砖(self, 货架: str) -> int:\n        return len(货架)\n",
}
CASES = [
    (
        "depot/work.py",
        "from depot.ribbons import RibbonPress\n\n\ndef work(press: RibbonPress, metres: int) -> int:\n"
        "    return press.║\n",
        "flatten_satin(metres)",
    ),
    (
        "depot/盘点.py",
        "from depot.仓库 import 仓库\n\n\ndef 全部盘点(库: 仓库, 货架: str) -> int:\n    return 库.║\n",
        "盘点茶砖(货架)",
    ),
]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    for path, text in FILES.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, "utf-8")
    return root


@pytest.mark.parametrize("snippet_tokens", ["auto", 0], ids=["with context", "without"])
async def test_a_name_that_only_another_file_knows(root: Path, snippet_tokens: str | int) -> None:
    required_file(catalog.find("qwen2.5-coder-1.5b"))
    options = {
        "engine": {"contextTokens": 2048},
        "model": {"name": "qwen2.5-coder-1.5b"},
        "completion": {"snippetTokens": snippet_tokens},
    }
    async with lsp_session.start(root, options=options) as session:
        index = Index(root)
        await until(lambda: bool(index.definitions_named(["flatten_satin"])), "it is indexed", 60)
        index.close()
        for path, marked, wanted in CASES:
            before, after = split(marked)
            uri = (root / path).as_uri()
            await session.open(uri, "python", before + after)
            items = list(await within(session.complete(uri, len(before)), READY_S))
            trace = await within(session.request(EXPLAIN, {"textDocument": {"uri": uri}}))
            written = str(items[0].insert_text) if items else ""
            name = wanted.partition("(")[0]
            assert (f"def {name}" in trace.prompt) is (snippet_tokens == "auto")
            assert (written == wanted) is (snippet_tokens == "auto"), written
