"""Rewritten code does the same, or is refused: run where that can be done, compared by its decisions elsewhere."""

from __future__ import annotations

import asyncio
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from qwen_lsp import sandbox
from qwen_lsp.actions import behaviour, trial
from qwen_lsp.actions import run as runner
from qwen_lsp.actions.task import Proposal, Refused
from tests.support.chatting import Speaker, session, task

RANGE = (
    'def parse(text, base=0):\n    first, _, last = text.partition("-")\n    if not last:\n'
    "        raise ValueError(text)\n    start, end = int(first) - base, int(last) - base\n"
    "    if end < start:\n        start, end = end, start\n    return list(range(start, end + 1))\n"
)
SAME = [
    ("python", "def f(a):\n    t = []\n    for x in a:\n        if x:\n            t.append(x)\n    return t\n",
     "def f(a):\n    return [x for x in a if x]\n"),
    ("python", RANGE, RANGE.replace("    if end < start:\n        start, end = end, start\n", "    start, end = min(start, end), max(start, end)\n")),
    ("java", "int f(Object a) {\n  if (a == null) {\n    return g(0);\n  } else {\n    return g(1);\n  }\n}\n",
     "int f(Object a) {\n  return a == null ? g(0) : g(1);\n}\n"),
]  # fmt: skip
OTHER = [
    ("python", "def f(a):\n    t = []\n    for x in a:\n        if x:\n            t.append(x)\n    return t\n",
     "def f(a):\n    return [x for x in a if x is not None]\n"),
    ("python", RANGE, RANGE.replace("end + 1", "end")),
    ("java", "int f(Object a, Object b) {\n  if (a == null && b == null) {\n    return 0;\n  }\n  if (a == null) {\n    return -1;\n  }\n  return g(a, b);\n}\n",
     "int f(Object a, Object b) {\n  if (a == null) {\n    return -1;\n  }\n  return g(a, b);\n}\n"),
    ("go", "func f(day, dow bool) {\n\tif !day && !dow {\n\t\tfail()\n\t}\n\tgo1(day, dow, day)\n}\n",
     "func f(day, dow bool) {\n\tif !(day && dow) {\n\t\tfail()\n\t}\n\tgo2(day, dow)\n}\n"),
]  # fmt: skip

