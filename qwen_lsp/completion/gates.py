"""Whether an answer that survived the filters is worth showing: the parser's doubt, the model's, and ours.

Pure. A gate returns the reason for holding an answer back, or None. Nothing is gated that the user
asked for by hand except what would break the file's syntax.
"""

from __future__ import annotations

from qwen_lsp.completion.dangers import dangers
from qwen_lsp.syntax import parsing
from qwen_lsp.syntax.languages import Language


def syntax(prefix: str, text: str, suffix: str, language: Language | None) -> str | None:
    """Hold back an answer that adds syntax errors to the text around it."""
    before = parsing.error_count(prefix + suffix, language)
    after = parsing.error_count(prefix + text + suffix, language)
    if before is None or after is None or after <= before:
        return None
    return f"it adds {after - before} syntax error{'s' * (after - before > 1)}"


def security(prefix: str, text: str, suffix: str, language: Language | None) -> str | None:
    """Hold back an answer that would add an obvious security hole; the reason names the rules."""
    found = dangers(prefix, text, suffix, language.id if language else "")
    return f"it breaks {', '.join(found)}" if found else None


def confidence(mean_logprob: float | None, least: float) -> str | None:
    """Hold back an answer that the model itself is not sure of.

    Source: the mean log-probability of a single-line answer separates right from wrong at AUC 0.88
    (0.5B, n = 150); docs/benchmarks.md has the coverage at each threshold.
    """
    if mean_logprob is None or mean_logprob >= least:
        return None
    return f"mean log-probability {mean_logprob:.2f} is below {least:.2f}"
