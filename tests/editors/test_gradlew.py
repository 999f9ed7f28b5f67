"""`editors/jetbrains/gradlew` gets the named Gradle once, checks it and runs it; a failure leaves nothing."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from tests.support.places import REPOSITORY

SCRIPT = REPOSITORY / "editors" / "jetbrains" / "gradlew"
PROGRAM = "#!/bin/sh\necho gradle in $(basename $(pwd)): $*\n"

pytestmark = pytest.mark.skipif(
    not all(map(shutil.which, ("sh", "curl", "unzip"))), reason="sh, curl and unzip are needed"
)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project whose Gradle is a small program in an archive on this machine."""
    archive = tmp_path / "gradle-9.9-bin.zip"
    with zipfile.ZipFile(archive, "w") as file:
        entry = zipfile.ZipInfo("gradle-9.9/bin/gradle")
        entry.external_attr = 0o100755 << 16
        entry.create_system = 3
        file.writestr(entry, PROGRAM)
    folder = tmp_path / "project"
    (folder / "gradle" / "wrapper").mkdir(parents=True)
    shutil.copy(SCRIPT, folder)
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    properties(folder, digest, archive.as_uri().replace(":", "\\:"))
    return folder


def properties(project: Path, digest: str, url: str) -> None:
    file = project / "gradle" / "wrapper" / "gradle-wrapper.properties"
    file.write_text(f"distributionSha256Sum={digest}\ndistributionUrl={url}\n", "utf-8")


def run(project: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [project / "gradlew", "buildPlugin", "a word"],
        cwd=project.parent,
        env={"PATH": "/usr/bin:/bin", "HOME": str(project.parent / "home")},
        capture_output=True,
        text=True,
        check=False,
    )


def kept(project: Path) -> list[str]:
    return [file.name for file in (project.parent / "home" / ".gradle" / "wrapper" / "dists").iterdir()]


def test_it_is_downloaded_once_and_run_in_its_folder(project: Path) -> None:
    first, (archive,) = run(project), project.parent.glob("*.zip")
    archive.unlink()
    second = run(project)
    for ran in (first, second):
        assert ran.returncode == 0, ran.stderr
        assert ran.stdout == "gradle in project: buildPlugin a word\n"
    assert "downloading" in first.stderr
    assert second.stderr == ""
    assert len(kept(project)) == 1


def test_another_archive_is_not_run(project: Path) -> None:
    (archive,) = project.parent.glob("*.zip")
    properties(project, "0" * 64, archive.as_uri())
    ran = run(project)
    assert ran.returncode == 1
    assert "does not have the expected hash" in ran.stderr
    assert kept(project) == []


def test_without_a_network_it_says_what_to_do(project: Path) -> None:
    properties(project, "0" * 64, "http://127.0.0.1:9/gradle-9.9-bin.zip")
    ran = run(project)
    assert ran.returncode == 1
    assert "could not be downloaded" in ran.stderr
    assert "install Gradle" in ran.stderr
    assert kept(project) == []
