"""A real Neovim, headless, driven over its own remote protocol: keys as typed, and questions in Lua.

One connection for all of it: a process for each look at the screen costs more than what it looks at.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec

from tests.editors import programs
from tests.support.engine_server import EngineServer
from tests.support.isolation import user_names
from tests.support.places import REPOSITORY

PLUGIN = REPOSITORY / "editors" / "neovim"
# As the README tells a new user to write it; `%s` are the options.
INIT = """vim.opt.runtimepath:prepend('{plugin}')
require('qwen_lsp').setup(vim.json.decode([==[{options}]==]))
"""
DEADLINE_S = 120.0
_REQUEST = 0  # MessagePack-RPC: the kind of a message that wants an answer
_READ_BYTES = 1 << 16


class Neovim:
    """One running Neovim."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def _call(self, function: str, argument: str) -> Any:
        """Call a function of Neovim's API; an error of it fails the test."""
        self._writer.write(msgspec.msgpack.encode((_REQUEST, 0, function, (argument,))))
        sent = b""
        while True:
            part = await asyncio.wait_for(self._reader.read(_READ_BYTES), DEADLINE_S)
            assert part, "Neovim has closed the connection"
            sent += part
            with contextlib.suppress(msgspec.DecodeError):  # as long as it is cut off
                _, _, error, result = msgspec.msgpack.decode(sent)
                assert error is None, error
                return result

    async def keys(self, typed: str) -> None:
        """Type; special keys in Vim's notation, such as `<Tab>`."""
        await self._call("nvim_input", typed)

    async def lua(self, body: str) -> Any:
        """Run the body of a Lua function, which must `return` what is wanted, and return that."""
        code = f"(function() {body} end)()".replace("'", "''")
        return json.loads(await self._call("nvim_eval", f"json_encode(luaeval('{code}'))"))

    async def until(self, expression: str, what: str) -> Any:
        """Wait until a Lua expression is true; return it."""
        started = asyncio.get_running_loop().time()
        while not (value := await self.lua(f"return {expression}")):
            waited = asyncio.get_running_loop().time() - started
            assert waited < DEADLINE_S, f"in vain: {what}\n{await self.describe()}"
            await asyncio.sleep(0.02)
        return value

    async def describe(self) -> str:
        """Everything that helps to see why a test fails."""
        messages = await self.lua("return vim.fn.execute('messages')")
        return "\n".join([*await self.screen(), "--- messages", str(messages)])

    async def lines(self) -> list[str]:
        """The text of the current buffer."""
        return list(await self.lua("return vim.api.nvim_buf_get_lines(0, 0, -1, false)"))

    async def ghost(self) -> str | None:
        """What a person sees as ghost text, read from the marks that draw it."""
        text = await self.lua(
            "local all = {} "
            "local space = vim.api.nvim_get_namespaces()['qwen_lsp_ghost'] or -1 "
            "for _, mark in ipairs(vim.api.nvim_buf_get_extmarks(0, space, 0, -1, { details = true })) do "
            "  table.insert(all, mark[4].virt_text[1][1]) "
            "  for _, line in ipairs(mark[4].virt_lines or {}) do table.insert(all, line[1][1]) end "
            "end "
            "return #all > 0 and table.concat(all, '\\n') or false"
        )
        return text or None

    async def until_ghost(self, text: str | None = None) -> str:
        """Wait for ghost text; or for this very one, when it is no longer being written."""
        started = asyncio.get_running_loop().time()
        is_draft = "return require('qwen_lsp.ghost').is_draft()"
        while (seen := await self.ghost()) is None or (
            text is not None and (seen != text or await self.lua(is_draft))
        ):
            waited = asyncio.get_running_loop().time() - started
            assert waited < DEADLINE_S, f"ghost text: {seen!r}, wanted {text!r}\n{await self.describe()}"
            await asyncio.sleep(0.02)
        return seen

    async def until_no_ghost(self) -> None:
        """Wait until no ghost text is shown."""
        space = "vim.api.nvim_get_namespaces()['qwen_lsp_ghost']"
        await self.until(f"#vim.api.nvim_buf_get_extmarks(0, {space}, 0, -1, {{}}) == 0", "it is hidden")

    async def screen(self) -> list[str]:
        """The screen as text."""
        rows = await self.lua(
            "vim.cmd.redraw() "
            "local rows = {} "
            "for row = 1, vim.o.lines do "
            "  local cells = {} "
            "  for column = 1, vim.o.columns do cells[column] = vim.fn.screenstring(row, column) end "
            "  rows[row] = table.concat(cells) "
            "end "
            "return rows"
        )
        return [row.rstrip() for row in rows]


@asynccontextmanager
async def started(
    folder: Path, file: Path, options: Mapping[str, Any] | None = None, *, init: str = "", first: str = ""
) -> AsyncIterator[Neovim]:
    """Run Neovim with the plugin on a file. `init` stands in for init.lua, `first` goes before it."""
    runtime = programs.neovim()
    text = init or INIT.format(plugin=PLUGIN, options=json.dumps(dict(options or {})))
    (folder / "init.lua").write_text(first + text, "utf-8")
    program, socket = runtime / "bin" / "nvim", folder / "nvim.socket"
    process = await asyncio.create_subprocess_exec(
        str(program),
        *(
            "--headless",
            "-i",
            "NONE",
            "-n",
            # The look for a Python to extend Neovim with takes a second, and the plugin has no use for one.
            "--cmd",
            "let g:loaded_python3_provider = 0",
            "--listen",
            str(socket),
            "-u",
            str(folder / "init.lua"),
            str(file),
        ),
        env={**os.environ, "VIMRUNTIME": str(runtime / "share" / "nvim" / "runtime")},
        cwd=file.parent,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        reader, writer = await _connection(socket, process)
        neovim = Neovim(reader, writer)
        yield neovim
        with contextlib.suppress(AssertionError, OSError):  # it may be gone before it has answered
            await neovim.keys("<Esc>:qa!<CR>")
        writer.close()
        out, _ = await asyncio.wait_for(process.communicate(), DEADLINE_S)
        assert process.returncode == 0, out.decode()
        assert "Error" not in out.decode(), out.decode()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _connection(
    socket: Path, process: asyncio.subprocess.Process
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect as soon as Neovim listens."""
    while True:
        assert process.returncode is None, "Neovim ended"
        with contextlib.suppress(FileNotFoundError, ConnectionRefusedError):
            return await asyncio.open_unix_connection(socket)
        await asyncio.sleep(0.02)


def scripted(engine: EngineServer, **options: Any) -> dict[str, Any]:
    """Options of the plugin for a scripted engine, which the user's file names."""
    user_names(engine.url)
    return options


def file_in(folder: Path, text: str, name: str = "add.py") -> Path:
    """Write a file to open."""
    file = folder / name
    file.write_text(text, "utf-8")
    return file


async def ready(neovim: Neovim) -> None:
    """Wait for the server."""
    await neovim.until("(require('qwen_lsp').server_status or {}).state == 'ready'", "the server is ready")
