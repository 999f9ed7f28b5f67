"""Where the tests of a source file live and what they look like: by the project's own files, else by custom.

Reads names and at most one small example from the disk. `find` returns None for a language whose
customs nobody has written down here.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from qwen_lsp.actions import imports
from qwen_lsp.actions.fits import is_test_file
from qwen_lsp.actions.task import RepositoryContext, Task
from qwen_lsp.context import named_files
from qwen_lsp.errors import InputError
from qwen_lsp.syntax.code import Definition, Source
from qwen_lsp.text import Document

# Folders that hold no tests of the project's own, and how many folders are looked into.
_SKIPPED = {
    ".git",
    "node_modules",
    "target",
    "build",
    "dist",
    "venv",
    ".venv",
    "site-packages",
    "__pycache__",
}
_MAX_FOLDERS = 2000
_MAX_EXAMPLE_LINES = 30


@dataclass(frozen=True, slots=True)
class Suite:
    """The test file of one source file.

    Shape: `path` is relative to the root; `document` None for a file that is to be made; `head` is what a
    new file begins with; `importing` the line that brings in what is tested; `example` a test to imitate;
    `exported` what the module calls it, `default` and "" for the name itself included (JavaScript).
    """

    path: str
    document: Document | None
    framework: str
    head: str
    importing: str
    example: str
    exported: str = ""


def find(task: Task, name: str, context: RepositoryContext) -> Suite | None:
    """Find the place and style for tests of `name`, a definition in the task's document."""
    language = task.language.id if task.language else ""
    root = Path(task.root) if task.root else Path(task.document.path or ".").parent
    path = PurePosixPath(task.path or Path(task.document.path or "code").name)
    if language == "python":
        found = _python(root, path, name)
    elif language in ("javascript", "typescript", "typescriptreact"):
        found = _javascript(root, path, name, task.document.text)
    elif language == "go":
        package = re.search(r"^package\s+(\w+)", task.document.text, re.MULTILINE)
        head = f'package {package[1] if package else "main"}\n\nimport "testing"\n'
        found = _suite(root, [str(path.with_name(f"{path.stem}_test.go"))], "Go `testing`", head, "")
    elif language == "java":
        found = _java(task, root, path)
    else:
        return None
    # Unsaved text wins over the disk.
    document = context.open_document(root / found.path)
    return found if document is None else replace(found, document=document)


def is_reachable(source: Source, definition: Definition, around: Sequence[Definition], name: str) -> bool:
    """Whether a test in another file can call a definition; `name` is that of the outermost around it."""
    language, text = source.language.id, source.text
    if any(one.is_function for one in around):
        return False
    if language == "java":
        header = text[definition.span.start : definition.header.end]
        return re.search(r"\bprivate\b", header.split("(")[0]) is None
    if language not in ("javascript", "typescript", "typescriptreact"):
        return True
    plain = rf"{re.escape(name)}(?![\w$])"
    word = rf"(?<![\w$.]){plain}"
    exported = rf"export\s+(default\s+)?(async\s+)?(abstract\s+)?(function\*?|class|const|let|var)\s+{word}"
    listed = rf"(export\s+default\b|export\s*\{{(?=[^{{}}]*\}})|module\.exports\s*=)[^;]*?{word}"
    assigned = rf"(module\.)?exports\.[\w$]+\s*=\s*{word}|exports\.{plain}\s*="
    return any(re.search(pattern, text) for pattern in (exported, listed, assigned))


def _python(root: Path, path: PurePosixPath, name: str) -> Suite:
    wanted = {f"test_{path.stem}.py", f"{path.stem}_test.py"}
    found = [file for file in _walk(root) if PurePosixPath(file).name in wanted]
    tests = sorted(
        (file for file in _walk(root) if is_test_file(file)), key=lambda file: _distance(file, path)
    )
    example, example_text = _example(root, tests, r"(?:async )?def test_\w+\(|class \w+\(.*TestCase\)")
    is_unittest = "TestCase" in example_text and "pytest" not in example_text
    folder = next((f for f in ("tests/unit", "tests", "test") if (root / f).is_dir()), str(path.parent))
    made = str(PurePosixPath(folder) / f"test_{path.stem}.py")
    importing = f"from {imports.module_of(root, path)} import {name}"
    framework = "unittest" if is_unittest else "pytest"
    head = "import unittest\n\n" if is_unittest else ""
    near = sorted(found, key=lambda file: _distance(file, path))
    suite = _suite(root, [*near, made], framework, f"{head}{importing}\n", importing)
    return Suite(suite.path, suite.document, framework, suite.head, importing, example)


