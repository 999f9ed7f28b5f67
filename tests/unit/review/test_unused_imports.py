"""Imports that a change leaves unused: which are warnings, and which are there for somebody else."""

from __future__ import annotations

from pathlib import Path

import pytest

from qwen_lsp.review import reviewer
from qwen_lsp.review.change.change import from_git
from qwen_lsp.review.find import ruff
from qwen_lsp.review.reviewer import Options
from tests.unit.review.repositories import git, repository, write


@pytest.mark.parametrize(
    ("path", "text", "severity"),
    [
        ("src/a.py", "import json\n\nB = 1\n", "warning"),
        ("src/a.py", "from json import (\n    dumps,\n    loads,\n)\n\nA = loads\n", "warning"),
        ("src/a.py", "if TYPE_CHECKING:\n    from json import dumps\n", "warning"),
        ("src/a.py", "from json import dumps\n\n# dumps it\n", "info"),  # a comment may be for a type
        ("src/a.py", "def f():\n    import json\n", "info"),  # it may be run for what it does
        ("src/a.py", "from a import b  # pylint: disable=unused-import\n\nB = 1\n", "info"),
        ("src/a.py", "from alembic import op\n\ndown_revision = '1'\n", "info"),
        ("src/a.py", "from alembic import op\n\nrevision = '1'\n", "warning"),
        ("src/a.py", "from a import b\nfrom a import c  # noqa: F401\n\nB = 1\n", "info"),
        ("src/a.py", "from a import b  # re-exported\n\nB = 1\n", "info"),
        ("src/a.py", "from a import b  # an import\n\nB = 1\n", "warning"),
        ("src/a.py", "import a.models\n", "info"),
        ("src/a.py", "try:\n    import json\nexcept ImportError:\n    raise\n", "info"),
        ("src/a.py", '"""All of it."""\nfrom json import dumps\n', "info"),  # a module that gives it on
        ("src/compat.py", "from json import dumps\n", "info"),
        ("tests/conftest.py", "from .shelves import shelf\n", "info"),
    ],
)
def test_an_import_that_nothing_uses_in_python(path: str, text: str, severity: str) -> None:
    (one,) = [one for one in ruff.run([ruff.Source(path, text)]).get(path, []) if one.rule == "F401"]
    assert one.severity == severity


async def test_an_import_that_others_read_or_that_registers_itself(tmp_path: Path) -> None:
    before: dict[str, str | bytes] = {
        "pkg/__init__.py": "",
        "pkg/models.py": "A = 1\n",
        "b.py": "from pkg.codec import (\n    dumps,\n)\n\nMOCK = 'pkg.codec.loads'\ndumps(MOCK)\n",
        "pkg/codec.py": "A = 1\n",
        "c.py": "from pkg.codec import *\n\nJSONEncoder()\n",
        "a.ipynb": '{"source": ["from pkg.codec import *\\n", "JSONDecoder()"]}\n',
    }
    text = "from json import dumps, loads, load, JSONDecoder, JSONEncoder\nfrom pkg import models\n\nA = 1\n"
    repository(tmp_path, before)
    write(tmp_path, {"pkg/codec.py": text})
    git(tmp_path, "commit", "-qam", "change")
    report = await reviewer.review(from_git(tmp_path, "range", "HEAD^..HEAD"), Options(linters="configured"))
    graded = {one.message.split("`")[1]: one.severity for one in report.findings}
    assert graded == {
        "json.dumps": "info",
        "json.loads": "info",
        "json.load": "warning",
        "json.JSONDecoder": "info",
        "json.JSONEncoder": "info",
        "pkg.models": "info",
    }


async def test_many_imports_that_were_taken_over(tmp_path: Path) -> None:
    names = [f"name{n}" for n in range(30)]
    repository(tmp_path, {"pkg/a.py": "A = 1\n"})
    write(tmp_path, {"pkg/a.py": "".join(f"from json import {name}\n" for name in names) + "A = 1\n"})
    git(tmp_path, "commit", "-qam", "change")
    report = await reviewer.review(from_git(tmp_path, "range", "HEAD^..HEAD"), Options(linters="configured"))
    severities = [one.severity for one in report.findings if one.rule == "F401"]
    assert (severities.count("warning"), len(severities)) == (20, 30)