FILLED = "    for one in self.rows:\n        if one.ok:\n            names.append(one.name + 1)\n"
MADE = (
    f"def f(self, key, value):\n    names = []\n{FILLED}"
    "    self.flush()\n    self.set(key, value)\n    self.total = self.total + value\n    return names\n"
)
# Nothing of these can be run: what they do to other things is compared.
DONE = [
    ("python", "def f(self):\n    n = self.n_dead\n    del self.items[-n:]\n",
     "def f(self):\n    del self.items[-self.dead :]\n", "self.dead, self.items[-n:], self.items[-self.dead:], self.n_dead"),
    ("python", "def f(self):\n    n = self.n_dead\n    del self.dead[:]\n    return n\n",
     "def f(self):\n    n = self.n_dead\n    del self.dead\n    return n\n", "self.dead, self.dead[:]"),
    ("java", "int f(int[] a) {\n  int b = 0;\n  for (int i = 0; i < a.length; i++) {\n    b += a[i];\n  }\n  return b;\n}\n",
     "int f(int[] a) {\n  int b = 0;\n  for (int c : a) {\n    b += c;\n  }\n  return b;\n}\n", ""),
    ("javascript", "function f(a) {\n  const b = []\n  for (const c of a) {\n    b.push(c.n)\n  }\n  return b\n}\n",
     "function f(a) {\n  return a.map((c) => c.n)\n}\n", ""),
    ("typescript", "const f = (a: A, b: number): void => {\n  a.c ??= [];\n  if (!a.c.includes(b)) a.c.push(b);\n};\n",
     "const f = (a: A, b: number): void => {\n  if (!a.c) a.c = [];\n  a.c.push(b);\n};\n", "includes"),
    ("javascript", "function f(a, b) {\n  for (const c of a) {\n    if (!b.includes(c)) {\n      b.push(c)\n    }\n  }\n}\n",
     "function f(a, b) {\n  for (const c of a) b.push(c)\n}\n", "includes"),
    ("go", "func f(a string) int {\n\tif i := slices.Index(order, a); i >= 0 {\n\t\treturn i\n\t}\n\treturn len(order)\n}\n",
     "func f(a string) int {\n\treturn sort.SearchInts(order, a) + 1\n}\n", "SearchInts"),
    *[
        ("python", MADE, f"def f(self, key, value):\n{after}    return [one.name + 1 for one in self.rows if one.ok]\n", differs)
        for after, differs in (
            ("    self.flush()\n    self.set(key, value)\n    self.total += value\n", ""),
            ("    self.set(key, value)\n    self.flush()\n    self.total += value\n", "self.flush()"),
            ("    self.flush()\n    self.set(value, key)\n    self.total += value\n", "self.set(key,value)"),
            ("    self.flush()\n    self.set(key, value)\n    self.total = value\n", "self.total=self.total+value"),
        )
    ],
    ("python", MADE, MADE.replace(f"    names = []\n{FILLED}", "    names = [one.name for one in self.rows if one.ok]\n"), "+, 1"),
    ("python", "def f(self, a):\n    b = a + 1\n    if b:\n        self.put(b)\n    else:\n        self.put(0)\n    return self.n\n",
     "def f(self, a):\n    b = a + 1\n    self.put(b or 0)\n    return self.n\n", "self.put(a+1)"),
    ("javascript", "function f(a) {\n  const b = []\n  for (const c of a.rows) {\n    b.push(c.n)\n  }\n  a.save(b)\n  a.log('x')\n}\n",
     "function f(a) {\n  const b = a.rows.map((c) => c.id)\n  a.save(b)\n  a.log('x')\n}\n", "c.id, c.n"),
    ("go", "func f(a *A) int {\n\ta.mu.Lock()\n\tn := a.n\n\ta.mu.Unlock()\n\treturn n\n}\n",
     "func f(a *A) int {\n\treturn a.n\n}\n", "a.mu, a.mu.Lock, a.mu.Unlock"),
]  # fmt: skip


async def simplified(language: str, before: str, after: str, kind: str = "simplify") -> object:
    asked = replace(task(kind, f"⟦{before}⟧", language=language, path="code"), is_trusted=True)
    return await runner.run(asked, session(Speaker(says=lambda prompt: f"```{language}\n{after}```")))


@pytest.mark.parametrize(("language", "before", "after"), SAME)
async def test_the_same(language: str, before: str, after: str) -> None:
    assert isinstance(found := await simplified(language, before, after), Proposal), found


@pytest.mark.parametrize(("language", "before", "after"), OTHER)
async def test_other_behaviour_is_refused(language: str, before: str, after: str) -> None:
    found = await simplified(language, before, after)
    assert isinstance(found, Refused)
    assert found.reason == "behaviour"
    if language == "python":
        assert "→" in found.detail, "the input that shows it"


GO_READ = 'package a\n\nimport "os"\n\nfunc f(p string) ⟦⟧%s {\n\td, _ := os.ReadFile(p)\n\treturn %s\n}\n'


@pytest.mark.parametrize(
    ("result", "gives", "guarded", "reason"),
    [
        ("string", "string(d)", 'return ""', "hides_errors"),
        ("string", "string(d)", 'return "", err', "syntax"),
        ("string", "string(d)", "panic(err)", ""),
        ("(string, error)", "string(d), nil", 'return "", err', ""),
    ],
)
async def test_an_error_of_go_is_passed_on(result: str, gives: str, guarded: str, reason: str) -> None:
    code = GO_READ % (result, gives)
    new = (
        code.replace("⟦⟧", "")
        .replace("d, _ :=", "d, err :=")
        .replace("\treturn", f"\tif err != nil {{\n\t\t{guarded}\n\t}}\n\treturn", 1)
    )
    answer = f"```go\n{new[new.index('func') :]}```"
    found = await runner.run(
        task("errors", code, language="go", path="a.go"), session(Speaker(answer, answer))
    )
    assert (found.reason if isinstance(found, Refused) else "") == reason, found


