"""`make dist`: every file of a release, made so that the same sources give the same bytes.

`python -m tests.editors.dist OUT` writes the wheel, the sdist, the plugins of four editors, a bill of
materials and SHA256SUMS. Archives are repacked with sorted names, one date and no user, because the tools
that make them write when and by whom.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from filelock import FileLock

from qwen_lsp import __version__
from tests.editors import programs
from tests.editors.vscode import host as vscode_host
from tests.support.places import REPOSITORY

EDITORS = REPOSITORY / "editors"
# 2020-02-02, as hatchling has it: zip archives know no time before 1980.
EPOCH = 1580601600
_DATE = (2020, 2, 2, 0, 0, 0)
_DEADLINE_S = 600


def build(out: Path) -> list[Path]:
    """Make every file of a release; return them, SHA256SUMS last.

    Raises: vscode_host.Missing, when something that is needed cannot be had.
    """
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    wheel, _ = python_packages(out)
    vscode(out)
    neovim(out, wheel)
    jetbrains(out, wheel)
    emacs(out, wheel)
    bill_of_materials(out, wheel)
    return [*sorted(out.iterdir()), checksums(out)]


def python_packages(out: Path) -> tuple[Path, Path]:
    """Make the wheel and the sdist."""
    env = {**os.environ, "SOURCE_DATE_EPOCH": str(EPOCH)}
    _run([sys.executable, "-m", "build", "--outdir", str(out), str(REPOSITORY)], env)
    (wheel,), (sdist,) = out.glob("*.whl"), out.glob("*.tar.gz")
    repack_zip(wheel)
    repack_tar(sdist)
    return wheel, sdist


def vscode(out: Path) -> Path:
    """Make the extension, with the wheel in it."""
    extension = vscode_host.package(out / "qwen-lsp.vsix", vscode_host.install_node())
    repack_zip(extension)
    return extension


def neovim(out: Path, wheel: Path) -> Path:
    """Make the Neovim plugin: one folder for `runtimepath`, with the wheel in it."""
    root = EDITORS / "neovim"
    files = {f"qwen-lsp.nvim/{name}": (root / name).read_bytes() for name in tracked(root)}
    files[f"qwen-lsp.nvim/server/{wheel.name}"] = wheel.read_bytes()
    files["qwen-lsp.nvim/LICENSE"] = (REPOSITORY / "LICENSE").read_bytes()
    return write_zip(out / "qwen-lsp.nvim.zip", files)


def emacs(out: Path, wheel: Path) -> Path:
    """Make the Emacs package, as `package-install-file` takes it, with the wheel in it."""
    root, name = EDITORS / "emacs", f"qwen-lsp-{__version__}"
    requirements = '\'((emacs "28.1") (eglot "1.9"))'
    about = f'(define-package "qwen-lsp" "{__version__}" "Ghost text from a local model" {requirements})\n'
    files = {
        f"{name}/qwen-lsp-pkg.el": about.encode(),
        f"{name}/qwen-lsp.el": (root / "qwen-lsp.el").read_bytes(),
        f"{name}/server/{wheel.name}": wheel.read_bytes(),
    }
    file = out / "qwen-lsp-emacs.tar"
    with tarfile.open(file, "w", format=tarfile.USTAR_FORMAT) as archive:
        for path, data in files.items():
            entry = tarfile.TarInfo(path)
            entry.size, entry.mtime, entry.mode = len(data), EPOCH, 0o644
            archive.addfile(entry, io.BytesIO(data))
    return file


def jetbrains(out: Path, wheel: Path) -> Path:
    """Make the plugin's zip from classes compiled against real core classes and reviewed stubs."""
    with tempfile.TemporaryDirectory() as folder:
        classes = compile_jetbrains(Path(folder))
        ours = {
            str(file.relative_to(classes)): file.read_bytes()
            for file in sorted((classes / "dev" / "qwenlsp" / "jetbrains").rglob("*.class"))
            if not file.name.startswith("HostTest")
        }
    resources = EDITORS / "jetbrains" / "src" / "main" / "resources"
    ours |= {name: (resources / name).read_bytes() for name in tracked(resources)}
    ours |= {f"server/{wheel.name}": wheel.read_bytes(), "server/wheel.txt": wheel.name.encode()}
    manifest = b"Manifest-Version: 1.0\r\n\r\n"
    jar = zipped({"META-INF/MANIFEST.MF": manifest, **ours})
    return write_zip(out / "qwen-lsp-jetbrains.zip", {f"qwen-lsp/lib/qwen-lsp-{__version__}.jar": jar})


