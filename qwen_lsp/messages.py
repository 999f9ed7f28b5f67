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
    "status.starting": Text("The model will be loaded on first use.", "模型将在首次使用时加载。"),
    "status.loading": Text("Loading the model.", "正在加载模型。"),
    "status.asleep": Text("Asleep. The next request wakes it.", "已休眠，下一次请求时唤醒。"),
    "status.waking": Text("Waking: loading the model.", "正在唤醒：加载模型。"),
    "status.restarting": Text(
        "The engine stopped unexpectedly and is restarting.", "推理引擎意外退出，正在重新启动。"
    ),
    "status.ready": Text("Ready.", "就绪。"),
    "status.busy": Text("The model is generating.", "模型正在生成。"),
    "status.slow": Text(
        "The model is slow on this machine: it writes fewer than {least:g} tokens per second.",
        "模型在本机运行缓慢：每秒生成不足 {least:g} 个词元。",
    ),
    "status.late": Text(
        "The model is slow on this machine: no answer within {seconds:g} s.",
        "模型在本机运行缓慢：{seconds:g} 秒内没有给出结果。",
    ),
    "status.off": Text("Inline completion is off.", "行内补全已关闭。"),
    "status.no_model": Text("The model {model} is not on this machine.", "本机没有模型 {model}。"),
    "status.bad_model": Text("The model cannot be used: {detail}", "模型不可用：{detail}"),
    "status.died": Text("The engine keeps crashing.", "推理引擎反复崩溃。"),
    "status.start": Text("The engine could not be started: {detail}", "推理引擎启动失败：{detail}"),
    "status.address": Text("`endpoint.url` is not an address: {url}", "`endpoint.url` 不是有效的地址：{url}"),
    "status.remote": Text(
        "{url} is not on this machine, so nothing is sent to it.",
        "{url} 不是本机地址，因此没有向其发送任何内容。",
    ),
    "status.unreachable": Text("The endpoint {url} cannot be used: {detail}", "端点 {url} 不可用：{detail}"),
    "status.key": Text("The API key cannot be used: {detail}", "API 密钥不可用：{detail}"),
    "status.ready_instead": Text(
        "Ready: {url} answers, because {skipped} is down.", "就绪：{skipped} 不可用，现由 {url} 应答。"
    ),
    "status.chat_instead": Text(
        "Ready: {url} answers actions and review, because {skipped} is down.",
        "就绪：{skipped} 不可用，代码操作和审查现由 {url} 应答。",
    ),
    "status.chat_failed": Text(
        "Completion works, but actions and review have no model: {detail}",
        "补全可用，但代码操作和审查没有可用的模型：{detail}",
    ),
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
    "review.not_trusted": Text(
        "Not in force: {files}. If you trust this folder, run `qwen-lsp trust {folder}`.",
        "{files} 未生效。如果信任此文件夹，请运行 `qwen-lsp trust {folder}`。",
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
        'To let your code be sent there, set `allowedHosts = ["{host}"]` under [endpoint] in {file}.',
        '如需允许将代码发送到该主机，请在 {file} 的 [endpoint] 下设置 `allowedHosts = ["{host}"]`。',
    ),
    "remedy.endpoint": Text(
        "Start the server at {url}, or correct `endpoint.url`, `endpoint.model` or `endpoint.apiKeyEnv`.",
        "请启动 {url} 上的服务，或更正 `endpoint.url`、`endpoint.model` 或 `endpoint.apiKeyEnv`。",
    ),
    "remedy.chat": Text(
        "Start the server at {url}, or correct the settings under `endpoint.chat`.",
        "请启动 {url} 上的服务，或更正 `endpoint.chat` 下的设置。",
    ),
    # what became of the last request
    "explain.none": Text("No completion has been requested in this file yet.", "此文件尚未请求过补全。"),
    "explain.waiting": Text("The model is still generating a suggestion.", "模型仍在生成建议。"),
    "explain.loading": Text(
        "Suggestions will appear once the model is loaded.", "模型加载完成后会给出建议。"
    ),
    "explain.shown": Text("The model made a suggestion in {ms:.0f} ms.", "模型用 {ms:.0f} 毫秒给出了建议。"),
    "explain.early": Text(
        "After {ms:.0f} ms, the confident part of what was written so far was suggested; more may follow.",
        "{ms:.0f} 毫秒时给出了已生成内容中置信度足够的部分，其余部分可能随后给出。",
    ),
    "explain.names": Text(
        "After {ms:.0f} ms, the rest of a name from this file or repository was suggested: the model had "
        "nothing confident enough yet.",
        "{ms:.0f} 毫秒时补全了本文件或仓库中的一个名称：此时模型还没有置信度足够的结果。",
    ),
    "explain.cached": Text(
        "The suggestion came from the cache in {ms:.0f} ms.",
        "建议来自缓存，用时 {ms:.0f} 毫秒。",
    ),
    "explain.excluded": Text(
        "This file is excluded by `completion.exclude` or a `.qwenignore`.",
        "该文件已被 `completion.exclude` 或 `.qwenignore` 排除。",
    ),
    "explain.filtered": Text("A suggestion was held back: {rule}.", "已有结果但未显示：{rule}。"),
    "explain.unsure": Text(
        "A suggestion was held back: its probability is {sure}, and {needed} is required here "
        "(`completion.minConfidence`). Trigger completion manually to see it.",
        "已有结果但未显示：其概率为 {sure}，此处要求达到 {needed}（`completion.minConfidence`）。"
        "手动触发补全即可查看。",
    ),
    "explain.not wanted here": Text(
        "Suggestions appear here only when triggered manually: {rule}.",
        "此处仅在手动触发时给出建议：{rule}。",
    ),
    "explain.timeout": Text(
        "Too slow: no answer within {seconds:g} s (`completion.timeoutMs`).",
        "太慢：{seconds:g} 秒内没有结果（`completion.timeoutMs`）。",
    ),
    "explain.superseded": Text("It was replaced by a newer request.", "已被更新的请求取代。"),
    "explain.cancelled": Text("The editor cancelled the request.", "编辑器取消了请求。"),
    "explain.internal": Text(
        "Something went wrong inside qwen-lsp; the log says what. The next suggestion is not affected.",
        "qwen-lsp 内部出错，详情见日志。不影响继续输入，也不影响下一次建议。",
    ),
    # why an answer was held back, by the name of the filter or gate
    "rule.markdown_fence": Text("the model wrote Markdown", "模型输出的是 Markdown"),
    "rule.chatter": Text("the model talked instead of writing code", "模型输出的是说明而不是代码"),
    "rule.repetition": Text("the model repeated itself", "模型的输出自我重复"),
    "rule.prefix_mismatch": Text("the model did not continue the typed text", "模型没有接着已输入的内容续写"),
    "rule.security": Text("it would introduce a vulnerability", "会引入安全漏洞"),
    "rule.repeats_suffix": Text("it repeats the lines after the cursor", "与光标之后的内容重复"),
    "rule.prose": Text(
        "it is not in the language of this file, or holds a placeholder name",
        "与本文件所用语言不符，或含有占位名称",
    ),
    "rule.names_only": Text("it is only a name that cannot be inferred", "只是一个无法推断的名称"),
    "rule.repeats_line_above": Text("it repeats the line above", "与上一行重复"),
    "rule.unreachable": Text("it would make the code below unreachable", "会使后面的代码无法执行"),
    "rule.empty": Text("there was nothing to add", "没有可补充的内容"),
    "rule.typed": Text("you have typed all of it already", "建议的内容已全部键入"),
    "rule.syntax": Text("it would add syntax errors", "会引入语法错误"),
    "rule.inside_word": Text("the cursor is inside a word", "光标位于单词内部"),
    "rule.inside_comment": Text("the cursor is inside a comment", "光标位于注释中"),
    "rule.inside_string": Text("the cursor is inside a string", "光标位于字符串中"),
    "rule.language": Text(
        "this language is one of `completion.disabledLanguages`",
        "该语言列在 `completion.disabledLanguages` 中",
    ),
    # reviews
    "review.status.findings": Text(
        "Found {counts} (changed lines: {lines}, files: {files}).",
        "在 {files} 个文件的 {lines} 行改动中发现 {counts}。",
    ),
    "review.status.no_findings": Text(
        "No findings (changed lines: {lines}, files: {files}).",
        "已审查 {files} 个文件的 {lines} 行改动，未发现问题。",
    ),
    "review.status.nothing_to_review": Text("Nothing to review.", "没有需要审查的内容。"),
    "review.status.failed": Text(
        "The review failed. Parts of the change that could not be reviewed: {failed}.",
        "审查失败：有 {failed} 处改动无法审查。",
    ),
    "words.count.error": Text("{n} errors", "{n} 个错误"),
    "words.count.warning": Text("{n} warnings", "{n} 个警告"),
    "words.count.info": Text("{n} infos", "{n} 条提示"),
    "words.count.hint": Text("{n} hints", "{n} 条建议"),
    "words.one.error": Text("1 error", "1 个错误"),
    "words.one.warning": Text("1 warning", "1 个警告"),
    "words.one.info": Text("1 info", "1 条提示"),
    "words.one.hint": Text("1 hint", "1 条建议"),
    "review.remarks": Text(
        "Remarks not shown: {n} (--min-severity info, or min_severity in .qwen-lsp.toml).",
        "另有 {n} 条提示未显示（可用 --min-severity info 或 .qwen-lsp.toml 中的 min_severity 显示）。",
    ),
    "review.skipped": Text("Files skipped: {files}.", "跳过了 {files} 个文件。"),
    "review.unaccepted": Text(
        "{file} could not be reviewed ({reason}), and the base did not skip it for that reason.",
        "{file} 无法审查（{reason}），而基准提交并未因同一原因跳过它。",
    ),
    "review.tried.settings": Text(
        "This change edits how it is reviewed ({files}); the review used the base's version.",
        "本次改动修改了审查方式（{files}）；审查时使用的是基准提交中的版本。",
    ),
    "review.tried.hide": Text(
        "This change would have {file} skipped ({reason}); it was reviewed anyway.",
        "本次改动会使 {file} 被跳过（{reason}）；仍按普通文件审查。",
    ),
    "review.tried.dismiss": Text(
        "Comments of this change try to dismiss findings; these count anyway: {n}.",
        "本次改动中的注释试图忽略 {n} 条发现，这些注释不生效。",
    ),
    "review.incomplete": Text("Parts that could not be reviewed: {files}.", "有 {files} 处无法审查。"),
    "review.dismissed": Text("Dismissed: {n}.", "已忽略 {n} 条。"),
    "review.dismissed_here": Text(
        "Dismissed by comments that this change adds: {n}.", "其中 {n} 条由本次改动中新增的注释忽略。"
    ),
    "review.no_model": Text(
        "The model did not check the whole change: {detail}", "模型未能检查全部改动：{detail}"
    ),
    "review.pass": Text(
        "Pass {name}: places {units}, cached {cached}, failed {failed}; {seconds:.1f} s.",
        "{name}：共 {units} 处，命中缓存 {cached} 处，失败 {failed} 处，用时 {seconds:.1f} 秒。",
    ),
    "review.unasked": Text("Not checked by the model: {listed}.", "未由模型检查：{listed}。"),
    "words.unasked.unpredictable": Text("cannot be checked", "无法检查"),
    "words.unasked.limit": Text("over the limit", "超出数量上限"),
    "words.unasked.time": Text("out of time", "超出时间"),
    "words.unasked.no_model": Text("no model on this machine", "本机没有模型"),
    "words.unasked.unavailable": Text("model not available", "模型不可用"),
    "review.fixed": Text("Resolved since the baseline: {n}.", "基线中已解决 {n} 条。"),
    # review by completion: what is written, and what the model would have written
    "unlikely.operator": Text(
        "`{old}` is written where the code around it suggests `{new}`.",
        "此处写的是 `{old}`，但从上下文看应为 `{new}`。",
    ),
    "unlikely.negation": Text(
        "`{old}` is written where the code around it suggests `{new}`.",
        "此处写的是 `{old}`，但从上下文看应为 `{new}`。",
    ),
    "unlikely.number": Text(
        "`{old}` is written where the code around it suggests `{new}`.",
        "此处写的是 `{old}`，但从上下文看应为 `{new}`。",
    ),
    "unlikely.name": Text(
        "`{old}` is used where the code around it suggests `{new}`.",
        "此处使用了 `{old}`，但从上下文看应为 `{new}`。",
    ),
    "unlikely.order": Text(
        "`{old}` is written where the code around it suggests the order `{new}`.",
        "此处写的是 `{old}`，但从上下文看顺序应为 `{new}`。",
    ),
    "unlikely.missing": Text(
        "`{old}` is written where the code around it suggests `{new}`; something may be missing.",
        "此处写的是 `{old}`，但从上下文看应为 `{new}`，可能遗漏了内容。",
    ),
    "words.severity.error": Text("error", "错误"),
    "words.severity.warning": Text("warning", "警告"),
    "words.severity.info": Text("info", "提示"),
    "words.severity.hint": Text("hint", "建议"),
    "words.fix": Text("Suggested fix", "建议修改"),
    "words.title": Text("Review: {title}", "审查：{title}"),
    "words.running": Text("Reviewing", "正在审查"),
    "words.not_reviewed": Text("Not reviewed", "未审查"),
    "words.reason.secret": Text("may hold secrets, never read", "可能含有机密，不予读取"),
    "words.reason.deleted": Text("deleted", "已删除"),
    "words.reason.binary": Text("binary", "二进制文件"),
    "words.reason.submodule": Text("submodule", "子模块"),
    "words.reason.symlink": Text("symbolic link", "符号链接"),
    "words.reason.combined": Text("merge diff", "合并提交的差异"),
    "words.reason.excluded": Text("excluded by your settings", "被设置排除"),
    "words.reason.lock": Text("lock file", "锁文件"),
    "words.reason.minified": Text("minified", "压缩后的代码"),
    "words.reason.vendored": Text("third-party code", "第三方代码"),
    "words.reason.generated": Text("generated", "自动生成"),
    "words.reason.too_large": Text("too large", "文件过大"),
    "words.reason.encoding": Text("read with an unusual encoding", "声明了不常见的编码"),
    "words.reason.media": Text("image, font or other media", "图片、字体等媒体文件"),
    "words.reason.nothing_added": Text("no changed lines", "没有改动任何行"),
    "words.dismiss": Text("Dismiss this finding", "忽略这一条"),
    "words.dismiss_rule": Text("Dismiss `{rule}` in this repository", "在本仓库中忽略 `{rule}`"),
    "words.apply": Text("Fix: {title}", "修复：{title}"),
    # why an action changes nothing; the model gets the English one, too
    "refused.excluded": Text(
        "This file is excluded by `completion.exclude` or a `.qwenignore`.",
        "该文件已被 `completion.exclude` 或 `.qwenignore` 排除。",
    ),
    "refused.no_code": Text("There is no code in the selection.", "所选范围内没有代码。"),
    "refused.no_instruction": Text("Describe the change to make.", "请描述要做的修改。"),
    "refused.no_definition": Text("There is no function or class at the cursor.", "光标处没有函数或类。"),
    "refused.nothing_to_do": Text("There is nothing to do here.", "这里没有需要处理的内容。"),
    "refused.too_large": Text(
        "The selection is too large for the model: select less, or raise `engine.contextTokens`.",
        "所选内容超出模型的处理能力：请缩小选择范围，或调大 `engine.contextTokens`。",
    ),
    "refused.stale": Text(
        "The file has changed since, so nothing was applied. Run the action again.",
        "文件已被修改，因此没有应用任何更改。请重新执行该操作。",
    ),
    "refused.empty": Text("The model gave no answer.", "模型没有给出回答。"),
    "refused.refusal": Text("The model refused: {detail}", "模型拒绝了请求：{detail}"),
    "refused.chatter": Text(
        "The model talked about the code and did not write any.", "模型只作了说明，没有写出代码。"
    ),
    "refused.loop": Text("The model repeated itself.", "模型陷入了重复。"),
    "refused.cut_off": Text(
        "The answer grew too long and was cut off: select less.", "回答过长而被截断：请缩小选择范围。"
    ),
    "refused.placeholder": Text(
        "The answer leaves code out (`{detail}`).", "回答省略了部分代码（`{detail}`）。"
    ),
    "refused.unchanged": Text("The model would change nothing.", "模型认为无需更改。"),
    "refused.syntax": Text("The answer would add a syntax error. {detail}", "回答会引入语法错误。{detail}"),
    "refused.deleted": Text(
        "The answer would delete code that must stay. {detail}", "回答会删除应当保留的代码。{detail}"
    ),
    "refused.doubled": Text(
        "The answer defines again what is there already: {detail}", "回答重复定义了已有的内容：{detail}"
    ),
    "refused.grown": Text("The answer adds far too much code.", "回答添加了过多的代码。"),
    "refused.signature": Text(
        "The answer changes what a function is called with: {detail}", "回答改变了函数的签名：{detail}"
    ),
    "refused.names": Text(
        "The answer uses names that do not exist: {detail}", "回答使用了不存在的名称：{detail}"
    ),
    "refused.danger": Text("The answer adds insecure code: {detail}", "回答引入了不安全的代码：{detail}"),
    "refused.language": Text("The answer is in the wrong language.", "回答使用的语言不对。"),
    "refused.behaviour": Text(
        "The answer would change what the code does. {detail}", "回答会改变代码的行为。{detail}"
    ),
    "refused.cannot_fail": Text(
        "The answer handles errors of code that cannot fail.", "回答为不会出错的代码添加了错误处理。"
    ),
    "refused.hides_errors": Text("The answer hides errors.", "回答会掩盖错误。"),
    "refused.documented": Text("The documentation is complete.", "文档已经完整。"),
    "refused.unfounded": Text(
        "The model claims what the code does not show: {detail}", "模型的说法在代码中没有依据：{detail}"
    ),
    "refused.nothing_to_simplify": Text(
        "There is nothing here that is certain to be simpler written another way.",
        "没有找到确定更简单的写法。",
    ),
    "refused.nothing_to_optimise": Text(
        "There is nothing here that is certain to be faster done another way.",
        "没有找到确定更快的做法。",
    ),
    "refused.nothing_to_handle": Text(
        "Nothing was found here that can fail and is not handled.", "没有找到会出错而未处理的地方。"
    ),
    "refused.not_better": Text(
        "The answer is neither simpler nor faster than the code.", "回答既不比现有代码简单，也不比它快。"
    ),
    "refused.marks": Text("The translation loses {detail}.", "译文丢失了 {detail}。"),
    "refused.left_out": Text(
        "The translation does not say what these words say: {detail}.", "译文漏译了：{detail}。"
    ),
    "refused.says_nothing": Text(
        "The documentation would only repeat the name: {detail}", "文档只会重复名称：{detail}"
    ),
    "refused.not_extracted": Text(
        "The answer does not move the code into a new function.", "回答没有把代码提取为新函数。"
    ),
    "refused.extract_place": Text(
        "Select whole statements inside one function to move them into a new one.",
        "请选中同一个函数内的完整语句，再提取为新函数。",
    ),
    "refused.extract_flow": Text(
        "The lines return, yield, or leave a loop in a way that works only where they are.",
        "所选代码中的 return、yield、break 或 continue 离开原处就不再成立，无法提取。",
    ),
    "refused.extract_names": Text(
        "In a function of their own, the lines would not have the right value of: {detail}",
        "提取为新函数后，以下变量将得不到正确的值：{detail}",
    ),
    "refused.extract_bound": Text(
        "The lines use {detail}, which works only where they are.",
        "所选代码使用了 {detail}，离开原处就不再成立。",
    ),
    "refused.code_changed": Text("The answer would change the code itself.", "回答会改动代码本身。"),
    "refused.no_test": Text("The answer contains no test.", "回答中没有测试。"),
    "refused.tests_fail": Text(
        "The tests fail on the code as it is: {detail}", "这些测试在现有代码上不能通过：{detail}"
    ),
    "refused.not_reachable": Text(
        "A test in another file cannot call {detail}: it is not exported, private or inside a function.",
        "其他文件中的测试无法调用 {detail}：它没有导出、是私有的，或者定义在函数内部。",
    ),
    "refused.no_result": Text(
        "It returns nothing and only calls {detail}: a test could see nothing of that without stand-ins.",
        "它没有返回值，只调用了 {detail}：不替换这些调用，测试就无从检查。",
    ),
    "refused.needs_device": Text(
        "No test of it can run here: Android's {detail} work on a device alone, and the project has neither "
        "Robolectric nor Mockito to stand in.",
        "它的测试无法在这里运行：Android 的 {detail} 只在设备上工作，"
        "而项目没有 Robolectric 或 Mockito 来代替。",
    ),
    "refused.no_test_style": Text(
        "No test style is known for this language.", "尚不了解这种语言的测试惯例。"
    ),
    "refused.no_names": Text("The model found no better name.", "模型没有给出更好的名称。"),
    "refused.engine": Text("The model gave no answer: {detail}", "模型没有给出结果：{detail}"),
    # names of commands
    "command.accepted": Text("Suggestion accepted", "已接受建议"),
    "command.fix": Text("Fix: {message}", "修复：{message}"),
    "command.plain.fix": Text("Find and fix the bug", "查找并修复错误"),
    "command.review": Text("Review this selection", "审查所选代码"),
    "command.explain": Text("Explain", "解释代码"),
    "command.docstring": Text("Write documentation", "编写文档注释"),
    "command.test": Text("Write a unit test", "编写单元测试"),
    "command.simplify": Text("Simplify", "简化代码"),
    "command.extract": Text("Extract a function", "提取函数"),
    "command.rename": Text("Rename badly named variables", "改进变量命名"),
    "command.types": Text("Add type annotations", "添加类型注解"),
    "command.errors": Text("Handle errors", "添加错误处理"),
    "command.optimise": Text("Make it faster", "优化性能"),
    "command.translate.en": Text("Translate comments into English", "将注释翻译成英文"),
    "command.translate.zh": Text("Translate comments into Chinese", "将注释翻译成中文"),
    "command.edit": Text("Edit: {order}", "修改：{order}"),
    "command.plain.edit": Text("Edit by instruction", "按说明编辑"),
    "command.annotation": Text("Written by the model", "由模型生成"),
    # what an action is doing
    "action.waiting": Text("Reading the code.", "正在读取代码。"),
    "action.writing": Text("{lines} lines written.", "已写出 {lines} 行。"),
    "action.explained": Text("The explanation is in {file}.", "说明位于 {file}。"),
}


def locale_of(tag: str | None) -> Locale:
    """Return the language for a client's locale, such as `zh-cn` or `en_US`; English where in doubt."""
    return "zh" if (tag or "").lower().replace("_", "-").split("-")[0] == "zh" else "en"


def text(key: str, locale: Locale, **values: Any) -> str:
    """Write one sentence of the table."""
    return str(getattr(TEXTS[key], locale)).format(**values)


def rule(name: str, detail: str, locale: Locale) -> str:
    """Say why a filter or gate held an answer back; a rule without a text is described by its own words."""
    key = f"rule.{name}"
    return text(key, locale) if key in TEXTS else detail
