"""The API key of an endpoint: from an environment variable, or from a file that only its user can read.

Not from the system's keyring: its services need a desktop session, which a server over SSH or in a container
lacks, and a dialog that unlocks one cannot be answered from an editor. Knows no HTTP.
"""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

from qwen_lsp import files
from qwen_lsp.config import user_file
from qwen_lsp.endpoints import EndpointConfig
from qwen_lsp.errors import ConfigError

_MAX_BYTES = 16_384


def api_key(config: EndpointConfig) -> str:
    """Return the key, "" where none is set; the variable wins over the file.

    Raises: ConfigError when the file cannot be read, or can be read by others.
    """
    if config.api_key_env and (key := os.environ.get(config.api_key_env, "")):
        return key
    return _of_file(Path(config.api_key_file).expanduser()) if config.api_key_file else ""


def _of_file(file: Path) -> str:
    try:
        if os.name == "posix" and stat.S_IMODE(file.stat().st_mode) & 0o077:
            raise ConfigError(f"the key in {file} can be read by others: chmod 600 {file}")
        return files.read(file, _MAX_BYTES).decode("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"`apiKeyFile` names {file}, which cannot be read: {error}") from None


def own_file(host: str) -> Path:
    """Return where we keep the key of a host for the user."""
    return user_file().parent / "keys" / re.sub(r"[^\w.-]", "_", host)


def save(host: str, key: str) -> Path:
    """Keep a key for its user alone; return where.

    Raises: ConfigError.
    """
    file = own_file(host)
    try:
        files.write_private(file, key.strip().encode() + b"\n")
    except OSError as error:
        raise ConfigError(f"{file} cannot be written: {error.strerror or error}") from error
    return file
