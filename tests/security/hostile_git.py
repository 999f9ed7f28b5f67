"""Broken and hostile git repositories, from a seed: what git wrote is damaged, forged or replaced at random.

`template` makes a healthy repository with git once; `spoiled` copies it and applies some of the `DAMAGES`.
Whatever a plant runs leaves a file in the canary's folder; `OUTSIDE` stands in a file that only links reach.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import subprocess
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

from tests.security.plants import CODE, GIT, HOOKS

_IDENTITY = ("-c", "user.name=Test", "-c", "user.email=test@example.org", "-c", "protocol.file.allow=always")
NAMES: list[bytes] = [
    *(
        b"-rf.py",
        b"--output=x.py",
        b":(glob)**.py",
        b"a b\tc.py",
        b"new\nline.py",
        b'quo"te.py',
        b"back\\slash.py",
    ),
    *(
        b"esc\x1b[2Jape.py",
        "\u202eyp.evil.py".encode(),
        b"bad-\xff\xfe-utf8.py",
        "名 字.py".encode(),
        b"~.py",
    ),
    *(
        b"x" * 250 + b".py",
        b"$(touch canary).py",
        b"`id`.py",
        b"con.py",
        b" .py",
        b"a.py ",
        b"*.py",
        b"[a.py",
    ),
]
BYTES: list[bytes] = [
    *(b"", b"\n", b"\0" * 100, b"\xff\xfe" * 50, b"ref: ", b"ref: refs/heads/" + b"x" * 5_000 + b"\n"),
    *(
        b"ref: refs/heads/loop\n",
        b"ref: ../../../etc/passwd\n",
        b"0" * 40 + b"\n",
        b"f" * 40 + b"\n",
        b"HEAD\n",
    ),
    *(
        b"ref: HEAD\n",
        b"x" * 300_000,
        b"a\nb\r\nc\x1b[31m",
        b"ref: refs/heads/-x\n",
        b"ref: refs/heads/main\0\n",
    ),
]


@dataclass(frozen=True)
class Place:
    """Where damage is done, and what plants refer to."""

    chance: Random
    root: Path
    canary: Path
    outside: Path

    @property
    def git(self) -> Path:
        return self.root / ".git"

    def program(self, name: str) -> str:
        """Make a program that leaves a file of its name."""
        folder = self.root / "programs"
        folder.mkdir(exist_ok=True)
        file = folder / name
        file.write_text(f"#!/bin/sh\ntouch '{self.canary}/{name}'\ncat\n")
        file.chmod(0o755)
        return str(file)

    def some(self, folder: Path, pattern: str = "*") -> Path | None:
        """Choose one of the files below a folder."""
        found = [path for path in sorted(folder.rglob(pattern)) if path.is_file() and not path.is_symlink()]
        return self.chance.choice(found) if found else None

    def put(self, path: Path, data: bytes) -> None:
        """Replace whatever is there by a file, or by what is no file at all."""
        _clear(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        kind = self.chance.random()
        if kind < 0.8:
            path.write_bytes(data)
        elif kind < 0.84:
            os.mkfifo(path)
        elif kind < 0.88:
            path.mkdir()
        elif kind < 0.92:
            path.symlink_to("/dev/zero")
        elif kind < 0.96:
            path.symlink_to(self.outside)
        else:
            path.symlink_to(path.name)

    def object(self, kind: str, body: bytes) -> str:
        """Write an object as it is, whatever is in it; return its name."""
        data = f"{kind} {len(body)}\0".encode() + body
        name = hashlib.sha1(data).hexdigest()
        file = self.git / "objects" / name[:2] / name[2:]
        file.parent.mkdir(parents=True, exist_ok=True)
        if not file.exists():
            file.write_bytes(zlib.compress(data, 1))
        return name


def template(root: Path) -> None:
    """Make a healthy repository: commits, a branch, a tag, packed and loose objects, a submodule's entry."""
    root.mkdir(parents=True)
    _git(root, "init", "-q", "-b", "main")
    for number in range(3):
        (root / "a.py").write_text(CODE + f"x{number} = {number}\n" * (number + 1))
        (root / f"m{number}.ts").write_text("export const a = 1\n" * (number + 1))
        (root / "deep" / "er").mkdir(parents=True, exist_ok=True)
        (root / "deep" / "er" / "b.go").write_text(f"package b\n\nvar X = {number}\n")
        _git(root, "add", "-A")
        _git(root, "commit", "-qm", f"commit {number}")
        if number == 1:
            _git(root, "gc", "-q")
            _git(root, "branch", "other")
            _git(root, "tag", "-m", "one", "v1")
    head = _git(root, "rev-parse", "HEAD").strip()
    _git(root, "update-index", "--add", "--cacheinfo", f"160000,{head},lib")
    (root / "a.py").write_text(CODE + "\n\nvalue = eval(input())\n")


