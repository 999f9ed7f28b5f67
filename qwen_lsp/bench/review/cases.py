"""The changes that `bench review` reviews: known bugs, each with the clean change that is its way back.

Seeded bugs in real packages, bugs of meaning written into them, QuixBugs (a correct program made buggy, and
back; and each correct program as a whole, for false alarms by the line), BugsInPy (a fix reversed, and
forward).
The data sets are folders that the user fetched; nothing of them is kept.
"""

from __future__ import annotations

import difflib
import io
import re
import tokenize
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from qwen_lsp import git
from qwen_lsp.bench.review.mutations import mutated
from qwen_lsp.bench.review.seeds import Seed, clean, seeded, sources
from qwen_lsp.errors import InputError
from qwen_lsp.review.change.change import ChangedFile, compare
from qwen_lsp.review.change.diff import FilePatch, parse

_MAX_LINES_OF_A_FIX = 10


@dataclass(frozen=True, slots=True)
class Case:
    """One change and the lines of its bug, none for a clean one.

    `id` names it within its set. `is_one_line`: the bug is one line in place of another.
    """

    set: str
    id: str
    kind: str
    file: ChangedFile
    lines: tuple[int, ...]
    is_one_line: bool = False


def of_packages(packages: Sequence[Path], n: int, seed: int) -> Iterator[Case]:
    """Seed bugs that rules describe into packages, and as many clean changes."""
    files = sources(packages)
    for number, made in enumerate((*seeded(files, n, seed), *clean(files, n, seed))):
        yield _of_seed("seeded", made, number)


def of_mutations(packages: Sequence[Path], n: int, seed: int) -> Iterator[Case]:
    """Write bugs of meaning into packages, and repair each."""
    for number, pair in enumerate(mutated(sources(packages), n, seed)):
        for made in pair:
            yield _of_seed("mutations", made, number)


def _of_seed(name: str, seed: Seed, number: int) -> Case:
    return Case(
        name, f"{number} {seed.kind} {seed.path}", seed.kind, seed.file, seed.lines, len(seed.lines) == 1
    )


def of_quixbugs(folder: Path) -> Iterator[Case]:
    """Make each program buggy (a bug to find), and repair it (a clean change)."""
    for name, good, bad in _programs(folder):
        lines = tuple(sorted(changed_lines(good, bad)))
        if not lines:
            continue
        path = f"programs/{name}.py"
        is_one_line = _is_one_line(good, bad)
        yield Case("quixbugs", f"bug {name}", "bug", _file(path, good, bad), lines, is_one_line)
        yield Case("quixbugs", f"clean {name}", "clean", _file(path, bad, good), ())


def of_correct_programs(folder: Path) -> Iterator[Case]:
    """Review each correct program of QuixBugs as a new file: each finding is a false alarm."""
    for name, good, _ in _programs(folder):
        yield Case("correct programs", name, "clean", _file(f"programs/{name}.py", None, good), ())


def _programs(folder: Path) -> Iterator[tuple[str, str, str]]:
    good_folder, bad_folder = folder / "correct_python_programs", folder / "python_programs"
    if not good_folder.is_dir() or not bad_folder.is_dir():
        raise InputError(f"{folder} is not a copy of QuixBugs: it has no correct_python_programs")
    for bad in sorted(bad_folder.glob("*.py")):
        good = good_folder / bad.name
        if good.is_file() and not bad.stem.endswith("_test"):
            yield bad.stem, _without_prose(good.read_text("utf-8")), _without_prose(bad.read_text("utf-8"))


def _without_prose(text: str) -> str:
    """Cut comments and the explanation below a program of QuixBugs, which would give the bug away."""
    text = text.split('\n"""', 1)[0].rstrip() + "\n"
    lines = text.split("\n")
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column]
    lines = [line.rstrip() for line in lines]
    # The two versions differ in blank lines, too.
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip("\n") + "\n"


def _file(path: str, before: str | None, after: str) -> ChangedFile:
    return ChangedFile(compare(path, before, after), before, after)


def changed_lines(before: str, after: str) -> set[int]:
    """Return the lines of the new text that differ, or are next to what is missing."""
    new = after.splitlines()
    lines: set[int] = set()
    for _, start, end in _blocks(before, after):
        if any(line.strip() for line in new[start:end]) or start == end:
            lines |= set(range(start + 1, max(end, start + 1) + 1))
    return lines


def _blocks(before: str, after: str) -> list[tuple[int, int, int]]:
    """List what differs: how many lines were taken away, and the lines that stand there now, from 0."""
    old = before.splitlines()
    matcher = difflib.SequenceMatcher(a=old, b=after.splitlines(), autojunk=False)
    return [
        (sum(bool(line.strip()) for line in old[a:b]), start, end)
        for tag, a, b, start, end in matcher.get_opcodes()
        if tag != "equal" and (end > start or any(line.strip() for line in old[a:b]))
    ]


def _is_one_line(before: str, after: str) -> bool:
    new = after.splitlines()
    filled = [
        (gone, sum(bool(line.strip()) for line in new[start:end]))
        for gone, start, end in _blocks(before, after)
    ]
    return [block for block in filled if block != (0, 0)] == [(1, 1)]


def of_bugsinpy(folder: Path, repositories: Path | None, *, one_line: bool = False) -> Iterator[Case]:
    """Reverse each one-hunk fix of one file (a bug to find), and apply it (a clean change).

    `repositories` holds clones of the projects under their names; without one, only the hunk is there to see.
    `one_line` keeps the bugs of one line, and their way back.
    """
    patches = sorted(folder.glob("projects/*/bugs/*/bug_patch.txt"))
    if not patches:
        raise InputError(f"{folder} is not a copy of BugsInPy: it has no projects/*/bugs/*/bug_patch.txt")
    for file in patches:
        found = parse(file.read_bytes()).files
        if len(found) != 1 or len(found[0].hunks) != 1 or not found[0].path.endswith(".py"):
            continue
        if not found[0].hunks[0].added or len(found[0].hunks[0].added) > _MAX_LINES_OF_A_FIX:
            continue
        project, name = file.parents[2].name, file.parent.name
        texts = _texts(file.parent, found[0], repositories / project if repositories else None)
        if texts is None:
            continue
        buggy, fixed = texts
        path = found[0].path
        bug, is_one_line = tuple(sorted(changed_lines(fixed, buggy))), _is_one_line(fixed, buggy)
        if one_line and not is_one_line:
            continue
        yield Case("bugsinpy", f"bug {project} {name}", "bug", _file(path, fixed, buggy), bug, is_one_line)
        yield Case("bugsinpy", f"clean {project} {name}", "clean", _file(path, buggy, fixed), ())


def _texts(bug: Path, patch: FilePatch, repository: Path | None) -> tuple[str, str] | None:
    """Return the file with the bug and without it; None where the clone does not have it."""
    hunk = patch.hunks[0]
    buggy = "".join(f"{line.text}\n" for line in hunk.lines if line.old is not None)
    fixed = "".join(f"{line.text}\n" for line in hunk.lines if line.new is not None)
    if repository is None:
        return buggy, fixed
    commit = re.search(r'fixed_commit_id="(\w+)"', (bug / "bug.info").read_text("utf-8"))
    if commit is None or not repository.exists():
        return None
    shown = git.run(repository, "show", f"{commit[1]}:{patch.path}")
    whole = shown.stdout.decode("utf-8", "replace").replace("\r\n", "\n")
    if shown.code or whole.count(fixed) != 1:
        return None
    return whole.replace(fixed, buggy), whole
