"""A repository full of plants: whatever tools are known to run or to follow in a folder that is only opened.

Each plant that runs leaves a file of its name in the canary's folder. `PLANTS` names every kind; `build` puts
them all into one repository, where they do not hinder one another.
"""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

OUTSIDE = "canary_text_outside_of_the_folder"
CODE = "import os\n\n\ndef total(items):\n    result = 0\n    for item in items:\n        result += item\n    return result\n"

# Modules that Python would import from the working folder, `PYTHONPATH` or a project's own environment.
MODULES = (
    *("sitecustomize", "usercustomize", "qwen_lsp", "llama_cpp", "xllamacpp", "json", "signal", "logging"),
    *("pygls", "click", "tree_sitter_python", "httpx", "conftest", "setup", "manage", "noxfile", "tasks"),
    *("pytest_plugin", "mypy_plugin", "ruff", "flake8_plugin", "encodings"),
)
# Programs of these names, in the folder and where a relative PATH or a tool's convention would find them.
PROGRAMS = (
    *("git", "node", "npx", "eslint", "ruff", "python", "python3", "mypy", "llama-server", "nvidia-smi"),
    *("rocm-smi", "uv", "pip", "rg", "sh", "ssh", "less", "cat", "make", "java", "go", "cargo", "tsc"),
    "typos",
)
PROGRAM_FOLDERS = ("", "bin/", "node_modules/.bin/", ".venv/bin/", ".direnv/bin/")
# Settings of git that name a program.
GIT = {
    "filter-clean": "filter.evil.clean",
    "filter-smudge": "filter.evil.smudge",
    "filter-process": "filter.evil2.process",
    "diff-driver": "diff.evil.command",
    "textconv": "diff.evil2.textconv",
    "external-diff": "diff.external",
    "fsmonitor": "core.fsmonitor",
    "pager": "core.pager",
    "pager-of-diff": "pager.diff",
    "editor": "core.editor",
    "askpass": "core.askPass",
    "ssh-command": "core.sshCommand",
    "git-proxy": "core.gitProxy",
    "alternate-refs": "core.alternateRefsCommand",
    "gpg": "gpg.program",
    "merge-driver": "merge.evil.driver",
    "credential-helper": "credential.helper",
    "alias-of-diff": "alias.diff",
    "alias-of-list": "alias.ls-files",
    "diff-filter": "interactive.diffFilter",
    "sequence-editor": "sequence.editor",
    "trailer": "trailer.sign.command",
    "upload-pack": "remote.origin.uploadpack",
    "submodule-update": "submodule.lib.update",
    "difftool": "difftool.evil.cmd",
    "pack-objects-hook": "uploadpack.packObjectsHook",
}
HOOKS = ("post-index-change", "post-checkout", "pre-commit", "reference-transaction", "fsmonitor-watchman")
# Files of tools and editors that name a program; `PROGRAM` stands for one that leaves the canary,
# `ADDRESS` for a listener that nobody may reach.
SETTINGS = {
    ".qwen-lsp.toml": '[engine]\nprogram = "PROGRAM"\n[endpoint]\nurl = "ADDRESS"\nallowRemote = true\nkind = "openai"\n[review]\nlinter = "PROGRAM"\n',
    "qwen-lsp.toml": '[engine]\nprogram = "PROGRAM"\n',
    ".vscode/settings.json": '{"qwenLsp.engine.program": "PROGRAM", "qwenLsp.server.path": "PROGRAM", "python.defaultInterpreterPath": "PROGRAM", "qwenLsp.endpoint.url": "ADDRESS", "http.proxy": "ADDRESS"}',
    ".vscode/tasks.json": '{"tasks": [{"command": "PROGRAM", "runOptions": {"runOn": "folderOpen"}}]}',
    ".helix/languages.toml": '[language-server.qwen-lsp]\ncommand = "PROGRAM"\n',
    ".zed/settings.json": '{"lsp": {"qwen-lsp": {"binary": {"path": "PROGRAM"}, "settings": {"endpoint": {"url": "ADDRESS"}}}}}',
    "coc-settings.json": '{"qwenLsp.endpoint.url": "ADDRESS", "languageserver": {"qwen": {"command": "PROGRAM"}}}',
    ".idea/qwen-lsp.json": '{"qwenLsp": {"endpoint": {"url": "ADDRESS"}}}',
    ".nvim.lua": 'os.execute("PROGRAM")\n',
    ".exrc": ":!PROGRAM\n",
    ".dir-locals.el": '((nil . ((eval . (shell-command "PROGRAM")))))\n',
    ".env": "HTTP_PROXY=ADDRESS\nHTTPS_PROXY=ADDRESS\nALL_PROXY=ADDRESS\nPATH=.:bin\nGIT_EXTERNAL_DIFF=PROGRAM\nQWEN_LSP_CONFIG=qwen-lsp.toml\nPYTHONSTARTUP=sitecustomize.py\n",
    ".envrc": "PROGRAM\n",
    ".python-version": "./bin/python\n",
    ".tool-versions": "python path:./bin\n",
    "pytest.ini": "[pytest]\naddopts = -p pytest_plugin\n",
    "tox.ini": "[testenv]\ncommands = PROGRAM\n[flake8:local-plugins]\nextension = X = flake8_plugin\npaths = .\n",
    "setup.cfg": "[flake8:local-plugins]\nextension = X = flake8_plugin\n",
    "mypy.ini": "[mypy]\nplugins = mypy_plugin.py\n",
    "pyproject.toml": '[build-system]\nrequires = []\nbuild-backend = "setup"\nbackend-path = ["."]\n[tool.mypy]\nplugins = "mypy_plugin.py"\n',
    "typos.toml": '[type.py]\nextend-glob = ["/dev/zero"]\n',
    "ruff.toml": 'extend = "/dev/zero"\n',
    ".pylintrc": "[MAIN]\ninit-hook=import os; os.system('PROGRAM')\n",
    ".eslintrc.js": 'require("child_process").execSync("PROGRAM")\n',
    "eslint.config.mjs": 'import { execSync } from "node:child_process"\nexecSync("PROGRAM")\n',
    "jest.config.js": 'require("child_process").execSync("PROGRAM")\n',
    "babel.config.js": 'require("child_process").execSync("PROGRAM")\n',
    ".prettierrc.js": 'require("child_process").execSync("PROGRAM")\n',
    "package.json": '{"scripts": {"preinstall": "PROGRAM", "test": "PROGRAM"}, "devDependencies": {"jest": "1"}}',
    "tsconfig.json": '{"compilerOptions": {"plugins": [{"name": "../../PROGRAM"}]}}',
    "Makefile": "$(shell PROGRAM)\nall:\n\tPROGRAM\n",
    ".pre-commit-config.yaml": "repos: [{repo: local, hooks: [{id: x, entry: PROGRAM, language: system}]}]\n",
    "Cargo.toml": '[package]\nname = "x"\nbuild = "build.rs"\n',
    "go.work": "go 1.22\n",
    "evil.pth": "import os; os.system('PROGRAM')\n",
    ".gitmodules": '[submodule "lib"]\n\tpath = lib\n\turl = ext::PROGRAM\n\tupdate = !PROGRAM\n',
}
FILES = (
    "link-to-file",
    "link-to-folder",
    "link-to-device",
    "fifo",
    "socket",
    "bare-repository",
    "worktree-link",
)
PLANTS = (
    *(f"module {name}" for name in MODULES),
    *(f"program {name}" for name in PROGRAMS),
    *(f"git {name}" for name in GIT),
    *(f"hook {name}" for name in HOOKS),
    *(f"settings {name}" for name in SETTINGS),
    *(f"file {name}" for name in FILES),
)


