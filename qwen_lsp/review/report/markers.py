"""Hidden marks by which the next run knows what it wrote.

A mark counts only as the last line of a comment and with a signature: an HMAC over what is marked and the
pull request, with a key from the environment. Code that is quoted in a comment can show a mark, but cannot
end the comment with it, and a mark copied from elsewhere does not fit. It knows no HTTP.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

KEY = "QWEN_LSP_MARKER_KEY"

_MARK = re.compile(r"<!-- qwen-lsp:([0-9a-z]+):([0-9a-f]{40}) -->")


@dataclass(frozen=True, slots=True)
class Marks:
    """The marks of one pull request.

    Without a `key` only `place`, which names it, and the author protect them.
    """

    place: str
    key: str = ""

    def sign(self, what: str) -> str:
        """Return the mark for a fingerprint, or for `summary<id>`."""
        message = f"{self.place}\0{what}".encode()
        signature = hmac.new(self.key.encode(), message, hashlib.sha256).hexdigest()[:40]
        return f"<!-- qwen-lsp:{what}:{signature} -->"

    def read(self, body: str) -> str | None:
        """Return what the last line of a comment marks; None without a mark, or with one that is not ours."""
        lines = body.rstrip().splitlines()
        found = _MARK.fullmatch(lines[-1].strip()) if lines else None
        if found is None or not hmac.compare_digest(self.sign(found[1]), found[0]):
            return None
        return found[1]

    def is_summary(self, entry: Mapping[str, Any]) -> bool:
        """Whether a comment is our summary: its mark names its own id."""
        return self.read(str(entry.get("body", ""))) == f"summary{entry.get('id')}"


def marks(place: str, environment: Mapping[str, str]) -> Marks:
    """Return the marks of a pull request, signed with the key of the environment if there is one."""
    return Marks(place, environment.get(KEY, ""))
