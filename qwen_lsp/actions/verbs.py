"""The verbs that summaries of code begin with: an answer held to them says first what is done.

English in the imperative or, where a file writes so, in the third person; Chinese as its documentation
begins. Pure; it knows no model.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from qwen_lsp.messages import Locale

_ENGLISH = """
abort accept accumulate acquire add adjust advance align allocate allow annotate append apply archive assemble
assert assign attach authenticate await backfill bind block broadcast build bump cache calculate call cancel
capture cast change check choose clamp classify clean clear clone close coerce collapse collect combine commit
compact compare compile complete compose compress compute concatenate configure confirm connect constrain
construct consume convert copy count create debounce decode decorate decrease decrypt deduplicate defer define
delegate delete deliver derive deserialize detach detect determine disable discard disconnect dismiss dispatch
display divide download drain draw drop dump echo emit empty enable encode encrypt end enforce enqueue ensure
enter escape establish evaluate evict exclude execute exit expand export expose extend extract fetch fill
filter finalize find finish fire flag flatten flush focus fold force format forward freeze gather generate get
give go grant group guess handle hash hide highlight hold identify ignore implement import include increase
increment indent index infer inform inherit initialize inject insert inspect install instantiate intercept
interpolate intersect invalidate invert invoke issue iterate join jump keep label launch limit link list
listen load locate lock log look lower make map mark marshal mask match materialize measure memoize merge
migrate mock modify monitor mount move multiply narrow nest normalize notify observe obtain open order
override pack pad paint parse pass patch pause peek perform persist pick place play pluralize poll pop
populate post predict preload prepare prepend present preserve prevent print probe process produce propagate
provide prune publish pull push put query queue quote raise rank read rebuild receive recompute reconcile
record recover redirect redraw reduce refresh register reject relay release reload remove rename render repeat
replace reply report request require reserve reset resize resolve respond restart restore resume rethrow
retrieve retry return reuse reverse revert revoke rewind rewrite rotate round route run sample sanitize save
scale scan schedule scroll search seed seek select send separate serialize serve set shift show shuffle shut
sign signal simulate skip slice snapshot sort spawn split start stop store stringify strip submit subscribe
subtract suggest sum summarize supply support swap switch synchronize tag take tally tell terminate test
throttle throw toggle tokenize trace track transfer transform translate traverse trigger trim truncate try
turn unbind undo unescape unify uninstall unlock unmarshal unpack unquote unregister unset unsubscribe unwind
unwrap update upgrade upload upsert use validate verify visit wait wake walk warn watch widen wire wrap write
yield zip
"""
# What a constructor does.
_CREATING = ("create", "initialize")
_CHINESE = (
    "返回|获取|取得|设置|创建|新建|初始化|判断|检查|检测|计算|将|把|根据|从|对|向|为|在|用|以|按|添加|增加|删除|移除|更新|修改"
    "|读取|写入|解析|生成|构造|构建|转换|处理|执行|运行|调用|注册|注销|加载|保存|发送|接收|查找|查询|搜索|过滤|排序|合并|拼接"
    "|拆分|分割|格式化|验证|校验|清空|清除|清理|重置|启动|停止|关闭|打开|打印|输出|记录|比较|复制|拷贝|移动|重命名|替换|应用|触发"
    "|通知|监听|订阅|绑定|解绑|显示|隐藏|渲染|绘制|请求|下载|上传|等待|取消|暂停|恢复|同步|提交|回滚|连接|断开|编码|解码|加密"
    "|解密|压缩|解压|序列化|反序列化|映射|遍历|统计|限制|包装|封装|提取|确保|尝试|定义|准备|完成|标记|存储|插入|追加|截取|截断"
    "|去除|填充|匹配|抛出|忽略|使用|若|如果|当|给|让|使|确定|收集|展开|压平|分配|释放|刷新|重新|逐个|依次"
)
# What a name's first word says of it already: a summary that begins otherwise is of something else.
_BY_NAME: tuple[tuple[str, str, str], ...] = (
    (
        "get",
        "get return retrieve fetch find obtain compute calculate look extract read load determine",
        "返回|获取|取得|读取|查找|查询|计算|根据|从|提取|加载|确定|请求|如果|当",
    ),
    (
        "set",
        "set assign store update change configure register toggle enable disable replace apply mark",
        "设置|更新|保存|修改|根据|为|将|把|给|存储|替换|标记|如果|当",
    ),
    (
        "is|has|can|should|contains|exists",
        "check determine test return report tell identify",
        "判断|检查|检测|返回|确定|验证|校验",
    ),
    (
        "new|create|make|build",
        "create build make construct return initialize generate produce prepare",
        "创建|新建|构造|构建|生成|根据|返回|用|使用|准备|为|将|把",
    ),
)
# What says that something comes back.
_RETURNING = {"return", "give", "返回"}
_FIRST_WORD = re.compile(r"\W*([A-Za-z]+)")


def beginnings(
    locale: Locale,
    others: Sequence[str],
    made: str = "",
    *,
    is_third: bool,
    name: str = "",
    has_result: bool = True,
    gives_function: bool = False,
) -> list[str]:
    """List what a summary may begin with: what fits a function's name, and whether something comes back.

    `made` is the class that a constructor makes one of; `gives_function` where a function only makes another,
    so that nothing it says of that one is said of itself. `others` are other documentation of the file: they
    say whether its verbs end in `s`; where they do not, `is_third` says.
    """
    fitting = next(
        ((english, chinese) for words, english, chinese in _BY_NAME if re.fullmatch(words, first_word(name))),
        (_ENGLISH, _CHINESE),
    )
    if locale == "zh":
        verbs = [one for one in fitting[1].split("|") if has_result or one not in _RETURNING]
        if gives_function:
            return ["返回一个函数，"]
        return [f"创建 {made} 实例，", f"初始化 {made} 实例，"] if made else verbs
    firsts = [word[1].lower() for text in others if (word := _FIRST_WORD.match(text))]
    known = set(_ENGLISH.split())
    n_plain, n_third = sum(one in known for one in firsts), sum(one in _THIRD for one in firsts)
    is_third = n_third > n_plain if n_third != n_plain else is_third
    if gives_function:
        return [f"{'Returns' if is_third else 'Return'} a function that"]
    verbs = [one for one in fitting[0].split() if has_result or one not in _RETURNING]
    stems = _CREATING if made else verbs
    found = [_upper(_third(stem) if is_third else stem) for stem in stems]
    if not made:
        return found
    article = "an" if made.lstrip("_")[:1].lower() in "aeiou" else "a"
    return [f"{found[0]} {article} {made}", f"{found[1]} the {made}"]


def first_word(name: str) -> str:
    """Return the first word of a name in small letters: `get` of `getUser`, `GET_USER` and `_get_user`."""
    found = re.match(r"_*([a-z]+|[A-Z][a-z]+|[A-Z]+(?![a-z]))", name)
    return found[1].lower() if found is not None else ""


def _third(stem: str) -> str:
    """Return the third person of a verb, whose first word it is."""
    verb, _, rest = stem.partition(" ")
    if verb.endswith(("s", "sh", "ch", "x", "z", "o")):
        verb += "es"
    elif verb.endswith("y") and verb[-2] not in "aeiou":
        verb = f"{verb[:-1]}ies"
    else:
        verb += "s"
    return f"{verb} {rest}".rstrip()


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]


_THIRD = frozenset(_third(stem) for stem in _ENGLISH.split())