def build(root: Path, canary: Path, address: str) -> None:
    """Make the repository: a commit, a change that is staged, one that is not, and every plant.

    `address` is where those lead that name a server.
    """
    root.mkdir()
    _write(root / "a.py", CODE)
    _write(root / "b.ts", "export function twice(a: number) {\n  return a * 2\n}\n")
    _write(root / ".gitattributes", "*.py filter=evil diff=evil merge=evil\n*.ts filter=evil2 diff=evil2\n")
    _git(root, "init", "-q", "-b", "main")
    _git(root, "add", "a.py", "b.ts", ".gitattributes")
    _git(root, "commit", "-qm", "one")
    _write(root / "b.ts", "export function twice(a: number) {\n  return eval(String(a)) * 2\n}\n")
    _git(root, "add", "b.ts")
    _write(root / "a.py", CODE + "\n\nvalue = eval(input())\n")
    _files(root)
    programs = root / "programs"
    for name in MODULES:
        package = root / name if name in ("qwen_lsp", "pygls", "llama_cpp", "encodings") else None
        text = f"open({str(canary / f'module-{name}')!r}, 'w').close()\n"
        _write(package / "__init__.py" if package else root / f"{name}.py", text)
    for folder in PROGRAM_FOLDERS:
        for name in PROGRAMS:
            _program(root / f"{folder}{name}", canary / f"program-{name}")
    _write(root / ".venv" / "pyvenv.cfg", "home = .\n")
    for path, text in SETTINGS.items():
        label = f"settings-{path.replace('/', '-')}"
        program = _program(programs / label, canary / label)
        _write(root / path, text.replace("PROGRAM", program).replace("ADDRESS", address))
    for hook in HOOKS:
        _program(root / ".git" / "hooks" / hook, canary / f"hook-{hook}")
        _program(root / "own-hooks" / hook, canary / f"hook-{hook}")
    for label, key in GIT.items():
        program = _program(programs / label, canary / f"git-{label}")
        _git(root, "config", key, f"!{program}" if key.startswith(("alias.", "credential.")) else program)
    _git(root, "config", "core.fsmonitorHookVersion", "1")
    _git(root, "config", "core.hooksPath", "own-hooks", check=False)
    included = _program(programs / "included", canary / "git-included")
    _write(root / "more.gitconfig", f'[filter "evil"]\n\tclean = {included}\n\trequired = true\n')
    _git(root, "config", f"includeIf.gitdir:{root}/.path", "../more.gitconfig", check=False)


