"""Actions with the real model: what is proposed can be applied, and what cannot is told."""

from __future__ import annotations

import ast

import pytest

from qwen_lsp.actions import run as runner
from qwen_lsp.actions.model import Voice
from qwen_lsp.actions.task import Explanation, Outcome, Proposal, Refused, Task, apply
from qwen_lsp.messages import Locale
from qwen_lsp.model.engine import Engine
from qwen_lsp.text import Document, Span

pytestmark = [pytest.mark.model, pytest.mark.asyncio(loop_scope="module")]

CODE = """import json


def load_active(path):
    # 只保留启用的账户
    accounts = []
    for account in json.load(open(path)):
        if account["active"] == True:
            accounts.append(account)
    return accounts


LIMIT = 3
"""


async def act(engine: Engine, kind: str, locale: Locale = "en", instruction: str = "") -> Outcome:
    at = CODE.index("accounts = []")
    document = Document("file:///a.py", CODE, 1, "python", "/a.py")
    task = Task(kind, document, Span(at, at), "a.py", "", instruction, locale=locale)
    return await runner.run(task, Voice(await engine.ready(), 2048, 120_000))


async def test_documentation(engine: Engine) -> None:
    outcome = await act(engine, "docstring")
    assert isinstance(outcome, Proposal), outcome
    text = apply(CODE, outcome.edits)
    function = ast.parse(text).body[1]
    assert isinstance(function, ast.FunctionDef)
    assert "account" in (ast.get_docstring(function) or "").lower()


async def test_comments_in_english(engine: Engine) -> None:
    outcome = await act(engine, "translate")
    assert isinstance(outcome, Proposal), outcome
    text = apply(CODE, outcome.edits)
    assert "只保留" not in text
    assert ast.dump(ast.parse(text)) == ast.dump(ast.parse(CODE))


async def test_an_explanation_in_chinese(engine: Engine) -> None:
    outcome = await act(engine, "explain", "zh")
    assert isinstance(outcome, Explanation), outcome
    assert "账户" in outcome.markdown or "文件" in outcome.markdown


async def test_whatever_is_proposed_parses(engine: Engine) -> None:
    for kind, instruction in (("types", ""), ("edit", "use a list comprehension")):
        outcome = await act(engine, kind, instruction=instruction)
        if isinstance(outcome, Proposal):
            text = apply(CODE, outcome.edits)
            ast.parse(text)
            assert "def load_active(path" in text
            assert text.endswith("LIMIT = 3\n")
        else:
            assert isinstance(outcome, Refused)
        assert (await (await engine.ready()).slots())[1].is_busy is False
