"""What leaves this machine: every text of a request to another host goes through here, and only here.

Secrets are replaced by placeholders of the same length and kind. The detectors are those of `redaction`, and
the plugins of detect-secrets, whose import takes tenths of a second and is paid by remote endpoints only.
Control tokens of the prompt are no text and stay as they are. Knows no dialect.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache, lru_cache
from typing import Any

from qwen_lsp.redaction import Span, mask

# Not text: names of models and what we wrote ourselves.
_OURS = frozenset({"model", "role", "type", "name", "json_schema", "response_format"})
_CONTROL = re.compile(r"(<\|[\w-]{1,40}\|>)")
_PLUGINS = (
    *(
        "ArtifactoryDetector",
        "AWSKeyDetector",
        "AzureStorageKeyDetector",
        "BasicAuthDetector",
        "CloudantDetector",
    ),
    *("DiscordBotTokenDetector", "GitHubTokenDetector", "GitLabTokenDetector", "IbmCloudIamDetector"),
    *("IbmCosHmacDetector", "JwtTokenDetector", "MailchimpDetector", "NpmDetector", "OpenAIDetector"),
    *("PypiTokenDetector", "SendGridDetector", "SlackDetector", "SoftlayerDetector", "SquareOAuthDetector"),
    *("StripeDetector", "TelegramBotTokenDetector", "TwilioKeyDetector"),
)


@cache
def _plugins() -> tuple[Any, ...]:
    from detect_secrets.core.plugins.util import get_mapping_from_secret_type_to_class

    kinds: dict[str, Any] = dict(get_mapping_from_secret_type_to_class())
    made = {kind.__name__: kind for kind in kinds.values()}
    return tuple(made[name]() for name in _PLUGINS if name in made)


def prepare() -> None:
    """Load the detectors; some tenths of a second, once a process."""
    _plugins()


@lru_cache(16_384)  # a keystroke changes one line of a prompt
def _detected(line: str) -> tuple[Span, ...]:
    if not line.strip():
        return ()
    found = []
    for plugin in _plugins():
        for value in plugin.analyze_string(line):
            if isinstance(value, str) and len(value) >= 6 and (start := line.find(value)) >= 0:
                found.append((start, start + len(value)))
    return tuple(found)


def masked(text: str) -> tuple[str, int]:
    """Return a text as another machine may have it, and how many secrets it held."""
    pieces = _CONTROL.split(text)
    count = 0
    for number in range(0, len(pieces), 2):  # between the control tokens
        pieces[number], found = mask(pieces[number], _detected)
        count += found
    return "".join(pieces), count


def masked_body(body: Mapping[str, Any]) -> tuple[dict[str, Any], int]:
    """Return the body of a request as another machine may have it, and how many secrets it held."""
    count = 0

    def walk(value: Any, key: str = "") -> Any:
        nonlocal count
        if isinstance(value, str):
            if key in _OURS:
                return value
            text, found = masked(value)
            count += found
            return text
        if isinstance(value, Mapping):
            return {name: value[name] if name in _OURS else walk(value[name], name) for name in value}
        if isinstance(value, list | tuple):
            return [walk(item, key) for item in value]
        return value

    made = walk(body)
    return made, count
