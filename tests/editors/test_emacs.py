"""Emacs with eglot, the real programs of Debian, with the real server: eglot's popup, and qwen-lsp.el."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
from pathlib import Path

import pytest

from qwen_lsp.model import catalog
from tests.editors import dist, programs
from tests.editors.readme import EDITORS, snippet
from tests.editors.vscode import host as vscode_host
from tests.support.engine_server import EngineServer, says
from tests.support.hub import Hub

pytestmark = pytest.mark.required

DEADLINE_S = 180.0
# Packages, half a gigabyte and a model that loads.
FROM_NOTHING_S = 900.0
PACKAGE = EDITORS / "emacs"


async def run(script: Path, cwd: Path, deadline_s: float = DEADLINE_S) -> str:
    """Run Emacs on a script; return what it printed."""
    emacs = programs.debian("emacs", "emacs-nox", "elpa-eglot")
    process = await asyncio.create_subprocess_exec(
        *(emacs, "-q", "--batch", "-l", str(script)),
        env={**os.environ, "EMACSNATIVELOADPATH": ""},
        cwd=cwd,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await asyncio.wait_for(process.communicate(), deadline_s)
    assert process.returncode == 0, out.decode()
    return out.decode()


# What a person does: open the file, start eglot, ask for completions after `x = `, take the first.
TOUR = """
(package-initialize)
{snippet}
(setq eglot-sync-connect 60 eglot-autoshutdown t jsonrpc-default-request-timeout 60)
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
(eglot-shutdown (eglot-current-server) nil 60)
(princ "shut down\\n")
"""


async def test_a_suggestion_in_the_popup(tmp_path: Path, engine: EngineServer, home: Path) -> None:
    engine.answer = says("first + second")
    settings = home / "settings.toml"
    settings.write_text(f'[endpoint]\nurl = "{engine.url}"\n[completion]\nanswerEarly = false\n', "utf-8")
    file, script = tmp_path / "add.py", tmp_path / "tour.el"
    file.write_text("first, second = 1, 2\nx = \n", "utf-8")
    script.write_text(TOUR.format(snippet=snippet("elisp", "eglot-server-programs"), file=file), "utf-8")
    said = await run(script, tmp_path)
    assert "managed: t" in said, said
    assert 'offered: ("first + second")' in said, said
    assert 'text: "first, second = 1, 2\nx = first + second\n"' in said, said
    assert ':outcome "shown"' in said, said
    assert "shut down" in said, said


GHOST = """
(package-initialize)
(push "{package}" load-path)
(require 'qwen-lsp)
(qwen-lsp-setup)
(setq eglot-sync-connect 60 eglot-autoshutdown t jsonrpc-default-request-timeout 60)
(defun ghost ()
  (when (qwen-lsp-visible-p)
    (substring-no-properties (overlay-get qwen-lsp--overlay 'after-string))))
(defun wait (what)
  (let ((end (+ (float-time) 60)))
    (while (and (not (funcall what)) (< (float-time) end)) (accept-process-output nil 0.05))))
(find-file "{file}")
(cl-letf (((symbol-function 'yes-or-no-p) (lambda (&rest _) t)))
  (call-interactively #'eglot))
(princ (format "mode: %s\n" qwen-lsp-mode))
(goto-char (point-max))
(qwen-lsp-complete)
(wait #'qwen-lsp-visible-p)
(princ (format "ghost: %S\n" (ghost)))
(princ (format "tab: %s\n" (lookup-key qwen-lsp-active-map (kbd "TAB"))))
(qwen-lsp-accept-word)
(princ (format "word: %S %S\n" (buffer-string) (ghost)))
(qwen-lsp-accept-line)
(princ (format "line: %S %S\n" (buffer-string) (ghost)))
(when (qwen-lsp-visible-p) (qwen-lsp-accept))
(princ (format "all: %S %S\n" (buffer-string) (ghost)))
(erase-buffer)
(insert "first, second = 1, 2\ny = ")
(qwen-lsp-complete)
(wait #'qwen-lsp-visible-p)
(goto-char (point-min))
(qwen-lsp--after-command)
(princ (format "moved away: %S\n" (ghost)))
(qwen-lsp-snooze 5)
(setq qwen-lsp--timer nil)
(let ((this-command 'self-insert-command)) (qwen-lsp--after-command))
(princ (format "snoozes: %s %s\n" (qwen-lsp--snoozes-p) qwen-lsp--timer))
(qwen-lsp-snooze 0)
(let ((this-command 'self-insert-command)) (qwen-lsp--after-command))
(princ (format "asks again: %s\n" (timerp qwen-lsp--timer)))
(advice-add 'jsonrpc-notify :before
            (lambda (_server method params) (princ (format "sent: %s %S\n" method (plist-get params :text)))))
(kill-ring-save (point-min) (line-end-position))
(let ((this-command 'kill-ring-save)) (qwen-lsp--after-command))
(qwen-lsp--focus (current-buffer) (point))
(erase-buffer)
(insert "def add(a, b):\n    pass\n")
(cl-letf (((symbol-function 'y-or-n-p) (lambda (&rest _) t)))
  (qwen-lsp-edit "return the sum" (point-min) (1- (point-max)))
  (wait (lambda () (string-search "return a + b" (buffer-string)))))
(princ (format "edited: %S\n" (buffer-string)))
(set-buffer-modified-p nil)
(eglot-shutdown (eglot-current-server) nil 60)
"""


async def test_ghost_text_and_its_parts(tmp_path: Path, engine: EngineServer, home: Path) -> None:
    edited = says("```python\ndef add(a, b):\n    return a + b\n```")
    engine.script = lambda made: edited if "return the sum" in str(made.body) else says("first + second")
    (home / "settings.toml").write_text(
        f'[endpoint]\nurl = "{engine.url}"\n[completion]\nanswerEarly = false\n', "utf-8"
    )
    file, script = tmp_path / "add.py", tmp_path / "tour.el"
    file.write_text("first, second = 1, 2\nx = ", "utf-8")
    script.write_text(GHOST.format(package=PACKAGE, file=file), "utf-8")
    said = await run(script, tmp_path)
    assert "mode: t" in said, said
    assert 'ghost: "first + second"' in said, said
    assert 'sent: qwenLsp/didCopy "first, second = 1, 2"' in said.replace(" :qwenLsp", " qwenLsp"), said
    assert "qwenLsp/didFocus" in said, said
    assert 'edited: "def add(a, b):\n    return a + b\n"' in said, said
    assert "tab: qwen-lsp-accept" in said
    assert 'word: "first, second = 1, 2\nx = first" " + second"' in said, said
    assert 'line: "first, second = 1, 2\nx = first + second" nil' in said, said
    assert "moved away: nil" in said, said
    assert "snoozes: t nil" in said, said
    assert "asks again: t" in said, said


INSTALL = """
(package-initialize)
(push "{package}" load-path)
(require 'qwen-lsp)
(setq qwen-lsp-directory "{folder}" qwen-lsp-python "{python}" result 'waiting)
(defun qwen-lsp--wheel () "{wheel}")
(condition-case failure
    (progn
      (qwen-lsp-install (lambda (failure) (setq result failure)))
      (while (eq result 'waiting) (accept-process-output nil 0.1))
      (princ (format "result: %s\n" result)))
  (user-error (princ (format "refused: %s\n" (error-message-string failure)))))
(princ (format "left: %s\n" (and (file-directory-p "{folder}/venv") t)))
"""


@pytest.mark.parametrize(
    ("python", "wheel", "expected"),
    [
        ("no-such-python", "any.whl", "refused: ‘no-such-python’ is not Python 3.11 or newer"),
        ("", "/no/such/qwen_lsp.whl", "result: "),
    ],
    ids=["no python", "pip fails"],
)
async def test_a_failed_installation_says_why_and_leaves_nothing(
    tmp_path: Path, python: str, wheel: str, expected: str
) -> None:
    script = tmp_path / "install.el"
    folder = tmp_path / "place"
    python = python or str(programs.without_pip(tmp_path / "bin"))
    script.write_text(INSTALL.format(package=PACKAGE, folder=folder, python=python, wheel=wheel), "utf-8")
    said = await run(script, tmp_path)
    assert expected.replace("‘", "").replace("’", "") in re.sub("[‘’'`]", "", said), said
    assert "left: nil" in said, said


async def test_the_reason_is_not_that_no_such_package_exists(tmp_path: Path) -> None:
    """pip fails as it does there: the cause first, and at the end that it knows no such package."""
    folder, script, python = tmp_path / "place", tmp_path / "install.el", tmp_path / "python3"
    python.write_text(
        '#!/bin/sh\ncase "$*" in *venv*--clear*) mkdir -p "$4/bin"; cp "$0" "$4/bin/python";; *pip*)\n'
        'echo "WARNING: [Errno -3] Temporary failure in name resolution"\n'
        'echo "ERROR: No matching distribution found for pygls"; exit 1;; esac\n',
        "utf-8",
    )
    python.chmod(0o755)
    script.write_text(INSTALL.format(package=PACKAGE, folder=folder, python=python, wheel="any.whl"), "utf-8")
    said = await run(script, tmp_path)
    assert "was not installed: the package registry cannot be reached" in said, said
    assert "left: nil" in said, said


FROM_NOTHING = """
(package-initialize)
(push "{package}" load-path)
(require 'qwen-lsp)
(qwen-lsp-setup)
(defun finished (start &rest arguments)
  (let ((result 'waiting) (began (float-time)))
    (apply start (append arguments (list (lambda (failure) (setq result failure)))))
    (while (eq result 'waiting) (accept-process-output nil 0.1))
    (princ (format "%s: %s (%.0f s)\n" start result (- (float-time) began)))))
(finished #'qwen-lsp-install)
(finished #'qwen-lsp-pull-model "{model}")
(setq eglot-sync-connect 60 eglot-autoshutdown t jsonrpc-default-request-timeout 60)
(find-file "{file}")
(cl-letf (((symbol-function 'yes-or-no-p) (lambda (&rest _) t)))
  (call-interactively #'eglot))
(goto-char (point-max))
(forward-line -1)
(end-of-line)
(let ((end (+ (float-time) 300)))
  ;; A server that loads its model answers with nothing.
  (while (and (not (qwen-lsp-visible-p)) (< (float-time) end))
    (qwen-lsp-complete)
    (let ((soon (+ (float-time) 10)))
      (while (and (not (qwen-lsp-visible-p)) (< (float-time) soon)) (accept-process-output nil 0.05)))))
(qwen-lsp-accept)
(princ (format "text: %S\n" (buffer-substring-no-properties (point-min) (point-max))))
(set-buffer-modified-p nil)
(eglot-shutdown (eglot-current-server) nil 60)
"""


@pytest.mark.model
@pytest.mark.slow
async def test_from_a_package_folder_to_accepted_ghost_text(
    tmp_path: Path, home: Path, real_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Commands inside Emacs only; packages from a folder, the model from a hub on loopback."""
    try:
        packages = vscode_host.wheelhouse()
    except vscode_host.Missing as missing:
        pytest.skip(str(missing))
    package = Path(shutil.copytree(PACKAGE, tmp_path / "qwen-lsp"))
    built = tmp_path / "built"
    built.mkdir()
    wheel, _ = dist.python_packages(built)
    (package / "server").mkdir()
    shutil.copy(wheel, package / "server")
    file, script = tmp_path / "celsius.py", tmp_path / "from-nothing.el"
    file.write_text(
        'def celsius(fahrenheit):\n    """Convert from Fahrenheit to Celsius."""\n    \n', "utf-8"
    )
    profile = catalog.default_profile()
    text = FROM_NOTHING.format(package=package, model=profile.name, file=file)
    script.write_text(text, "utf-8")
    assert profile.huggingface is not None
    with Hub() as hub:
        hub.files[f"{profile.huggingface.repository}/{profile.huggingface.file}"] = real_model.read_bytes()
        for name, value in {
            "PATH": os.defpath.strip(os.pathsep),
            "XDG_DATA_HOME": str(home / "data"),
            "XDG_CONFIG_HOME": str(home / "config"),
            "QWEN_LSP_MODELS": str(home / "models"),
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(packages),
            "HF_ENDPOINT": hub.url,
        }.items():
            monkeypatch.setenv(name, value)
        monkeypatch.delenv("PYTHONPATH", raising=False)
        said = await run(script, tmp_path, FROM_NOTHING_S)
    print(said)
    assert "qwen-lsp-install: nil" in said, said
    assert "qwen-lsp-pull-model: nil" in said, said
    (written,) = re.findall(r'^text: "(.*)"$', said, re.DOTALL | re.MULTILINE)
    assert "32" in written, said


async def test_the_package_compiles_without_a_warning(tmp_path: Path) -> None:
    copy = tmp_path / "qwen-lsp.el"
    shutil.copyfile(PACKAGE / "qwen-lsp.el", copy)
    script = tmp_path / "compile.el"
    script.write_text(
        f'(package-initialize)\n(setq byte-compile-error-on-warn t)\n(byte-compile-file "{copy}")\n', "utf-8"
    )
    said = await run(script, tmp_path)
    assert copy.with_suffix(".elc").is_file(), said