async def test_a_name_of_python_keeps_its_value() -> None:
    code = "def f(p):⟦⟧\n    h = open(p)\n    return h.read()\n"
    answer = (
        "```python\ndef f(p):\n    try:\n        h = open(p)\n        return h.read()\n"
        "    finally:\n        h.close()\n```"
    )
    found = await runner.run(task("errors", code), session(Speaker(answer, answer)))
    assert found == Refused("names", "h")


@pytest.mark.parametrize(("language", "before", "after", "places"), DONE)
async def test_what_is_done_to_other_things_stays(
    language: str, before: str, after: str, places: str
) -> None:
    found = await simplified(language, before, after)
    assert (found.detail if isinstance(found, Refused) else "") == places, found


LOOP = "function f(a) {\n  const b = []\n  for (const c of a) {\n    if (c) b.push(c)\n  }\n  return b\n}\n"
SCRIPTS = [
    (LOOP, "function f(a) {\n  return a.filter((c) => c)\n}\n", ""),
    (LOOP, "function f(a) {\n  return a.filter((c) => c != null)\n}\n", "f([\"x\", \"\", \"y\"]): "),
    ("export const f = (a, b) => {\n  if (a > b) {\n    return a\n  } else {\n    return b\n  }\n}\n",
     "export const f = (a, b) => (a > b ? a : b)\n", ""),
    ("function f(a) {\n  a.sort()\n  return a[0]\n}\n", "function f(a) {\n  return [...a].sort()[0]\n}\n", "f([3, 1, 2]): "),
    ("function f(s) {\n  const t = s.trim()\n  if (t === '') {\n    return null\n  }\n  return t.toUpperCase()\n}\n",
     "function f(s) {\n  return s.trim().toUpperCase() || null\n}\n", ""),
    ("function f(s) {\n  if (!s) {\n    return ''\n  }\n  return s.trim()\n}\n", "function f(s) {\n  return s.trim()\n}\n", "f(undefined): "),
]  # fmt: skip


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not on PATH")
@pytest.mark.skipif(
    not any("Landlock" in one for one in sandbox.available()), reason="this kernel has no Landlock"
)
@pytest.mark.parametrize(("before", "after", "difference"), SCRIPTS)
async def test_scripts_are_run_in_node(before: str, after: str, difference: str) -> None:
    found = await asyncio.to_thread(behaviour._run_scripts, before, after)
    if difference:
        assert isinstance(found, Refused)
        assert found.detail.startswith(difference), found
    else:
        assert found is True


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not on PATH")
@pytest.mark.parametrize(
    "harm",
    [
        "require('fs').writeFileSync('FILE', '')",
        "process.mainModule.require('fs').writeFileSync('FILE', '')",
        "this.constructor.constructor('return process')().mainModule.require('fs').writeFileSync('FILE', '')",
        "while (true) {}",
        "fetch('http://127.0.0.1:9')",
    ],
)
async def test_a_script_can_do_no_harm(tmp_path: Path, harm: str) -> None:
    text = f"function f(a) {{\n  {harm.replace('FILE', str(tmp_path / 'harm'))}\n  return a\n}}\n"
    found = await asyncio.to_thread(behaviour._run_scripts, text, text)
    assert found is None, "it cannot be run, so its syntax decides"
    assert not (tmp_path / "harm").exists()


