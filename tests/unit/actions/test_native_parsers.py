"""The syntax check by a language's own tool: the real `node`, and a stand-in for what cannot be had here."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

from qwen_lsp.actions import native_parsers
from qwen_lsp.actions.task import Proposal, Refused, Task
from qwen_lsp.child import on_path
from qwen_lsp.text import Document, Edit, Span

SCRIPT = "function half(x) {\n  return x / 2\n}\n"
MODULE = f"import {{ a }} from './a.js'\n\nexport {SCRIPT}"


async def judged(before: str, after: str, name: str = "a.js", root: str = "") -> Refused | None:
    languages = {"a.js": "javascript", "a.go": "go", "a.py": "python", "a.ts": "typescript"}
    document = Document(f"file:///{name}", before, 1, languages[name], f"/{name}")
    task = Task("simplify", document, Span(0, 0), name, root)
    return await native_parsers.refused(task, Proposal((Edit(Span(0, len(before)), after),)))


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not on PATH")
@pytest.mark.parametrize("text", [SCRIPT, MODULE])
@pytest.mark.parametrize(
    ("old", "new", "is_taken"),
    [
        ("return x / 2", "return 0.5 * x", True),
        ("return x / 2", "const x = x / 2\n  return x", False),  # a grammar takes both of these
        ("return x / 2", "await x\n  return x", False),
        ("return x / 2", "break", False),
    ],
)
async def test_node_judges_scripts_and_modules(text: str, old: str, new: str, is_taken: bool) -> None:
    found = await judged(text, text.replace(old, new))
    assert (found is None) == is_taken
    if found is not None:
        assert found.reason == "syntax"
        assert found.detail.startswith("SyntaxError: ")


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not on PATH")
async def test_what_was_broken_before_is_no_reason() -> None:
    assert await judged("break\nlet a = 1\n", "break\nlet a = 2\n") is None


async def test_languages_without_a_tool_are_left_to_their_grammars() -> None:
    assert await judged("a = 1\n", "a = = 1\n", "a.py") is None
    assert await judged("let a = 1\n", "let a = = 1\n", "a.ts") is None


@pytest.mark.skipif(os.name != "posix", reason="the stand-in is a POSIX script")
async def test_gofmt_s_way_of_speaking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in that refuses a word: gofmt itself is in no registry that CI reaches."""
    program = tmp_path / "bin" / "gofmt"
    program.parent.mkdir()
    program.write_text(
        f"#!{sys.executable}\nimport sys\nassert sys.argv[1] == '-e'\n"
        "if 'wrong' in open(sys.argv[2]).read():\n"
        "    sys.exit(\"a.go:3:2: expected ';', found wrong (and 1 more errors)\")\n"
    )
    program.chmod(0o700)
    monkeypatch.setenv("PATH", str(program.parent))
    assert await judged("package a\n", "package a\n\nvar b = 1\n", "a.go") is None
    found = await judged("package a\n", "package a\nwrong\n", "a.go")
    assert found == Refused("syntax", "expected ';', found wrong (and 1 more errors)")
    assert await judged("package a\n", "package a\nwrong\n", "a.go", str(tmp_path)) is None, (
        "a program of the workspace is not run"
    )


def test_a_program_of_the_workspace_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in ("in", "out"):
        (tmp_path / folder).mkdir()
        name = "tool.exe" if os.name == "nt" else "tool"
        (tmp_path / folder / name).write_text("")
        (tmp_path / folder / name).chmod(0o700)
    path = os.pathsep.join(map(str, ("", ".", tmp_path / "in", tmp_path / "out")))
    monkeypatch.setenv("PATH", path)
    found = on_path("tool", str(tmp_path / "in"))
    assert found is not None
    assert Path(found).parent == tmp_path / "out"
    assert on_path("tool", str(tmp_path)) is None
    assert Path(on_path("tool", "") or "").parent == tmp_path / "in"