def _javascript(root: Path, path: PurePosixPath, name: str, text: str) -> Suite:
    suffix = path.suffix
    names = [f"{path.stem}.test{suffix}", f"{path.stem}.spec{suffix}"]
    places = [path.parent / file for file in names]
    places += [path.parent / "__tests__" / file for file in names]
    places += [PurePosixPath(folder) / file for folder in ("tests", "test") for file in names]
    here = [str(place) for place in places if (root / place).is_file()]
    folder = next((f for f in ("tests", "test") if (root / f).is_dir()), "")
    made = here[0] if here else str((PurePosixPath(folder) if folder else path.parent) / names[0])
    package = _read(root, "package.json") or ""
    framework = next((f for f in ("vitest", "jest", "mocha") if f'"{f}"' in package), "node:test")
    relative = os.path.relpath(
        path.with_suffix("").as_posix(), PurePosixPath(made).parent.as_posix()
    ).replace("\\", "/")
    origin = relative if relative.startswith(".") else f"./{relative}"
    if suffix in (".mjs", ".js") and framework == "node:test":
        origin += suffix
    exported = exported_as(text, name)
    listed = name if exported in ("", name) else f"{exported} as {name}"
    importing = f'import {name if exported == "default" else f"{{ {listed} }}"} from "{origin}";'
    is_common = re.search(r"^(module\.)?exports\b|\brequire\(", text, re.MULTILINE) is not None
    is_common = is_common and re.search(r"^(import|export)\b", text, re.MULTILINE) is None
    if is_common:
        is_whole = re.search(rf"^module\.exports\s*=\s*{re.escape(name)}\s*;?\s*$", text, re.MULTILINE)
        listed = name if exported in ("", name) else f"{exported}: {name}"
        importing = f'const {name if is_whole else f"{{ {listed} }}"} = require("{origin}");'
    heads = {
        "vitest": 'import { describe, expect, it } from "vitest";\n',
        "mocha": 'import assert from "node:assert";\n',
        "node:test": 'import assert from "node:assert";\nimport { describe, it, test } from "node:test";\n',
    }
    tests = sorted(
        (file for file in _walk(root) if is_test_file(file)), key=lambda file: _distance(file, path)
    )
    example, _ = _example(root, tests, r"(describe|it|test)\(")
    if is_common:
        heads["node:test"] = (
            'const assert = require("node:assert");\nconst { describe, it, test } = require("node:test");\n'
        )
    if framework == "node:test":
        example = example or f'test("{name} ...", () => {{\n  assert.deepStrictEqual({name}(...), ...);\n}});'
    heads = {kind: _in_style(head, text) for kind, head in heads.items()}
    importing = _in_style(importing, text)
    suite = _suite(root, [made], framework, f"{heads.get(framework, '')}{importing}\n", importing)
    return Suite(suite.path, suite.document, framework, suite.head, importing, example, exported)


def exported_as(text: str, name: str) -> str:
    """Return what a module of JavaScript exports a name as, "" where that is the name itself or not known."""
    word = rf"(?<![\w$.]){re.escape(name)}(?![\w$])"
    if re.search(rf"export\s+default\s+(?:async\s+)?(?:(?:function\s*\*?|class)\s+)?{word}", text):
        return "default"
    for pattern in (
        rf"export\s*\{{[^{{}}]*?{word}\s+as\s+([\w$]+)",
        rf"module\.exports\s*=\s*\{{[^{{}}]*?([\w$]+)\s*:\s*{word}\s*[,}}]",
        rf"(?<![\w$])exports\.([\w$]+)\s*=\s*{word}",
    ):
        if found := re.search(pattern, text):
            return found[1]
    return ""


def quote_of(text: str) -> str:
    """Return the quotation mark that a file of JavaScript prefers."""
    return "'" if text.count("'") > text.count('"') else '"'


def statement_end_of(text: str) -> str:
    """Return what ends a statement in a file of JavaScript: a semicolon, or nothing."""
    lines = [line.rstrip() for line in text.split("\n")]
    n_ended, n_bare = (sum(line.endswith(end) for line in lines) for end in (";", ")"))
    return ";" if n_ended >= n_bare else ""


def _in_style(line: str, text: str) -> str:
    if statement_end_of(text) == "":
        line = re.sub(r";$", "", line, flags=re.MULTILINE)
    return line.replace('"', "'") if quote_of(text) == "'" else line


def _java(task: Task, root: Path, path: PurePosixPath) -> Suite:
    package = re.search(r"^package\s+[\w.]+;", task.document.text, re.MULTILINE)
    made = str(path.with_name(f"{path.stem}Test.java")).replace("src/main/java", "src/test/java")
    head = "".join(
        (
            f"{package[0]}\n\n" if package else "",
            "import static org.junit.jupiter.api.Assertions.*;\n\nimport org.junit.jupiter.api.Test;\n",
        )
    )
    return _suite(root, [made], "JUnit 5", head, "")


def _suite(root: Path, candidates: list[str], framework: str, head: str, importing: str) -> Suite:
    """Take the first candidate that exists, else make the last."""
    for path in candidates:
        if (root / path).is_file():
            try:
                return Suite(path, named_files.read(root / path, root), framework, head, importing, "")
            except InputError:
                continue
    return Suite(candidates[-1], None, framework, head, importing, "")


def _walk(root: Path) -> Iterator[str]:
    """Yield the files below a folder, relative and with forward slashes."""
    for number, (folder, folders, names) in enumerate(os.walk(root)):
        if number >= _MAX_FOLDERS:
            return
        folders[:] = sorted(name for name in folders if name not in _SKIPPED and not name.startswith("."))
        for name in sorted(names):
            yield (Path(folder) / name).relative_to(root).as_posix()


def _distance(file: str, path: PurePosixPath) -> tuple[int, str]:
    shared = set(re.split(r"[/_.]", file)) & set(re.split(r"[/_.]", str(path)))
    return -len(shared), file


def _example(root: Path, tests: list[str], opening: str) -> tuple[str, str]:
    """Return the first test of the nearest test file, and the text of that file."""
    for file in tests[:3]:
        text = _read(root, file)
        match = re.search(rf"^{opening}", text or "", re.MULTILINE)
        if text and match:
            lines = text[match.start() :].split("\n")
            last = next((i for i in range(1, len(lines)) if re.match(r"[^\s)}\]]", lines[i])), len(lines))
            return "\n".join(lines[: min(last, _MAX_EXAMPLE_LINES)]).rstrip(), text
    return "", ""


def _read(root: Path, path: str) -> str | None:
    try:
        return named_files.read(root / path, root).text
    except InputError:
        return None
