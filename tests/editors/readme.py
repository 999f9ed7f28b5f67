"""What a user copies out of the READMEs under editors/."""

from __future__ import annotations

import re
from pathlib import Path

from tests.support.places import REPOSITORY

EDITORS = REPOSITORY / "editors"


def snippet(language: str, holds: str, file: Path = EDITORS / "README.md") -> str:
    """Return the code block of a language that holds a text."""
    blocks = re.findall(rf"```{language}\n(.*?)```", file.read_text("utf-8"), re.S)
    (found,) = [block for block in blocks if holds in block]
    return str(found)