HANDLERS = [
    ("python", "def f(a):\n    b = a\n    return b\n",
     "def f(a):\n    try:\n        b = a\n    except TypeError as error:\n        raise ValueError(a) from error\n    return b\n", "nothing_to_handle"),
    ("python", "def f(a):\n    b = open(a)\n    return b\n",
     "def f(a):\n    b = open(a)\n    try:\n        c = b\n    except TypeError as error:\n        raise ValueError(a) from error\n    return b\n", "cannot_fail"),
    ("python", "def f(a):\n    b = open(a)\n    return g(b)\n",
     "def f(a):\n    b = open(a)\n    try:\n        return g(b)\n    except TypeError as error:\n        raise ValueError(a) from error\n", "cannot_fail"),
    ("python", "def f(a):\n    b = open(a)\n    return b\n",
     "def f(a):\n    try:\n        b = open(a)\n    except Exception as error:\n        print(error)\n        return None\n    return b\n", "hides_errors"),
    ("typescript", "function f(a) {\n  const b = JSON.parse(a)\n  return b\n}\n",
     "function f(a) {\n  try {\n    const b = JSON.parse(a)\n    return b\n  } catch (error) {\n    console.error(error)\n  }\n}\n", "hides_errors"),
    ("python", "def f(a):\n    b = open(a)\n    return b\n",
     "def f(a):\n    try:\n        b = open(a)\n    except OSError as error:\n        raise ValueError(a) from error\n    return b\n", ""),
    # what turns away only what is missing and would have been used, and what turns away more than that
    ("java", "int f(String a, String b) {\n  return a.length() + g(b);\n}\n",
     "int f(String a, String b) {\n  if (a == null) {\n    throw new IllegalArgumentException(\"a\");\n  }\n  return a.length() + g(b);\n}\n", ""),
    ("java", "int f(String a, String b) {\n  return a.length() + g(b);\n}\n",
     "int f(String a, String b) {\n  if (a == null || b == null) {\n    throw new IllegalArgumentException(\"a\");\n  }\n  return a.length() + g(b);\n}\n", "behaviour"),
    ("python", "def f(a):\n    return a.name\n",
     "def f(a):\n    if not a:\n        raise ValueError(\"a\")\n    return a.name\n", "behaviour"),
    ("javascript", "function f(a) {\n  return a.name\n}\n",
     "function f(a) {\n  if (a == null) {\n    return ''\n  }\n  return a.name\n}\n", "behaviour"),
    # what is thrown keeps its cause, and comments handle nothing
    ("java", "int f(String a) {\n  try {\n    return g(a.length());\n  } catch (E e) {\n    throw new R(e);\n  }\n}\n",
     "int f(String a) {\n  if (a == null) {\n    throw new R(\"a\");\n  }\n  try {\n    return g(a.length());\n  } catch (E e) {\n    throw new R(\"b\" + e.getMessage());\n  }\n}\n", "deleted"),
    ("java", "int f(String a) {\n  return a.length();\n}\n",
     "int f(String a) {\n  // one could throw\n  return a.length();\n}\n", "unchanged"),
]  # fmt: skip


@pytest.mark.parametrize(("language", "before", "after", "reason"), HANDLERS)
async def test_handlers(language: str, before: str, after: str, reason: str) -> None:
    found = await simplified(language, before, after, "errors")
    assert (found.reason if isinstance(found, Refused) else "") == reason, found


@pytest.mark.parametrize(
    "source",
    [
        "import os\n",
        "def f(a):\n    import os\n",
        "def f(a):\n    return open(a)\n",
        "def f(a):\n    return a.__class__.__bases__\n",
        "def f(a):\n    return '{0.__class__}'.format(a)\n",
        "def f(a):\n    return eval(a)\n",
        "def f(a):\n    return getattr(a, 'b')\n",
        "def f(a, b=open('x')):\n    return a\n",
        "@cache\ndef f(a):\n    return a\n",
        "def f(a):\n    global b\n    b = a\n",
        "def f(a):\n    return a._b\n",
        "def f(a):\n    return __import__('os')\n",
        "async def f(a):\n    return a\n",
        "x = 1\ndef f(a):\n    return a\n",
        "def f(a):\n    return (x for x in a).gi_frame\n",
    ],
)
def test_what_is_never_run(source: str) -> None:
    assert not trial.is_pure(source)


def test_a_trial_is_bounded() -> None:
    assert trial.is_pure(RANGE)
    n_runs, difference = trial.compare(RANGE, RANGE, "parse")
    assert difference == ""
    assert n_runs > 0
