"""The JetBrains plugin without an IDE: compiled against real core classes and few stubs, and run by a host.

No IDE can be had where these tests run. What is proved instead: the code compiles, plugin.xml names what is
there, the members it uses of IntelliJ and LSP4IJ are those that were reviewed, and the plugin's own classes
start the real server and speak to it.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shlex
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest

from qwen_lsp import __version__
from qwen_lsp.schema import schema as settings_schema
from tests.editors import dist, programs
from tests.editors.programs import git
from tests.support.engine_server import Answer, EngineServer, Generation, says
from tests.support.isolation import user_names
from tests.support.places import REPOSITORY
from tests.support.raw import RawClient

pytestmark = pytest.mark.required

PLUGIN = REPOSITORY / "editors" / "jetbrains"
RESOURCES = PLUGIN / "src" / "main" / "resources"
SOURCES = sorted((PLUGIN / "src" / "main" / "java").rglob("*.java"))
TEMPLATE = PLUGIN / "template"
HERE = Path(__file__).parent / "jetbrains"
DESCRIPTOR = ElementTree.parse(RESOURCES / "META-INF" / "plugin.xml").getroot()
MAIN = "dev.qwenlsp.jetbrains.HostTest"
DEADLINE_S = 150
# What LSP4IJ 0.20 says of itself, as far as it concerns the server.
CAPABILITIES = {
    "workspace": {"applyEdit": True, "configuration": True, "executeCommand": {"dynamicRegistration": True}},
    "textDocument": {
        "codeAction": {
            "dataSupport": True,
            "resolveSupport": {"properties": ["edit"]},
            "codeActionLiteralSupport": {"codeActionKind": {"valueSet": ["", "quickfix", "refactor"]}},
        }
    },
}


@pytest.fixture(scope="module")
def classes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The compiled plugin, stubs and host."""
    out = tmp_path_factory.mktemp("jetbrains")
    return dist.compile_jetbrains(out, [HERE / "HostTest.java"])


def jars() -> str:
    return os.pathsep.join(map(str, programs.intellij()))


def named_classes() -> set[str]:
    attributes = ("factoryClass", "serviceImplementation", "instance", "implementation", "class")
    return {
        element.get(name, "") for element in DESCRIPTOR.iter() for name in attributes if element.get(name)
    }