def compile_jetbrains(out: Path, more: Sequence[Path] = ()) -> Path:
    """Compile the JetBrains plugin; return the folder of its classes, which holds those of the stubs too."""
    here = REPOSITORY / "tests" / "editors" / "jetbrains"
    programs.FOLDER.mkdir(parents=True, exist_ok=True)
    stubs = re.findall(r"^=== (\S+)\n(.*?)(?=^=== |\Z)", (here / "stubs.txt").read_text("utf-8"), re.S | re.M)
    for name, body in stubs:
        file = out / "stubs" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(body, "utf-8")
    with FileLock(programs.FOLDER / "javac.lock"):
        javac = programs.debian("javac", "openjdk-17-jdk-headless")
    sources = sorted((EDITORS / "jetbrains" / "src" / "main" / "java").rglob("*.java"))
    files = [*sources, *sorted((out / "stubs").rglob("*.java")), *more]
    path = os.pathsep.join(map(str, programs.intellij()))
    options = ["--release", "17", "-proc:none", "-nowarn", "-g:none", "-d", str(out / "classes"), "-cp", path]
    _run([javac, *options, *map(str, files)])
    return out / "classes"


def bill_of_materials(out: Path, wheel: Path) -> Path:
    """List what an installation of the wheel consists of, as CycloneDX."""
    file = out / "qwen-lsp.cdx.json"
    with tempfile.TemporaryDirectory() as folder:
        environment = Path(folder) / "venv"
        _run([sys.executable, "-m", "venv", str(environment)])
        python = str(environment / ("Scripts" if os.name == "nt" else "bin") / "python")
        _run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", str(wheel)])
        _run([python, "-m", "pip", "uninstall", "--quiet", "--yes", "setuptools", "pip"])
        tool = [sys.executable, "-m", "cyclonedx_py", "environment", "--output-reproducible"]
        _run([*tool, "--pyproject", str(REPOSITORY / "pyproject.toml"), "--output-file", str(file), python])
        # The wheel was installed from a folder that no longer is, which would be its address.
        text = file.read_text("utf-8").replace(wheel.parent.resolve().as_uri() + "/", "")
    file.write_text(text, "utf-8")
    return file


def checksums(out: Path) -> Path:
    """Write SHA256SUMS, which `sha256sum --check` reads."""
    files = sorted(file for file in out.iterdir() if file.name != "SHA256SUMS")
    lines = [f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in files]
    sums = out / "SHA256SUMS"
    sums.write_text("".join(lines), "utf-8", newline="\n")
    return sums


def repack_zip(file: Path) -> None:
    """Repack a zip archive in the order of its names."""
    with zipfile.ZipFile(file) as archive:
        names = sorted(name for name in archive.namelist() if not name.endswith("/"))
        files = {name: archive.read(name) for name in names}
    write_zip(file, files)


def repack_tar(file: Path) -> None:
    """Repack a .tar.gz without users, times and names of machines."""
    plain = io.BytesIO()
    with (
        tarfile.open(file) as archive,
        tarfile.open(fileobj=plain, mode="w", format=tarfile.PAX_FORMAT) as out,
    ):
        for member in sorted(archive.getmembers(), key=lambda one: one.name):
            member.uid = member.gid = 0
            member.uname = member.gname = ""
            member.mtime = EPOCH
            member.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
            member.pax_headers = {}
            out.addfile(member, archive.extractfile(member) if member.isfile() else None)
    with file.open("wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=EPOCH) as packed:
        packed.write(plain.getvalue())


def zipped(files: Mapping[str, bytes]) -> bytes:
    """Return a zip archive."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, _DATE)
            entry.external_attr = 0o100644 << 16
            entry.create_system = 3
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, files[name], compresslevel=9)
    return data.getvalue()


def write_zip(file: Path, files: Mapping[str, bytes]) -> Path:
    """Write a zip archive."""
    file.write_bytes(zipped(files))
    return file


def tracked(folder: Path) -> list[str]:
    """List the files of a folder that belong to the sources, with `/`, sorted."""
    skipped = {"__pycache__", "server"}
    files = (file.relative_to(folder) for file in folder.rglob("*") if file.is_file())
    return sorted(file.as_posix() for file in files if not skipped & set(file.parts))


def _run(command: Sequence[str], env: Mapping[str, str] | None = None) -> None:
    ran = subprocess.run(
        command,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        timeout=_DEADLINE_S,
        check=False,
    )
    if ran.returncode:
        raise vscode_host.Missing(f"`{' '.join(command[:4])} ...` failed:\n{ran.stdout[-2000:]}")


if __name__ == "__main__":
    try:
        for made in build(Path(sys.argv[1]).resolve()):
            print(made)
    except vscode_host.Missing as missing:
        sys.exit(str(missing))
