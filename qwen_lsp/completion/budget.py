"""How much text a prompt may hold, sized so that a cold one is read within the time the user allows.

Pure. Budgets move in steps, because a new budget moves the start of the prompt and so spoils the
engine's cache.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from qwen_lsp.config import CompletionConfig
from qwen_lsp.model.catalog import Profile
from qwen_lsp.model.speed import Speed

# What follows the cursor steers less than what precedes it, and in SPM a change in it costs everything.
_SUFFIX_PART = 0.2
# At a new place everything is read: no more than this many seconds of it (estimates are high), which about
# spans the pause between a jump and the first key. With more, an engine that reads slowly is too late for
# most of what it would be right about; with fewer tokens than this, a function's documentation is cut off.
# Source: docs/benchmarks.md, "The first text".
_FIRST_SECONDS = 2.0
_MIN_FIRST_TOKENS = 240
# Who asks by hand waits, and is shown a function with the whole of its documentation in any case.
_MIN_TOKENS_BY_HAND = 480
_FIRST_SUFFIX_PART = 0.25
# The part for other files: recall hardly grows beyond it at the usual sizes (docs/benchmarks.md, "Context").
_SNIPPET_PART = 0.25
_MIN_PREFIX_TOKENS = 256
_STEPS = (768, 1024, 1536, 2048, 3072, 4096, 8192)
# A token that the engine can't write before the user has lost interest is not worth asking for.
_LINE_SECONDS, _BLOCK_SECONDS = 3.0, 6.0


@dataclass(frozen=True, slots=True)
class Budget:
    """Units: tokens; of the prompt's parts estimated high, so that the true counts stay below.

    `snippet_tokens` is the room for what other files hold; `first_prefix_tokens` the most of the prefix
    at a new place, where all of it is to be read.
    """

    prefix_tokens: int
    suffix_tokens: int
    line_tokens: int
    block_tokens: int
    snippet_tokens: int = 0
    first_prefix_tokens: int = 1 << 30


def budget(config: CompletionConfig, speed: Speed, profile: Profile) -> Budget:
    """Return the budget for this machine; a number in the settings wins over the measured one."""
    readable = min(speed.read * config.cold_prompt_ms / 1000, profile.context_tokens / 2)
    total = max((step for step in _STEPS if step <= readable), default=_STEPS[0])
    first = max(int(speed.read * _FIRST_SECONDS), _MIN_FIRST_TOKENS)
    suffix = config.suffix_tokens or min(int(total * _SUFFIX_PART), int(first * _FIRST_SUFFIX_PART))
    prefix = config.prefix_tokens or total - suffix
    first_prefix = config.prefix_tokens or max(first - suffix, 1)
    snippets = config.snippet_tokens
    if snippets == "auto":
        snippets = int(total * _SNIPPET_PART) if profile.takes_snippets else 0
    line = min(config.line_tokens, max(int(speed.write * _LINE_SECONDS), 16))
    block = min(config.block_tokens, max(int(speed.write * _BLOCK_SECONDS), 32))
    return Budget(prefix, suffix, line, block, snippets, first_prefix)


def by_hand(budget: Budget) -> Budget:
    """Return the budget of a request that the user waits for: at a new place no less than suits the model."""
    least = min(_MIN_TOKENS_BY_HAND - budget.suffix_tokens, budget.prefix_tokens)
    return replace(budget, first_prefix_tokens=max(budget.first_prefix_tokens, least))


def beside(budget: Budget) -> Budget:
    """Return the budget of a prompt that shows other files: their room is taken from above the cursor.

    So reading such a prompt takes no longer. What is nearest to the cursor stays in any case.
    """
    least = min(budget.prefix_tokens, _MIN_PREFIX_TOKENS)
    return replace(budget, prefix_tokens=max(budget.prefix_tokens - budget.snippet_tokens, least))
