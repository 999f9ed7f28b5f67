"""What the client was told by reviews, and the names of their commands."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qwen_lsp.review.finding import Finding
    from qwen_lsp.text import Document

REVIEW = "qwenLsp.review"
DISMISS = "qwenLsp.dismiss"


@dataclass(frozen=True, slots=True)
class Shown:
    """A finding that the client has, and the document it was made for."""

    finding: Finding
    document: Document


@dataclass
class Reviews:
    """What the client was told: by URI, then by fingerprint."""

    shown: dict[str, dict[str, Shown]] = field(default_factory=dict)
