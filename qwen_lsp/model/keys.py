"""The API key of an endpoint: from an environment variable, a program, or a file that only its user can read.

The program is how a key stays in the system's keyring or in a password manager: each has one that prints it.
No keyring library is loaded: over SSH and in containers there is no session to unlock one. Knows no HTTP.
"""

from __future__ import annotations

import os
import re
import stat
import subprocess
import threading
import time
from pathlib import Path

from qwen_lsp import child, files
from qwen_lsp.config import user_file
from qwen_lsp.endpoints import EndpointConfig
from qwen_lsp.errors import ConfigError
from qwen_lsp.visible import visible

_MAX_BYTES = 16_384
# Somebody may have to unlock a keyring, once.
_COMMAND_S = 30.0
# A program that failed is not asked again at each key.
_PAUSE_S = 60.0
_asking = threading.Lock()
_printed: dict[tuple[str, ...], str] = {}
_failed: dict[tuple[str, ...], tuple[float, str]] = {}


def api_key(config: EndpointConfig) -> str:
    """Return the key, "" where none is set; the variable comes first, then the program, then the file.

    Waits for the program. Raises: ConfigError when it fails, or when the file cannot be read, or can be read
    by others.
    """
    if config.api_key_env and (key := os.environ.get(config.api_key_env, "")):
        return key
    if config.api_key_command:
        return _of_program(config.api_key_command)
    return _of_file(Path(config.api_key_file).expanduser()) if config.api_key_file else ""


def _of_program(command: tuple[str, ...]) -> str:
    """Return what a program prints: asked once a process, by one host at a time."""
    with _asking:
        if command in _printed:
            return _printed[command]
        failed_s, problem = _failed.get(command, (float("-inf"), ""))
        if time.monotonic() - failed_s < _PAUSE_S:
            raise ConfigError(problem)
        try:
            _printed[command] = _run(command)
        except ConfigError as error:
            _failed[command] = time.monotonic(), str(error)
            raise
        return _printed[command]


def _run(command: tuple[str, ...]) -> str:
    """Run a program of the user's settings, in no folder of a workspace. What it prints is in no message."""
    named = f"`apiKeyCommand` ({command[0]})"
    try:
        ran = subprocess.run(
            command,
            cwd=child.FOLDER,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_COMMAND_S,
            check=False,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
    except subprocess.TimeoutExpired:
        raise ConfigError(f"{named} did not end within {_COMMAND_S:.0f} s") from None
    except OSError as error:
        raise ConfigError(f"{named} cannot be run: {error.strerror or error}") from None
    if ran.returncode:
        said = visible(ran.stderr.decode("utf-8", "replace").strip())[-200:]
        raise ConfigError(f"{named} ended with {ran.returncode}{f': {said}' if said else ''}")
    key = ran.stdout[:_MAX_BYTES].decode("utf-8", "replace").strip()
    if not key or "\n" in key or not key.isprintable():
        raise ConfigError(f"{named} printed no key: one line is expected")
    return key


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