def damages(seed: int) -> list[str]:
    """Choose what is done to the repository of a seed."""
    chance = Random(f"damages {seed}")
    done = chance.sample(sorted(DAMAGES), chance.choice((1, 1, 2, 3, 5)))
    # The first asks git itself, which would run what others plant.
    return sorted(done, key=lambda name: name != "names")


def spoiled(seed: int, made: Path, root: Path, canary: Path, outside: Path) -> list[str]:
    """Make a repository from the template and damage it; return what was done, for people."""
    shutil.copytree(made, root, symlinks=True)
    place = Place(Random(seed), root, canary, outside)
    done = damages(seed)
    for name in done:
        # One damage may have taken away what another needs.
        with contextlib.suppress(OSError):
            DAMAGES[name](place)
    return done


def _head(place: Place) -> None:
    (place.git / "refs" / "heads" / "loop").write_bytes(b"ref: refs/heads/loop2\n")
    (place.git / "refs" / "heads" / "loop2").write_bytes(b"ref: refs/heads/loop\n")
    blob = place.object("blob", b"no commit")
    place.put(place.git / "HEAD", place.chance.choice([*BYTES, blob.encode() + b"\n"]))


def _refs(place: Place) -> None:
    for _ in range(place.chance.randint(1, 5)):
        name = place.chance.choice(
            ["main", "other", "-option", "a/b/c/" * 20 + "d", "名", "x.lock", "..", "@{0}", "$(id)"]
        )
        folder = place.chance.choice(["heads", "tags", "remotes/origin", "replace"])
        place.put(place.git / "refs" / folder / name.replace("..", "dots."), place.chance.choice(BYTES))
    place.put(place.git / "refs" / "remotes" / "origin" / "HEAD", place.chance.choice(BYTES))