async def play(
    classes: Path, folder: Path, engine: EngineServer, *options: str, disabled: tuple[str, ...] = ()
) -> list[str]:
    """Have the host do what an IDE does in a new repository; return what a person would see, a line each."""
    docstring = "Return the sum of two numbers."

    def script(made: Generation) -> Answer:
        if "<|fim_" in made.prompt:
            return says("return a + b", between_s=0.01)
        if "never ends" in str(made.body):
            # Slower than the host's patience: it ends in time only if it is ended.
            lines = "".join(f"    a += {n}\n" for n in range(200))
            return says(f"```python\ndef add(a, b):\n{lines}", between_s=0.5)
        if "add the numbers" in str(made.body):
            return says("```python\ndef add(a, b):\n    return a + b\n```", between_s=0.01)
        return says(docstring, between_s=0.01)

    engine.script = script
    file = folder / "add.py"
    file.write_text("def add(a, b):\n    # here\neval(input())\n", "utf-8")
    (folder / ".qwen-lsp.toml").write_text(f"[review]\ndisabled = {json.dumps(disabled)}\n", "utf-8")
    git(folder, "init", "-q")
    java = programs.debian("java", "openjdk-17-jre-headless")
    user_names(engine.url)
    # A busy machine would otherwise be answered with the first words.
    settings = json.dumps({"completion": {"answerEarly": False}})
    (factory,) = {element.get("factoryClass", "") for element in DESCRIPTOR.iter("server")}
    process = await asyncio.create_subprocess_exec(
        *(java, *options, "-cp", f"{classes}{os.pathsep}{RESOURCES}{os.pathsep}{jars()}", MAIN),
        *(str(folder), str(file), factory, settings, json.dumps(CAPABILITIES)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(), DEADLINE_S)
    assert process.returncode == 0, out.decode() + err.decode()
    return out.decode().splitlines()


async def test_the_host_starts_the_server_and_speaks_to_it(
    classes: Path, tmp_path: Path, engine: EngineServer
) -> None:
    lines = await play(classes, tmp_path, engine, disabled=("code-injection", "S307"))
    assert "initialize: qwen-lsp" in lines
    assert "ghost: return a + b" in lines, lines
    assert any(line.startswith("explain: The model made a suggestion") for line in lines), lines
    assert "act: edit" in lines, lines
    assert "streamed: yes" in lines
    assert "edit by instruction: edit" in lines, lines
    assert "cancelled: the server has stopped" in lines
    assert "problems: `add` is not typed" in lines, lines
    assert {"snoozed: true", "resumed: true"} <= set(lines), lines
    assert {"pip is offline: install.offline", "pip knows no package: null"} <= set(lines), lines
    assert "repairs: true" in lines
    assert "notice: a List&lt;String&gt;<br>of names" in lines
    assert "notice: nothing to say" in lines
    assert "installation: ended with its cancellation" in lines
    assert "finding: code-injection in add.py" in lines, "the settings of a project that nobody trusts wait"
    assert "review: done" in lines
    assert "status: ready" in lines
    assert "widget: qwen: not running" in lines, "what a server said last does not hold when it is gone"
    assert lines[-1] == "shutdown: clean"


async def test_a_project_that_the_ide_trusts_is_trusted(
    classes: Path, tmp_path: Path, engine: EngineServer
) -> None:
    lines = await play(classes, tmp_path, engine, "-Dhost.trusts=true", disabled=("code-injection", "S307"))
    assert not any(line.startswith("finding: ") for line in lines), lines
    assert "review: done" in lines


def test_the_descriptor_names_what_is_there(classes: Path) -> None:
    for name in named_classes():
        assert (classes / f"{name.replace('.', '/')}.class").is_file(), name
    ids = {element.get("id") for element in DESCRIPTOR.iter("server")}
    assert {element.get("serverId") for element in DESCRIPTOR.iter("fileNamePatternMapping")} == ids
    (version,) = DESCRIPTOR.iter("idea-version")
    assert version.get("since-build") == "242"
    assert "com.redhat.devtools.lsp4ij" in {element.text for element in DESCRIPTOR.iter("depends")}
    icon = ElementTree.parse(RESOURCES / "META-INF" / "pluginIcon.svg").getroot()
    assert (icon.get("width"), icon.get("height")) == ("40", "40"), "the size that the Marketplace asks for"
    (notes,) = DESCRIPTOR.iter("change-notes")
    assert f"{__version__}:" in str(notes.text)
    keys = [element.get("first-keystroke") for element in DESCRIPTOR.iter("keyboard-shortcut")]
    assert len(set(keys)) == len(keys) > 0


def test_ids_in_the_code_are_those_of_the_descriptor() -> None:
    code = "\n".join(source.read_text("utf-8") for source in SOURCES)
    for tag in ("server", "toolWindow", "statusBarWidgetFactory", "notificationGroup"):
        (element,) = DESCRIPTOR.iter(tag)
        assert f'"{element.get("id")}"' in code, tag


def test_lsp4j_is_not_bundled() -> None:
    """Two copies of it would not know each other's classes."""
    build = (PLUGIN / "build.gradle.kts").read_text("utf-8")
    assert re.findall(r"(\w+)\(\"org\.eclipse\.lsp4j", build) == ["compileOnly"]


def bundle(name: str) -> dict[str, str]:
    lines = (RESOURCES / "messages" / name).read_text("utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line)


def test_every_sentence_is_there_in_both_languages() -> None:
    english, chinese = bundle("QwenBundle.properties"), bundle("QwenBundle_zh.properties")
    assert english.keys() == chinese.keys()
    code = "\n".join(source.read_text("utf-8") for source in SOURCES)
    used = set(re.findall(r'Texts\.get\(\s*"([\w.]+)"', code))
    used |= {f"action.{element.get('id')}.text" for element in DESCRIPTOR.iter("action")}
    states = ("starting", "loading", "asleep", "ready", "busy", "slow", "off", "error")
    used |= {f"state.{name}" for name in states}
    used |= {f"dismiss.{name}" for name in ("fingerprint", "rule", "path")}
    used = {key for key in used if not key.endswith(".")}
    assert used <= english.keys()
    assert sum(any(ord(char) > 0x4E00 for char in value) for value in chinese.values()) > 30


def test_the_members_that_are_used_were_reviewed(classes: Path) -> None:
    """A stub says what we believe; the list is what was compared with the real sources."""
    own = sorted(map(str, (classes / "dev").rglob("*.class")))
    own = [name for name in own if "HostTest" not in name]
    javap = programs.debian("javap", "openjdk-17-jdk-headless")
    listed = subprocess.run(
        [javap, "-p", "-c", "-cp", f"{classes}{os.pathsep}{jars()}", *own],
        capture_output=True,
        encoding="utf-8",
        timeout=DEADLINE_S,
        check=True,
    ).stdout
    used = set(re.findall(r"// (?:Interface)?(?:Method|Field) (com/(?:intellij|redhat)/\S+)", listed))
    reviewed = set((HERE / "members.txt").read_text("utf-8").split("\n")) - {""}
    assert used == {line for line in reviewed if not line.startswith("#")}


async def test_the_template_starts_the_server() -> None:
    template = json.loads((TEMPLATE / "template.json").read_text("utf-8"))
    assert template["id"] == "qwen-lsp"
    for mapping in template["fileTypeMappings"]:
        assert set(mapping["fileType"]) == {"patterns"}, (
            "a name would make a file type and take others' files"
        )
    command = shlex.split(template["programArgs"]["default"])
    options = json.loads((TEMPLATE / "initializationOptions.json").read_text("utf-8"))
    async with RawClient.started(command) as client:
        params = {"processId": None, "rootUri": None, "capabilities": {}, "initializationOptions": options}
        result = await client.request("initialize", params)
        assert result["capabilities"]["inlineCompletionProvider"] is not None
        client.notify("initialized", {})
        await client.goodbye()


def test_the_template_s_settings_are_the_server_s() -> None:
    """With QWEN_LSP_UPDATE set, the file is rewritten."""
    file = TEMPLATE / "settings.schema.json"
    ours = settings_schema()
    wanted = {"$schema": ours.pop("$schema"), "type": "object", "properties": {"qwenLsp": ours}}
    text = json.dumps(wanted, ensure_ascii=False, indent=2) + "\n"
    if programs.UPDATE:
        file.write_text(text, "utf-8")
    assert file.read_text("utf-8") == text, "the settings have changed: run this test with QWEN_LSP_UPDATE=1"


def test_the_template_installs_nothing() -> None:
    """It carries no wheel, and no package is published that an installer could name."""
    assert not (TEMPLATE / "installer.json").exists()
