"""The outlines that fixtures/syntax expects.

`python -m tests.unit.syntax.golden` rewrites them; read the difference before committing it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from qwen_lsp.syntax import languages
from qwen_lsp.syntax.outline import Outline, outline
from tests.support.places import REPOSITORY

FOLDER = REPOSITORY / "fixtures" / "syntax"
SUFFIX = ".outline.json"
SOURCES = sorted(path for path in FOLDER.iterdir() if path.is_file() and not path.name.endswith(SUFFIX))


def read(path: Path) -> str:
    return path.read_bytes().decode()


def of(path: Path) -> Outline:
    return outline(read(path), languages.find("", path.name), deadline_ms=60_000)


def described(path: Path) -> dict[str, Any]:
    """Write an outline so that a person can check it: lines (from 1) for offsets, uses of names counted."""
    text = read(path)
    found = of(path)

    def line(offset: int) -> int:
        return text.count("\n", 0, offset) + 1

    uses: dict[str, int] = {}
    for reference in found.references:
        uses[reference.name] = uses.get(reference.name, 0) + 1
    return {
        "definitions": [
            {
                "what": f"{entry.kind} {entry.container}.{entry.name}".replace(" .", " "),
                "lines": f"{line(entry.span.start)}-{line(entry.span.end)}",
                "signature": entry.signature,
                **({"doc": entry.doc} if entry.doc else {}),
            }
            for entry in found.definitions
        ],
        "imports": [
            {
                key: value
                for key, value in (("module", entry.module), ("name", entry.name), ("alias", entry.alias))
                if value is not None
            }
            for entry in found.imports
        ],
        "references": " ".join(name if count == 1 else f"{name}*{count}" for name, count in uses.items()),
        "problem": found.problem,
    }


def main() -> None:
    for path in SOURCES:
        text = json.dumps(described(path), ensure_ascii=False, indent=1)
        path.with_name(path.name + SUFFIX).write_text(text + "\n", "utf-8")


if __name__ == "__main__":
    main()
