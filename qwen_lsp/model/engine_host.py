"""The engine process: hosts llama.cpp's HTTP server on loopback for exactly as long as its parent lives.

`child.Child` starts it with the parent's process id. It reads one JSON line of `Launch` values from stdin,
answers one JSON line `Started` on stdout when the model is loaded, and then waits: the end of stdin
means that the parent is gone, however it died, so the process ends. Everything that
llama.cpp prints goes to stderr. This module imports nothing heavy before it is asked to, and knows
nothing of prompts or the LSP.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from types import FrameType
from typing import Any, BinaryIO

import msgspec
import psutil

from qwen_lsp import files
from qwen_lsp.child import ask_for_death_signal, die_with_parent, wake_as_others
from qwen_lsp.errors import ModelError
from qwen_lsp.model import gguf, prompt_cache, q8_copy

_LOOK_S = 0.05
# A request that was given up is noticed between two batches only: with llama.cpp's 2,048 tokens the next one
# waits until a whole prompt that nobody wants has been read. A processor reads small batches about as fast as
# large ones, the more so the larger the model; a GPU does not, and reads large ones within a moment. Sources:
# docs/benchmarks.md, "The first text" and "The engine".
_BATCH_TOKENS, _LARGE_MODEL_BATCH_TOKENS, _GPU_BATCH_TOKENS = 64, 32, 512
_LARGE_MODEL_BYTES = 800_000_000  # between 0.5B and 1.5B
# Pages that a browser on this machine has open must not reach the engine; llama.cpp reflects any Origin.
_CORS_ORIGIN = "http://127.0.0.1"


class Launch(msgspec.Struct, frozen=True):
    """What the engine process is started with; the API key never travels in arguments or the environment."""

    model_path: str
    api_key: str
    threads: int
    batch_threads: int
    slots: int
    slot_context_tokens: int
    cache_mib: int
    gpu_layers: int
    program: str = ""
    is_native: bool = False
    lora: str = ""


class Started(msgspec.Struct, frozen=True):
    """What the engine process answers: the port on loopback that it serves."""

    port: int


def main() -> None:
    """Read the launch line, serve, and end with the parent."""
    # Loading holds the interpreter's lock, so where the kernel does not help an orphan loads first.
    die_with_parent(int(sys.argv[1]))
    wake_as_others()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in a terminal is for the parent to handle
    launch = msgspec.json.decode(sys.stdin.buffer.readline(), type=Launch)
    answer = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    if launch.program:
        _serve_program(launch, answer)
    else:
        _serve_builtin(launch, answer)


def _answer_port(answer: BinaryIO, port: int) -> None:
    answer.write(msgspec.json.encode(Started(port)) + b"\n")
    answer.flush()


def _wait_for_parent() -> None:
    while sys.stdin.buffer.read(4096):
        pass


def _serve_builtin(launch: Launch, answer: BinaryIO) -> None:
    import xllamacpp

    serve(xllamacpp, parameters(xllamacpp, launch), answer)


def parameters(engine: Any, launch: Launch) -> Any:
    """Return what `engine`, the module xllamacpp, serves a launch with."""
    uses_gpu = launch.gpu_layers != 0 and _has_gpu(engine)
    params = engine.CommonParams()
    params.model.path = launch.model_path if uses_gpu else str(q8_copy.best(Path(launch.model_path)))
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.api_keys = [launch.api_key]
    params.cors_origins = _CORS_ORIGIN
    params.cors_origins_explicit = True
    params.cors_credentials = False
    params.ui = False
    params.endpoint_slots = True
    params.n_parallel = launch.slots
    params.n_ctx = launch.slots * launch.slot_context_tokens
    params.cache_ram_mib = _cache_mib(launch)
    # A slot keeps its prompt until somebody else needs it, and is saved then. llama.cpp also saves it at each
    # request in another slot, so that copies which differ in their last words fill the cache.
    params.cache_idle_slots = False
    params.n_gpu_layers = launch.gpu_layers
    params.n_batch = _GPU_BATCH_TOKENS if uses_gpu else _batch_tokens(launch)
    if not uses_gpu:
        # A mapped file stays in memory beside the layers that llama.cpp converts for this processor (1.5B:
        # 2.0 GB instead of 1.4), and in small pages, from which tokens are written more slowly.
        params.load_mode = engine.llama_load_mode.LLAMA_LOAD_MODE_NONE
    params.cpuparams.n_threads = launch.threads
    params.cpuparams_batch.n_threads = launch.batch_threads
    # Waiting threads must not spin on a core that the editor and the compiler need. This is for ggml's own
    # threads; a build with OpenMP, as the Linux wheel is, is told by `library_variables` in engine.py.
    params.cpuparams.poll = 0
    params.cpuparams_batch.poll = 0
    if launch.lora:
        adapter = engine.CommonAdapterLoraInfo()
        adapter.path = launch.lora
        adapter.scale = 1.0
        params.lora_adapters = [adapter]
    return params


def _batch_tokens(launch: Launch) -> int:
    """Return how much of a prompt a processor reads before it looks whether somebody still wants it."""
    try:
        is_large = Path(launch.model_path).stat().st_size > _LARGE_MODEL_BYTES
    except OSError:  # the engine says what is wrong with it
        is_large = False
    return _LARGE_MODEL_BATCH_TOKENS if is_large else _BATCH_TOKENS


def _cache_mib(launch: Launch) -> int:
    """Return the memory for earlier prompts: what the user has set, else what suits the model."""
    if launch.cache_mib >= 0:
        return launch.cache_mib
    try:
        per_token = gguf.read(Path(launch.model_path), ()).kv_bytes_per_token
    except ModelError:  # the engine says what is wrong with it
        per_token = 0
    return prompt_cache.size_mib(per_token, launch.slot_context_tokens)


def serve(engine: Any, params: Any, answer: BinaryIO) -> None:
    """Load the model, answer the port, and end the process when the parent is gone."""
    server = engine.Server(params)
    _answer_port(answer, int(str(server.listening_address).rsplit(":", 1)[1].strip("/")))
    _wait_for_parent()
    os._exit(0)  # freeing the model takes seconds, and nothing here needs saving


def _has_gpu(engine: Any) -> bool:
    return any(device["type"].name.endswith("GPU") for device in engine.get_device_info())


# What `parameters` sets in the library, for our own build of the server, which has no GPU.
_NATIVE = {"--load-mode": "none", "--cors-origins": _CORS_ORIGIN}


def _serve_program(launch: Launch, answer: BinaryIO) -> None:
    """Run a llama-server, the user's own or `native`'s, as a child, and end it when the parent is gone."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    arguments = {
        "--model": launch.model_path,
        "--host": "127.0.0.1",
        "--port": port,
        "--parallel": launch.slots,
        "--ctx-size": launch.slots * launch.slot_context_tokens,
        "--cache-ram": _cache_mib(launch),
        "--threads": launch.threads,
        "--threads-batch": launch.batch_threads,
        "--poll": 0,
        "--poll-batch": 0,
    }
    if launch.gpu_layers >= 0:
        arguments["--n-gpu-layers"] = launch.gpu_layers
    if launch.lora:
        arguments["--lora"] = launch.lora
    if launch.is_native:
        arguments |= {"--batch-size": _batch_tokens(launch), **_NATIVE}
    folder = Path(tempfile.mkdtemp(prefix="qwen-lsp-"))  # for its user alone
    key_file = folder / "key"
    files.write(key_file, launch.api_key.encode(), mode=0o600)
    arguments["--api-key-file"] = key_file
    command = [
        launch.program,
        "--slots",
        "--no-webui",
        *(("--no-cache-idle-slots", "--no-cors-credentials") if launch.is_native else ()),
        *(str(part) for pair in arguments.items() for part in pair),
    ]
    child = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        preexec_fn=ask_for_death_signal if os.name == "posix" else None,
    )

    def end(_signal: int = 0, _frame: FrameType | None = None) -> None:
        child.kill()
        shutil.rmtree(folder, ignore_errors=True)
        os._exit(0)

    signal.signal(signal.SIGTERM, end)

    def watch() -> None:
        _wait_for_parent()
        end()

    threading.Thread(target=watch, daemon=True).start()
    # Until the program has bound it, the port is anybody's, who would get the key and the code.
    while child.poll() is None and not _listens(child.pid, port):
        time.sleep(_LOOK_S)
    shutil.rmtree(folder, ignore_errors=True)
    if child.poll() is None:
        _answer_port(answer, port)  # the parent polls /health: the program loads in its own time
    os._exit(child.wait())


def _listens(pid: int, port: int) -> bool:
    """Say whether a process, or one that it has started, is the one that listens on a port of loopback."""
    try:
        program = psutil.Process(pid)
        return any(
            connection.status == psutil.CONN_LISTEN and connection.laddr.port == port
            for process in (program, *program.children(recursive=True))
            for connection in process.net_connections("tcp4")
        )
    except psutil.Error:
        return False
