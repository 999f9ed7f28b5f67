"""Tours of a real VS Code with the packaged extension in it.

The tours are in editors/vscode/e2e and run under Node; here they get what they need: an installed VS Code
(host.py), settings, and an environment.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path

from tests.editors import programs
from tests.editors.vscode.host import EXTENSION, Host
from tests.support.places import REPOSITORY

ARTEFACTS = REPOSITORY / ".cache" / "vscode-pictures"
MAX_TOUR_S = 900
# Without an environment that may have `qwen-lsp` in it.
SYSTEM_PATH = os.pathsep.join(folder for folder in os.defpath.split(os.pathsep) if folder)


async def tour(name: str, host: Host, settings: Mapping[str, object], env: Mapping[str, str]) -> None:
    """Run one tour beside the test's own event loop; its report is shown when it fails."""
    values = {
        "node": str(host.node),
        "codeServer": str(host.code_server),
        "browser": str(host.browser),
        "failures": str(ARTEFACTS),
        # Each picture takes half a second of processor time.
        **({"artefacts": str(ARTEFACTS)} if programs.UPDATE else {}),
        **settings,
    }
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("QWEN_LSP_", "XDG_"))}
    script = EXTENSION / "e2e" / f"{name}.tour.mjs"
    process = await asyncio.create_subprocess_exec(
        *(host.node, "--test", "--test-reporter=spec", script),
        cwd=EXTENSION,
        env={**clean, "HOST": json.dumps(values), **env},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        out, _ = await asyncio.wait_for(process.communicate(), MAX_TOUR_S)
    finally:
        if process.returncode is None:
            process.kill()
    report = out.decode("utf-8", "replace")
    print(report)
    assert process.returncode == 0, report[report.find("failing tests") :]
    assert not re.search(r"^ℹ (pass 0|(cancelled|skipped|todo) [1-9].*)$", report, re.MULTILINE), report


def path(first: Path) -> str:
    return f"{first}{os.pathsep}{os.environ['PATH']}"
