"""Emacs with eglot, the real programs of Debian, with the real server: the popup, `eglot`'s way of asking."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from tests.editors import programs
from tests.editors.readme import snippet
from tests.support.engine_server import EngineServer, says

pytestmark = pytest.mark.required

DEADLINE_S = 180.0


async def run(script: Path, cwd: Path) -> str:
    """Run Emacs on a script; return what it printed."""
    emacs = programs.debian("emacs", "emacs-nox", "elpa-eglot")
    process = await asyncio.create_subprocess_exec(
        *(emacs, "-q", "--batch", "-l", str(script)),
        env={**os.environ, "EMACSNATIVELOADPATH": ""},
        cwd=cwd,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await asyncio.wait_for(process.communicate(), DEADLINE_S)
    assert process.returncode == 0, out.decode()
    return out.decode()


# What a person does: open the file, start eglot, ask for completions after `x = `, take the first.
TOUR = """
(package-initialize)
{snippet}
(setq eglot-sync-connect 60 eglot-autoshutdown t)
(find-file "{file}")
(cl-letf (((symbol-function 'yes-or-no-p) (lambda (&rest _) t)))
  (call-interactively #'eglot))
(princ (format "managed: %s\\n" (and (eglot-managed-p) t)))
(goto-char (point-max))
(forward-line -1)
(end-of-line)
(let* ((found (run-hook-wrapped 'completion-at-point-functions #'completion--capf-wrapper 'all))
       (data (cdr found))
       (exit (plist-get (cdddr data) :exit-function))
       (all (all-completions "" (nth 2 data))))
  (princ (format "offered: %S\\n" (mapcar #'substring-no-properties all)))
  (delete-region (nth 0 data) (nth 1 data))
  (insert (car all))
  (funcall exit (car all) 'finished))
(princ (format "text: %S\\n" (buffer-substring-no-properties (point-min) (point-max))))
(princ (format "reply: %S\\n" (jsonrpc-request (eglot-current-server) :workspace/executeCommand
  (list :command "qwenLsp.explain" :arguments (vector (eglot--path-to-uri buffer-file-name))))))
(set-buffer-modified-p nil)
(eglot-shutdown (eglot-current-server))
(princ "shut down\\n")
"""


async def test_a_suggestion_in_the_popup(tmp_path: Path, engine: EngineServer, home: Path) -> None:
    engine.answer = says("first + second")
    settings = home / "settings.toml"
    settings.write_text(f'[endpoint]\nurl = "{engine.url}"\n', "utf-8")
    file, script = tmp_path / "add.py", tmp_path / "tour.el"
    file.write_text("first, second = 1, 2\nx = \n", "utf-8")
    script.write_text(TOUR.format(snippet=snippet("elisp", "eglot-server-programs"), file=file), "utf-8")
    said = await run(script, tmp_path)
    assert "managed: t" in said, said
    assert 'offered: ("first + second")' in said, said
    assert 'text: "first, second = 1, 2\nx = first + second\n"' in said, said
    assert ':outcome "shown"' in said, said
    assert "shut down" in said, said
