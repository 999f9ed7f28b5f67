"""Take secrets out of a text before it is put into a prompt, a log or a report.

What looks like a key by its form, and what is assigned to a name that says it is one. The form of the text
stays: only the value becomes `‹redacted›`.
"""

from __future__ import annotations

import re

MARK = "‹redacted›"

_BY_FORM = re.compile(
    r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b|\bgh[pousr]_[A-Za-z0-9]{20,}|\bgithub_pat_[A-Za-z0-9_]{30,}"
    r"|\bglpat-[\w-]{16,}|\bxox[abprs]-[A-Za-z0-9-]{10,}|\bAIza[\w-]{35}|\bsk-[A-Za-z0-9_-]{20,}"
    r"|\bnpm_[A-Za-z0-9]{30,}|\bpypi-[\w-]{40,}|\beyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{8,}"
    r"|-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----[\s\S]*?(?:-----END (?:[A-Z]+ )?PRIVATE KEY-----|\Z)"
)
_BY_NAME = re.compile(
    r"((?:passw(?:or)?d|passwd|pwd|secret|token|api_?key|access_?key|auth_?key|private_?key|client_?secret)"
    r"\w*[\"']?\]?\s*(?::\s*[\w.\[\] ]+?\s*)?(?:=>|:=|[:=])\s*[rbu]?)([\"'`])([^\"'`\s{}<>$]{6,})\2",
    re.IGNORECASE,
)
_IN_URL = re.compile(r"(\b[a-z][a-z0-9+.-]*://[^\s:/@\"']+:)([^\s@/\"']{3,})(@)")


def redact(text: str) -> str:
    """Return the text with the values of secrets replaced."""
    text = _BY_FORM.sub(MARK, text)
    text = _BY_NAME.sub(lambda match: f"{match[1]}{match[2]}{MARK}{match[2]}", text)
    return _IN_URL.sub(lambda match: f"{match[1]}{MARK}{match[3]}", text)