def _files(root: Path) -> None:
    outside = root.parent / "outside"
    _write(outside / "secret.py", f"{OUTSIDE} = 1\n\n\ndef total_of_{OUTSIDE}():\n    return 1\n")
    (root / "linked.py").symlink_to(outside / "secret.py")
    (root / "linked").symlink_to(outside)
    (root / "zero.py").symlink_to("/dev/zero")
    os.mkfifo(root / "pipe.py")
    with socket.socket(socket.AF_UNIX) as one:
        here = os.getcwd()
        os.chdir(root)  # a socket's path may not be long
        try:
            one.bind("socket.py")
        finally:
            os.chdir(here)
    _write(root / "bare" / "HEAD", "ref: refs/heads/main\n")
    _write(root / "bare" / "config", "[core]\n\tbare = false\n\tworktree = ..\n\tfsmonitor = ../bin/git\n")
    for folder in ("objects", "refs"):
        (root / "bare" / folder).mkdir()
    _write(root / "worktree" / ".git", f"gitdir: {outside}\n")


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def _program(file: Path, canary: Path) -> str:
    _write(file, f"#!/bin/sh\n: > '{canary}'\n")
    file.chmod(0o755)
    return str(file)


def _git(root: Path, *arguments: str, check: bool = True) -> None:
    who = (
        "-c",
        "user.name=a",
        "-c",
        "user.email=a@b",
        "-c",
        "core.hooksPath=/dev/null",
        "-c",
        "core.fsmonitor=false",
    )
    subprocess.run(["git", *who, *arguments], cwd=root, check=check, capture_output=True)


Build = Callable[[Path, Path], None]
