"""Writing into the user's own settings file: one section's values, with everything else left as it is.

Comments, order and settings that this version does not know stay. Knows no meaning of a setting.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qwen_lsp import files
from qwen_lsp.errors import ConfigError

if TYPE_CHECKING:
    import tomlkit

_MAX_BYTES = 1 << 20


def update(path: Path, section: str, values: Mapping[str, Any]) -> None:
    """Set values of a section, or take away those that are None; the file is written at once or not at all.

    `section` may be one in another (`endpoint.chat`); one that is left empty goes, too.

    Raises: ConfigError when the file is there but cannot be read or written.
    """
    import tomlkit  # only who changes settings pays for it

    document = _read(path)
    tables: list[Any] = [document]
    for name in section.split("."):
        tables.append(tables[-1].setdefault(name, tomlkit.table()))
        if not isinstance(tables[-1], dict):
            raise ConfigError(f"`{section}` in {path} is no section: correct the file first")
    table = tables[-1]
    for name, value in values.items():
        if value is None:
            table.pop(name, None)
        else:
            table[name] = value
    for outer, name, inner in reversed(list(zip(tables, section.split("."), tables[1:], strict=False))):
        if not inner:
            outer.pop(name)
    data = tomlkit.dumps(document).encode()
    try:
        if path.exists():  # through a link, as those make who keep their settings elsewhere
            files.write(path.resolve(), data)
        else:
            files.write_private(path, data)
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror or error}") from error


def _read(path: Path) -> tomlkit.TOMLDocument:
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    try:
        return tomlkit.parse(files.read(path, _MAX_BYTES).decode())
    except FileNotFoundError:
        return tomlkit.document()
    except (OSError, ValueError, TOMLKitError) as error:
        raise ConfigError(f"{path} cannot be read, so it stays as it is: {error}") from error
