"""Which files hold secrets by their name: never opened, indexed, viewed, offered or completed.

`SECRET_FILES` is the default of `completion.exclude`. Patterns are globs: without a slash they name a file or
a folder anywhere, with one a path below any folder; `*` crosses slashes; `!` before one takes a file back.
Matching is linear in the path's length, whatever a workspace writes into a pattern.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from fnmatch import translate
from functools import lru_cache

SECRET_FILES = (
    *(".env", ".env.*", "*.env", "!.env.example", "!.env.sample", "!.env.template", "!.env.dist", ".envrc"),
    *("*.pem", "*.key", "*.p12", "*.pfx", "*.jks", "*.keystore", "*.kdbx", "*.ppk", "*.ovpn"),
    *("id_rsa", "id_dsa", "id_ecdsa", "id_ed25519", "id_ecdsa_sk", "id_ed25519_sk", ".vault-token"),
    *(
        ".aws/credentials",
        "credentials.json",
        "credentials.y*ml",
        "client_secret*.json",
        "service-account*.json",
    ),
    *("application_default_credentials.json", "secrets.json", "secrets.y*ml", "secrets.toml", "secrets.ini"),
    *(".netrc", "_netrc", ".pgpass", ".npmrc", ".pypirc", ".htpasswd", ".git-credentials", ".dockercfg"),
    *(
        ".docker/config.json",
        ".kube/config",
        "kubeconfig",
        "*.tfvars",
        "*.tfstate",
        "*.tfstate.*",
        "*.agekey",
    ),
)

_MAX_PATTERN_CHARS = 200
_MAX_PATTERNS = 500


@lru_cache(32)
def _compiled(patterns: tuple[str, ...]) -> tuple[tuple[bool, re.Pattern[str]], ...]:
    # `fnmatch` writes each `*` as an atomic group, so that nothing is tried twice.
    made = []
    for pattern in patterns[:_MAX_PATTERNS]:
        is_back = pattern.startswith("!")
        glob = pattern.removeprefix("!").strip("/").lower()[:_MAX_PATTERN_CHARS]
        if glob:
            made.append((is_back, re.compile(translate(f"*/{glob}"))))
            if not is_back:
                made.append((is_back, re.compile(translate(f"*/{glob}/*"))))
    return tuple(made)


@lru_cache(8192)
def is_excluded(path: str, patterns: tuple[str, ...] = SECRET_FILES) -> bool:
    """Tell whether a path is one of those that `patterns` leave out; the last pattern that fits decides."""
    whole = "/" + path.replace("\\", "/").lower()
    verdict = False
    for is_back, pattern in _compiled(patterns):
        if verdict is is_back and pattern.match(whole):
            verdict = not is_back
    return verdict


def is_left_out(paths: Sequence[str | None], patterns: tuple[str, ...]) -> bool:
    """Tell whether any name of one file, where it has several, is excluded."""
    return any(path is not None and is_excluded(path, patterns) for path in paths)
