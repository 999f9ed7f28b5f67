"""Rows of infilling benchmarks: a file with a hole, what stood in it, and (sometimes) a test.

Owns the two public file forms, HumanEval-Infilling and the SantaCoder set, both as JSON lines,
plain or gzipped. Knows nothing of models, prompts or scores; `read` and `sample` are the way in.
"""

from __future__ import annotations

import gzip
import json
import random
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any, Literal

from qwen_lsp.errors import InputError

Kind = Literal["single-line", "multi-line", "span"]


@dataclass(frozen=True, slots=True)
class Row:
    """One hole: `middle` stood between `prefix` and `suffix`.

    Shape: `language` is the set's own word (py, js, java); `test` defines `check(candidate)` for
    `entry_point`; both are empty where the set has no tests. `other_prefix` is the same prefix with its
    docstring in English, in sets that have it in Chinese (`prompt_en`).
    """

    id: str
    language: str
    prefix: str
    suffix: str
    middle: str
    test: str = ""
    entry_point: str = ""
    other_prefix: str = ""

    @property
    def kind(self) -> Kind:
        """Whether the hole is one whole line, several whole lines, or begins or ends inside a line."""
        begins_line = not self.prefix or self.prefix.endswith("\n")
        ends_line = self.middle.endswith("\n") or not self.suffix or self.suffix.startswith("\n")
        if not (begins_line and ends_line):
            return "span"
        return "multi-line" if "\n" in self.middle.removesuffix("\n") else "single-line"


def read(path: Path) -> list[Row]:
    """Read FILE.jsonl or FILE.jsonl.gz in the HumanEval-Infilling or the SantaCoder form.

    Shape: ids are unique; the SantaCoder set repeats its names, so a repeated one gets `#2`, `#3`.
    Raises: InputError naming the file, and the line where there is one.
    Source: openai/human-eval-infilling (task_id, test, entry_point) and bigcode/santacoder-fim-task
        (name, language; no tests).
    """
    rows: list[Row] = []
    seen: dict[str, int] = {}
    number = 0
    try:
        with _open(path) as lines:
            for number, line in enumerate(lines, start=1):
                if not line.strip():
                    continue
                fields = _fields(line, f"{path}:{number}")
                name = fields["id"]
                seen[name] = seen.get(name, 0) + 1
                if seen[name] > 1:
                    fields["id"] = f"{name}#{seen[name]}"
                rows.append(Row(**fields))
    except (OSError, EOFError, zlib.error) as error:  # gzip raises all three
        raise InputError(f"{path}: cannot be read: {error}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}:{number + 1}: not UTF-8: {error.reason}") from error
    if not rows:
        raise InputError(f"{path}: holds no rows")
    return rows


def _open(path: Path) -> IO[str]:
    # Lines end at LF only: a string of a row may hold any other line separator unescaped.
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8-sig", newline="\n")
    return path.open(encoding="utf-8-sig", newline="\n")


def _fields(line: str, where: str) -> dict[str, str]:
    try:
        data = json.loads(line)
    except ValueError as error:
        raise InputError(f"{where}: not JSON: {error}") from error
    if not isinstance(data, dict):
        raise InputError(f"{where}: a row is an object, not {type(data).__name__}")
    texts = dict(_texts(data, where))
    if "id" not in texts:
        raise InputError(f"{where}: has neither `task_id` nor `name`")
    for key in ("prompt", "suffix", "canonical_solution"):
        if key not in data:
            raise InputError(f"{where}: `{key}` is missing")
    if texts.get("test") and not texts.get("entry_point", "").isidentifier():
        raise InputError(f"{where}: has a `test` but no `entry_point` to test")
    return {"language": "py", **texts}


_NAMES = {
    "task_id": "id",
    "name": "id",
    "language": "language",
    "prompt": "prefix",
    "prompt_en": "other_prefix",
    "suffix": "suffix",
    "canonical_solution": "middle",
    "test": "test",
    "entry_point": "entry_point",
}


def _texts(data: dict[str, Any], where: str) -> Iterator[tuple[str, str]]:
    for key, name in _NAMES.items():
        if key == "name" and "task_id" in data:
            continue
        value = data.get(key)
        if value is None and key in ("language", "test", "entry_point", "prompt_en"):
            continue
        if key in data:
            if not isinstance(value, str):
                raise InputError(f"{where}: `{key}` is {type(value).__name__}, not a string")
            yield name, value


def sample(rows: Sequence[Row], n: int | None, seed: int) -> list[Row]:
    """Draw `n` rows without repetition, the same ones for the same seed; None or too large an `n`: all."""
    if n is None or n >= len(rows):
        return list(rows)
    return random.Random(seed).sample(rows, n)


def both_prompts(rows: Sequence[Row], where: Path) -> list[Row]:
    """Return each row that has two prefixes twice, first with `prompt`, then with `prompt_en`.

    Raises: InputError when no row has both.
    """
    both = [row for row in rows if row.other_prefix]
    if not both:
        raise InputError(f"{where}: no row has a `prompt_en` beside its `prompt`")
    return [one for row in both for one in (row, replace(row, id=f"{row.id} en", prefix=row.other_prefix))]
