"""Every sentence that an editor shows, in English and in Chinese: one table, key -> Text.

The client's locale chooses (`InitializeParams.locale`). Log lines and command-line output stay English.
Values are named: `{detail}` is an error's own English sentence, everything else is a name or a number.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Locale = Literal["en", "zh"]


@dataclass(frozen=True, slots=True)
class Text:
    """One sentence in each language; the fields of both are the same."""

    en: str
    zh: str


TEXTS: dict[str, Text] = {
    # what the server is doing
    "status.starting": Text("The model is loaded when it is first needed.", "模型将在首次使用时加载。"),
    "status.loading": Text("The model is being loaded.", "正在加载模型。"),
    "status.restarting": Text(
        "The engine died and is being started again.", "推理引擎意外退出，正在重新启动。"
    ),
    "status.ready": Text("Ready.", "就绪。"),
    "status.busy": Text("The model is at work.", "模型正在生成。"),
    "status.slow": Text(
        "The model is slow here: it writes fewer than {least:g} tokens per second.",
        "模型在本机运行缓慢：每秒生成不足 {least:g} 个词元。",
    ),
    "status.late": Text(
        "The model is slow here: no answer within {seconds:g} s.",
        "模型在本机运行缓慢：{seconds:g} 秒内没有给出结果。",
    ),
    "status.off": Text("Inline completion is switched off.", "行内补全已关闭。"),
    "status.no_model": Text("The model {model} is not on this machine.", "本机没有模型 {model}。"),
    "status.bad_model": Text("The model cannot be used: {detail}", "模型不可用：{detail}"),
    "status.died": Text("The engine keeps dying.", "推理引擎反复退出。"),
    "status.start": Text("The engine cannot be started: {detail}", "推理引擎无法启动：{detail}"),
    "status.address": Text("`endpoint.url` is not an address: {url}", "`endpoint.url` 不是有效的地址：{url}"),
    "status.remote": Text(
        "{url} is not this machine, so nothing is sent to it.", "{url} 不是本机，因此没有向它发送任何内容。"
    ),
    "status.unreachable": Text("The endpoint {url} cannot be used: {detail}", "端点 {url} 不可用：{detail}"),
    "status.failed": Text("The model gave no answer: {detail}", "模型没有给出结果：{detail}"),
    # the index of the repository
    "index.title": Text("Indexing {folder}", "正在索引 {folder}"),
    "index.progress": Text("Files: {done} of {total}", "文件：{done} / {total}"),
    "index.done": Text("Files: {files}", "文件：{files}"),
    # what to do about it
    "remedy.slow": Text(
        "Close programs that use the processor, or set `model.name` to a smaller model.",
        "请关闭占用处理器的程序，或将 `model.name` 设为更小的模型。",
    ),
    "remedy.off": Text("Set `completion.enabled` to true.", "将 `completion.enabled` 设为 true 即可开启。"),
    "remedy.no_model": Text(
        "Run `qwen-lsp models pull {model}` in a terminal.", "请在终端运行 `qwen-lsp models pull {model}`。"
    ),
    "remedy.bad_model": Text(
        "Correct `model.name` or `model.path`; `qwen-lsp models list` shows the names.",
        "请更正 `model.name` 或 `model.path`；`qwen-lsp models list` 会列出可用的名称。",
    ),
    "remedy.engine": Text(
        "Run `qwen-lsp doctor` in a terminal to find out why.",
        "请在终端运行 `qwen-lsp doctor` 查明原因。",
    ),
    "remedy.address": Text(
        "Write it like http://127.0.0.1:8080.", "请写成 http://127.0.0.1:8080 这样的地址。"
    ),
    "remedy.remote": Text(
        "If your code may leave this machine for it, set `allowRemote = true` under [endpoint] in {file}.",
        "如果允许代码离开本机，请在 {file} 的 [endpoint] 下设置 `allowRemote = true`。",
    ),
    "remedy.endpoint": Text(
        "Start the server at {url}, or correct `endpoint.url`, `endpoint.model` or `endpoint.apiKeyEnv`.",
        "请启动 {url} 上的服务，或更正 `endpoint.url`、`endpoint.model` 或 `endpoint.apiKeyEnv`。",
    ),
    # what became of the last request
    "explain.none": Text("Nothing has been asked in this file yet.", "这个文件里还没有请求过补全。"),
    "explain.waiting": Text("The model is still at work on a suggestion.", "模型仍在生成建议。"),
    "explain.loading": Text("A suggestion will come when the model is loaded.", "模型加载完成后会给出建议。"),
    "explain.shown": Text("The model made a suggestion in {ms:.0f} ms.", "模型用 {ms:.0f} 毫秒给出了建议。"),
    "explain.early": Text(
        "After {ms:.0f} ms the words written so far were suggested; the rest comes with the next key.",
        "{ms:.0f} 毫秒时给出了已生成的部分，其余部分在下次按键时给出。",
    ),
    "explain.cached": Text(
        "The suggestion came from memory in {ms:.0f} ms: it had been made before.",
        "建议来自缓存，用时 {ms:.0f} 毫秒：此前已经生成过。",
    ),
    "explain.filtered": Text("An answer was held back: {rule}.", "有结果，但没有显示：{rule}。"),
    "explain.unsure": Text(
        "An answer was held back: the model was not sure enough of it ({logprob:.2f}; "
        "`completion.leastConfidence` is {least:.2f}). Ask by hand to see it.",
        "有结果，但没有显示：模型把握不足（{logprob:.2f}；`completion.leastConfidence` 为 {least:.2f}）。"
        "手动触发可以查看。",
    ),
    "explain.not wanted here": Text(
        "No suggestion is made here unless you ask by hand: {rule}.", "此处仅在手动触发时给出建议：{rule}。"
    ),
    "explain.timeout": Text(
        "Too slow: no answer within {seconds:g} s (`completion.timeoutMs`).",
        "太慢：{seconds:g} 秒内没有结果（`completion.timeoutMs`）。",
    ),
    "explain.superseded": Text("A newer request took its place.", "已被更新的请求取代。"),
    "explain.cancelled": Text("The editor cancelled the request.", "编辑器取消了请求。"),
    # why an answer was held back, by the name of the filter or gate
    "rule.markdown_fence": Text("the model wrote Markdown", "模型输出的是 Markdown"),
    "rule.repeats_suffix": Text("it repeats the lines after the cursor", "与光标之后的内容重复"),
    "rule.repeats_line_above": Text("it repeats the line above", "与上一行重复"),
    "rule.empty": Text("there was nothing to add", "没有可补充的内容"),
    "rule.typed": Text("all of it is typed already", "建议的内容已全部键入"),
    "rule.syntax": Text("it would add syntax errors", "会引入语法错误"),
    "rule.inside_word": Text("the cursor is inside a word", "光标位于单词内部"),
    # names of commands
    "command.accepted": Text("Suggestion accepted", "已接受建议"),
}


def locale_of(tag: str | None) -> Locale:
    """Return the language for a client's locale, such as `zh-cn` or `en_US`; English where in doubt."""
    return "zh" if (tag or "").lower().replace("_", "-").split("-")[0] == "zh" else "en"


def text(key: str, locale: Locale, **values: Any) -> str:
    """Write one sentence of the table."""
    return str(getattr(TEXTS[key], locale)).format(**values)


def rule(name: str, detail: str, locale: Locale) -> str:
    """Say why a filter or gate held an answer back; a rule without a text is told by its own words."""
    key = f"rule.{name}"
    return text(key, locale) if key in TEXTS else detail
