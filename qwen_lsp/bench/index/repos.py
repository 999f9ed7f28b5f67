"""Repositories of any size for `bench index`: plausible code in four languages, the same for the same number.

Files come in packages of 25; each defines a type and functions, imports from files before it and calls
what it imports. Names are made of words, so that some are rare and some are everywhere, as in real code.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from pathlib import Path

from qwen_lsp import git as runner
from qwen_lsp.index.listing import list_files

_VERBS = ("load", "save", "parse", "render", "merge", "filter", "count", "find", "build", "check", "send")
_NOUNS = (
    *("order", "invoice", "customer", "session", "token", "report", "ledger", "shipment", "basket", "price"),
    *("discount", "policy", "account", "message", "queue", "worker", "batch", "schema", "column", "cursor"),
    *("region", "tenant", "profile", "license", "sensor", "reading", "index"),
)
_TYPES = ("Store", "Service", "Client", "Parser", "Builder", "Registry", "Filter", "Reporter")
_PACKAGE_FILES = 25
# Endings of the files, by their share of a repository.
_ENDINGS = ("py", "py", "py", "py", "ts", "ts", "ts", "java", "go", "py")


class _Unit:
    """One file: its names, and the files it uses."""

    def __init__(self, number: int) -> None:
        dice = random.Random(number)
        self.number = number
        self.ending = _ENDINGS[number % len(_ENDINGS)]
        self.noun = _NOUNS[dice.randrange(len(_NOUNS))]
        self.type = f"{self.noun.title()}{_TYPES[dice.randrange(len(_TYPES))]}{number}"
        self.package = f"pkg_{number // _PACKAGE_FILES:04}"
        self.stem = f"{self.noun}_{number}"
        self.path = f"{self.package}/{self.stem}.{self.ending}"
        self.functions = [
            f"{dice.choice(_VERBS)}_{self.noun}_{dice.choice(_NOUNS)}{number % 97}_{part}"
            for part in range(4)
        ]
        self.dice = dice


def _used(unit: _Unit) -> list[_Unit]:
    """Return files of the same language that came before: mostly neighbours, some from afar."""
    numbers = [unit.number - 10 * unit.dice.randrange(1, 6) for _ in range(2)]
    numbers.append(10 * unit.dice.randrange(max(unit.number // 10, 1)) + unit.number % 10)
    return [_Unit(number) for number in sorted(set(numbers)) if 0 <= number < unit.number]


def _python(unit: _Unit, used: list[_Unit], seed: str) -> Iterator[str]:
    yield f'"""Keeps every {unit.noun} of the system; part {unit.number}{seed}."""\n'
    yield from (
        f"from {other.package}.{other.stem} import {other.type}, {other.functions[0]}" for other in used
    )
    yield f'\n\nclass {unit.type}:\n    """All that is known of one {unit.noun}."""\n'
    yield "    def __init__(self, rows: list[dict[str, int]]) -> None:"
    yield f"        self.rows = rows\n        self.{unit.noun}_count = len(rows)\n"
    for part, name in enumerate(unit.functions):
        yield f"    def {name}_of(self, key: str, limit: int = {part}) -> int:"
        yield f"        # the limit counts from the last {unit.noun}\n        found = 0"
        yield "        for row in self.rows[limit:]:\n            if key in row:"
        yield "                found += row[key]"
        yield f"        return found + self.{unit.noun}_count\n"
    for part, name in enumerate(unit.functions):
        other = used[part % len(used)] if used else unit
        yield f"\ndef {name}(store: {unit.type}, name: str) -> int:"
        yield f'    """Work on {name.replace("_", " ")}."""'
        yield f"    total = store.{name}_of(name)"
        yield "    seen: set[str] = set()\n    for part in name.split('.'):"
        yield f"        if part in seen or len(part) < {part}:\n            continue  # listed before"
        yield "        seen.add(part.strip())"
        yield f"    for value in range({part}, total):\n        if value % 3 == {part % 3}:"
        yield f"            total += {other.functions[0]}({other.type}([]), name)\n    return total\n"


def _typescript(unit: _Unit, used: list[_Unit], seed: str) -> Iterator[str]:
    for other in used:
        yield f'import {{ {other.type}, {other.functions[0]} }} from "../{other.package}/{other.stem}";'
    yield f"\n/** All that is known of one {unit.noun}{seed}. */\nexport class {unit.type} {{"
    yield "  constructor(private rows: Record<string, number>[] = []) {}"
    for part, name in enumerate(unit.functions):
        yield f"\n  {name}Of(key: string, limit = {part}): number {{\n    let found = 0;"
        yield "    for (const row of this.rows.slice(limit)) {\n      if (key in row) found += row[key];"
        yield "    }\n    return found;\n  }"
    yield "}\n"
    for part, name in enumerate(unit.functions):
        other = used[part % len(used)] if used else unit
        yield f"export function {name}(store: {unit.type}, name: string): number {{"
        yield f"  const total = store.{name}Of(name);\n  const seen = new Set<string>();"
        yield f"  for (const part of name.split('.')) {{\n    if (seen.has(part) || part.length < {part}) {{"
        yield "      continue;\n    }\n    seen.add(part.trim());\n  }"
        yield f"  if (total > {part} && seen.size > 0) {{"
        yield f"    return total + {other.functions[0]}(new {other.type}(), name);"
        yield "  }\n  return total;\n}\n"


def _java(unit: _Unit, used: list[_Unit], seed: str) -> Iterator[str]:
    yield f"package {unit.package};\n"
    yield from (f"import {other.package}.{other.type};" for other in used)
    yield f"\n/** All that is known of one {unit.noun}{seed}. */\npublic class {unit.type} {{"
    yield f"    private final int[] rows;\n\n    public {unit.type}(int[] rows) {{"
    yield "        this.rows = rows;\n    }"
    for part, name in enumerate(unit.functions):
        other = used[part % len(used)] if used else unit
        yield f"\n    public int {name}(int limit) {{\n        int found = {part};"
        yield "        for (int row : rows) {\n            if (row > limit) {\n                found += row;"
        yield "            }\n        }\n        StringBuilder text = new StringBuilder();"
        yield "        for (int at = 0; at < limit; at++) {\n            text.append(at).append(found);"
        yield "        }\n        if (text.length() > limit) {"
        yield "            throw new IllegalStateException(text.toString());\n        }"
        yield f"        return found + new {other.type}(rows).{other.functions[0]}(limit);\n    }}"
    yield "}"


def _go(unit: _Unit, used: list[_Unit], seed: str) -> Iterator[str]:
    yield f"package {unit.package}\n"
    if used:
        yield (
            "import (\n"
            + "\n".join(f'\t"example.org/{other.package}/{other.stem}"' for other in used)
            + "\n)\n"
        )
    yield f"// {unit.type} is all that is known of one {unit.noun}{seed}."
    yield f"type {unit.type} struct {{\n\tRows []int\n}}\n"
    for part, name in enumerate(unit.functions):
        other = used[part % len(used)] if used else unit
        yield f"func (s *{unit.type}) {name}(limit int) int {{\n\tfound := {part}"
        yield "\tfor _, row := range s.Rows {\n\t\tif row > limit {\n\t\t\tfound += row\n\t\t}\n\t}"
        yield f"\treturn found + {other.stem}.{other.functions[0]}(limit)\n}}\n"


_WRITERS = {"py": _python, "ts": _typescript, "java": _java, "go": _go}


def write_file(root: Path, number: int, seed: str = "") -> Path:
    """Write one file of the repository; another seed makes another content."""
    unit = _Unit(number)
    file = root / unit.path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join(_WRITERS[unit.ending](unit, _used(unit), seed)) + "\n", "utf-8")
    return file


def generate(root: Path, files: int) -> list[Path]:
    """Write a repository of so many files; return them."""
    return [write_file(root, number) for number in range(files)]


def copy(source: Path, root: Path) -> list[Path]:
    """Copy what would be indexed of a folder, so that measuring changes nothing in it; return the files."""
    copied = []
    for path in list_files(source).paths:
        file = source / path
        if file.is_file() and not file.is_symlink():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            copied.append(Path(shutil.copyfile(file, root / path)))
    return copied


def git(root: Path, *arguments: str) -> None:
    """Run git in a repository as nobody in particular."""
    identity = ("user.name=bench", "user.email=bench@localhost", "commit.gpgsign=false", "gc.auto=0")
    settings = [part for setting in identity for part in ("-c", setting)]
    runner.output(root, *settings, *arguments, may_write=True)


def commit(root: Path) -> None:
    """Commit everything."""
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "all")
