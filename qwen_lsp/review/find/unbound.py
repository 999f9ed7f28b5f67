"""Names of a Python function that a change left without a value on some way to where they are read."""

from __future__ import annotations

from qwen_lsp.messages import Locale
from qwen_lsp.review import finding
from qwen_lsp.review.finding import Finding
from qwen_lsp.syntax.languages import Language
from qwen_lsp.syntax.python_bound import newly_unbound
from qwen_lsp.syntax.python_names import Parse, parsed
from qwen_lsp.syntax.rules import all_rules
from qwen_lsp.text import Document

RULE = "may-be-unbound"


def check(
    document: Document, before: str, language: Language | None, locale: Locale, parse: Parse = parsed
) -> list[Finding]:
    """Return a finding at each place where a name may have no value now, and always had one before."""
    if language is None or language.id != "python":
        return []
    rule = all_rules()[RULE]
    return [
        finding.of_rule(
            document,
            one.line - 1,
            rule,
            rule.message.to(locale).replace("{name}", one.name),
            locale,
            identity=f"{RULE} {one.function} {one.name}",
        )
        for one in newly_unbound(before, document.text, parse)
    ]