def _packed_refs(place: Place) -> None:
    file = place.git / "packed-refs"
    lines = [b"%040x refs/heads/b%d\n" % (number, number) for number in range(2_000)]
    old = _content(file)
    place.put(file, place.chance.choice([old[: len(old) // 2], old * 50, b"".join(lines), *BYTES]))


def _config(place: Place) -> None:
    if not (place.git / "config").is_file():
        return
    with (place.git / "config").open("a") as file:
        for label, key in place.chance.sample(sorted(GIT.items()), place.chance.randint(1, len(GIT))):
            section, _, name = key.rpartition(".")
            head, _, sub = section.partition(".")
            file.write(f'[{head} "{sub}"]\n' if sub else f"[{head}]\n")
            file.write(f"\t{name} = {place.program(label)}\n")
    _clear(place.root / ".gitattributes")
    (place.root / ".gitattributes").write_text(
        "* filter=evil diff=evil merge=evil\n*.ts filter=evil2 diff=evil2\n"
    )


_SETTINGS = [
    *(
        "core.bare = true",
        "core.repositoryformatversion = 99",
        "core.repositoryformatversion = x",
        "core.worktree = /",
    ),
    *(
        "core.worktree = ../..",
        "core.worktree = nowhere",
        "core.bigFileThreshold = 1",
        "core.compression = 99",
    ),
    *("core.attributesFile = /dev/zero", "core.excludesFile = /dev/zero", "core.excludesFile = PIPE"),
    *(
        "extensions.objectFormat = sha256",
        "extensions.partialClone = origin",
        "extensions.worktreeConfig = true",
    ),
    *("include.path = config", "include.path = /dev/zero", "include.path = PIPE", "core.hooksPath = hooks"),
    *(
        "core.splitIndex = true",
        "core.sparseCheckout = true",
        "core.ignoreCase = true",
        "core.autocrlf = input",
    ),
    *("core.precomposeUnicode = true", "core.abbrev = 999999", "core.quotePath = false", "core.symlinks = x"),
    *(
        "diff.renameLimit = -5",
        "diff.context = 1000000",
        "diff.orderFile = PIPE",
        "diff.wsErrorHighlight = x",
    ),
    *(
        "i18n.logOutputEncoding = utf-16",
        "submodule.lib.url = ext::sh -c x",
        "core.gitProxy = x",
        "pack.threads = -9",
    ),
    *("status.submoduleSummary = true", "core.commentChar = ab", "core.eol = x", "index.version = 77"),
]


def _odd_settings(place: Place) -> None:
    pipe = place.root / "pipe"
    if not pipe.exists():
        os.mkfifo(pipe)
    if not (place.git / "config").is_file():
        return
    with (place.git / "config").open("a") as file:
        for one in place.chance.sample(_SETTINGS, place.chance.randint(1, 4)):
            key, _, value = one.partition(" = ")
            section, _, name = key.rpartition(".")
            head, _, sub = section.partition(".")
            file.write(f'[{head} "{sub}"]\n' if sub else f"[{head}]\n")
            file.write(f"\t{name} = {value.replace('PIPE', str(pipe))}\n")


def _broken_config(place: Place) -> None:
    file = place.git / "config"
    old = _content(file)
    new = [
        old + b"[",
        old + b'[a "\n',
        old + b"\xff\xfe=\0",
        old[:20],
        old + b"[x]\n\ty = " + b"z" * 100_000 + b"\n",
    ]
    place.put(file, place.chance.choice([*new, old + b"[core]\n\tx\\\n" * 3_000, *BYTES]))


def _index(place: Place) -> None:
    file = place.git / "index"
    data = bytearray(_content(file))
    for _ in range(place.chance.choice((1, 3, 20))):
        data[place.chance.randrange(len(data))] = place.chance.randrange(256)
    cut = bytes(data[: place.chance.randrange(len(data))])
    link = b"DIRC\0\0\0\2\0\0\0\0link\0\0\0\x14" + b"\1" * 20 + b"\0" * 20
    place.put(
        file, place.chance.choice([bytes(data), bytes(data), cut, link, b"DIRC\xff\xff\xff\xff" * 9, b""])
    )


def _alternates(place: Place) -> None:
    objects = place.git / "objects"
    text = [
        f"{objects}\n",
        "/dev/zero\n",
        f"{place.outside}\n",
        "../objects\n" * 500,
        "\0\xff\n",
        "\n" * 5_000,
    ]
    place.put(objects / "info" / "alternates", place.chance.choice(text).encode("latin-1"))
    place.put(objects / "info" / "http-alternates", b"http://127.0.0.1:9/x\n")


def _git_elsewhere(place: Place) -> None:
    other = place.root / "elsewhere"
    shutil.move(place.git, other)
    kind = place.chance.randrange(8)
    if kind == 0:
        place.git.symlink_to(other)
    elif kind == 1:
        place.git.symlink_to(".git")
    elif kind == 2:
        place.git.symlink_to("/dev/zero")
    elif kind == 3:
        os.mkfifo(place.git)
    else:
        said = [
            "elsewhere",
            ".git",
            "/dev/zero",
            "x" * 100_000,
            "../" * 500,
            "",
            "\0",
            str(place.outside),
            "elsewhere\n\nx",
        ]
        place.git.write_text(f"gitdir: {place.chance.choice(said)}\n")


def _common_folder(place: Place) -> None:
    name = place.chance.choice(
        ["commondir", "gitdir", "config.worktree", "shallow", "info/grafts", "info/sparse-checkout"]
    )
    place.put(place.git / name, place.chance.choice([b"..\n", b".\n", b"/dev\n", *BYTES]))


def _states(place: Place) -> None:
    for name in (
        "MERGE_HEAD",
        "ORIG_HEAD",
        "FETCH_HEAD",
        "index.lock",
        "HEAD.lock",
        "config.lock",
        "logs/HEAD",
    ):
        if place.chance.random() < 0.5:
            place.put(place.git / name, place.chance.choice(BYTES))


def _submodules(place: Place) -> None:
    paths = ["lib", "../outside", ".git", "/etc", "deep", "a.py", "-x", "\\\\\n", "x" * 4_000, ".", "link"]
    lines = [
        f'[submodule "{number}"]\n\tpath = {place.chance.choice(paths)}\n'
        f"\turl = ext::{place.program('sub-url')}\n\tupdate = !{place.program('sub-update')}\n"
        for number in range(place.chance.choice((1, 3, 300)))
    ]
    place.put(place.root / ".gitmodules", "".join(lines).encode())
    (place.root / "link").symlink_to(place.outside.parent)
    inner = place.root / "lib"
    inner.mkdir(exist_ok=True)
    said = ["../.git", "../lib", "../.git/modules/lib", str(place.outside.parent), "../" * 90]
    place.put(inner / ".git", f"gitdir: {place.chance.choice(said)}\n".encode())


def _names(place: Place) -> None:
    for name in place.chance.sample(NAMES, place.chance.randint(1, len(NAMES))):
        with contextlib.suppress(OSError):  # not every file system has every name
            path = os.path.join(os.fsencode(place.root), name)
            with open(path, "wb") as file:
                file.write(CODE.encode() + b"value = eval(input())\n")
    if place.chance.random() < 0.5:
        with contextlib.suppress(subprocess.CalledProcessError):
            _git(place.root, "add", "-A", "--", ".")
    deep = place.root
    for _ in range(place.chance.choice((1, 60, 120))):
        deep = deep / "d"
    with contextlib.suppress(OSError):
        deep.mkdir(parents=True)
        (deep / "x.py").write_text(CODE)


def _contents(place: Place) -> None:
    texts = [
        *(
            b"x = '" + b"a" * 1_500_000 + b"'\n",
            b"(" * 100_000,
            b"\0" * 5_000,
            CODE.encode("utf-16"),
            b"a\rb\rc" * 900,
        ),
        *(
            b"\xef\xbb\xbf" + CODE.encode(),
            b"\xff" * 9_000,
            b"\n" * 200_000,
            b"if x:\n" * 3_000,
            b"\x0c\x1c\x85 = 1\n" * 99,
        ),
        *(
            b"<<<<<<< a\n=======\n>>>>>>> b\n" * 500,
            "值 = '😀'\u2028\n".encode() * 2_000,
            b"diff --git a/x b/x\n@@ -1 +1 @@\n" * 500,
        ),
    ]
    for name in ("a.py", "m0.ts", "deep/er/b.go", "new.py"):
        if place.chance.random() < 0.6:
            place.put(place.root / name, place.chance.choice(texts))


def _kinds(place: Place) -> None:
    for name in ("a.py", "m1.ts", "deep"):
        if place.chance.random() < 0.5:
            _clear(place.root / name)
            place.put(place.root / name, b"x = 1\n")
    with (place.root / "large.py").open("wb") as file:
        file.truncate(place.chance.choice((3_000_000, 2_000_000_000)))


def _ignoring(place: Place) -> None:
    lines = [
        b"*a*a*a*a*a*a*b",
        b"[[[",
        b"!**",
        b"/",
        b"\\",
        b"\xff",
        b"x" * 50_000,
        b"*",
        b"**/" * 300,
        b"* filter=evil",
        b"a.py -diff",
    ]
    for name in (
        ".gitignore",
        ".gitattributes",
        ".git/info/exclude",
        ".git/info/attributes",
        ".qwenignore",
        ".mailmap",
    ):
        if place.chance.random() < 0.5:
            chosen = place.chance.choices(lines, k=place.chance.choice((1, 5, 400)))
            place.put(place.root / name, b"\n".join(chosen))


def _own_settings(place: Place) -> None:
    texts = [
        b"[review",
        b"[review]\nexclude = 5\n",
        b'[review]\nexclude = ["' + b"*a" * 500 + b'"]\n',
        b"\xff",
        b"a." * 3_000 + b"b = 1",
    ]
    for name in (".qwen-lsp.toml", ".qwen-lsp/dismissed.toml", "ruff.toml", "package.json", "pyproject.toml"):
        if place.chance.random() < 0.5:
            place.put(place.root / name, place.chance.choice([*texts, b"{" * 5_000, b"x = " + b"[" * 5_000]))


def _objects(place: Place) -> None:
    for _ in range(place.chance.choice((1, 2, 6))):
        file = place.some(place.git / "objects")
        if file is None:
            return
        data = bytearray(file.read_bytes() or b"x")
        file.chmod(0o644)
        kind = place.chance.randrange(5)
        if kind == 0:
            file.unlink()
        elif kind == 1:
            file.write_bytes(bytes(data[: len(data) // 2]))
        elif kind == 2:
            data[place.chance.randrange(len(data))] ^= 0xFF
            file.write_bytes(bytes(data))
        elif kind == 3:
            file.write_bytes(zlib.compress(b"blob 99999999999\0" + b"x" * 100))
        else:
            place.put(file, b"")


def _forged(place: Place) -> None:
    """Make commits and trees by hand, as no git writes them, and let a branch point at one."""
    blob = bytes.fromhex(place.object("blob", CODE.encode() + b"value = eval(input())\n"))
    names = [b".git", b"..", b"a/b.py", b"", b"a.py\0", b".GIT", b"\xe2\x80\x8c.git", b"x" * 9_000, *NAMES]
    modes = [b"100644", b"120000", b"160000", b"40000", b"777777777", b"0", b"100755", b"x"]
    entries = [
        place.chance.choice(modes) + b" " + place.chance.choice(names) + b"\0" + blob
        for _ in range(place.chance.choice((1, 5, 50)))
    ]
    tree = place.object("tree", b"".join(entries))
    for _ in range(place.chance.choice((0, 5, 400))):
        tree = place.object("tree", b"40000 d\0" + bytes.fromhex(tree))
    parents = [
        (place.git / "refs/heads/main").read_text().strip()
        if (place.git / "refs/heads/main").is_file()
        else "0" * 40
    ]
    parent = place.chance.choice([*parents, *parents, "0" * 40, blob.hex(), "x"])
    said = place.chance.choice(["one", "\x1b[2J", "@everyone <!-- -->", "x" * 100_000, "\0", ""])
    who = place.chance.choice(
        ["A <a@b> 1 +0000", "A <a@b> 99999999999999 +9999", "", "\xff <> -1", "A\x1b[31m <a> 0 x"]
    )
    commit = f"tree {tree}\nparent {parent}\nauthor {who}\ncommitter {who}\n\n{said}\n"
    name = place.object("commit", commit.encode("latin-1"))
    (place.git / "refs" / "heads").mkdir(parents=True, exist_ok=True)
    place.put(place.git / "refs" / "heads" / "main", f"{name}\n".encode())


def _hooks(place: Place) -> None:
    for name in HOOKS:
        shutil.copy(place.program(f"hook-{name}"), place.git / "hooks" / name)


DAMAGES: dict[str, Callable[[Place], None]] = {
    "HEAD": _head,
    "refs": _refs,
    "packed-refs": _packed_refs,
    "programs in config": _config,
    "odd settings": _odd_settings,
    "broken config": _broken_config,
    "index": _index,
    "alternates": _alternates,
    ".git elsewhere": _git_elsewhere,
    "common folder": _common_folder,
    "states": _states,
    "submodules": _submodules,
    "names": _names,
    "contents": _contents,
    "kinds of files": _kinds,
    "ignore files": _ignoring,
    "own settings": _own_settings,
    "objects": _objects,
    "forged objects": _forged,
    "hooks": _hooks,
}


def _content(path: Path) -> bytes:
    """Return what is in a file, where it is one still."""
    return path.read_bytes() if path.is_file() else b"nothing"


def _clear(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _git(root: Path, *arguments: str) -> str:
    ran = subprocess.run(
        ["git", *_IDENTITY, *arguments], cwd=root, check=True, capture_output=True, text=True
    )
    return ran.stdout
