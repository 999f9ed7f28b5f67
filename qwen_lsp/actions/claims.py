"""Claims in documentation that the code must bear out: sorting, thread safety, caching and the like.

A small model likes to promise what nothing shows, and to give a parameter a meaning that its name suggests
("master": "the person who ..."). Pure; a sentence whose claim has no evidence is dropped.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from qwen_lsp.text import HAN, han_count, has_han

# What a sentence claims, and what in the code would show it.
_CLAIMS: tuple[tuple[str, str], ...] = (
    (
        r"\b(sort(s|ed|ing)?|ascending|descending|alphabetical(ly)?)\b|排序|升序|降序|有序",
        r"sort|order|tree(map|set)|heap|compar|cmp|<=>|bisect",
    ),
    (
        r"thread[- ]?safe|concurren(t|tly|cy)|atomic(ally)?\b|线程安全|并发|原子",
        r"lock|mutex|synchron|atomic|thread|concurrent|volatile|chan\b|async|semaphore",
    ),
    (r"\bcach(es?|ed|ing)\b|memoi[sz]|缓存", r"cach|memo|lru"),
    (r"\brandom(ly)?\b|随机", r"rand|uuid|shuffle|secrets"),
    (r"\bdatabase\b|数据库", r"sql|query|\bdb\b|database|repository|mapper|session|cursor|table"),
    (
        r"\bcase[- ]?insensitive|ignor\w+ case|忽略大小写|不区分大小写",
        r"lower|upper|casefold|ignore_?case|/\w*i\b|nocase",
    ),
    (r"\brecursive(ly)?\b|递归", ""),
    (r"\bmethods\b", r"\.\w+\s*\(|=>|function\s*\(|prototype|method|\bclass\b"),
    (
        r"\bunique\b|\bduplicates?\b|去重|重复",
        r"set\b|set\(|unique|distinct|dedup|seen|\bin\b|contains|duplic|equals|==",
    ),
    (
        r"\bconvert(s|ing|ed)?\b|转换",
        r"convert|transform|normal|parse|format|cast|coerce|serial|string|number|encod|decod|lower|upper|title|replace"
        r"|\bto[A-Z_]|_to_|\bas\b|str\(|int\(|float|bool|bytes|list\(|dict\(|tuple\(|set\(|map|join|split|from"
        r"|\]\s*=|[+\-*/%]\s*\w|`|\([a-z0-9]+\)\w|new \w|case\b",
    ),
    (
        r"\b(iterat(es?|ing)|loop(s|ing)?)\b|遍历|循环",
        r"\bfor\b|\bwhile\b|each|\bmap\b|reduce|filter|iter|next|loop|repeat|some\(|every\(|\ball\(|\bany\(",
    ),
    (r"\bregular expression\b|正则", r"re\.|regex|pattern|match|/[^/\n]+/"),
)
# A number in digits is one that the code has.
_NUMBER = re.compile(r"(?<![A-Za-z0-9_.-])\d+(?:\.\d+)?(?![A-Za-z0-9_%])")


def unfounded(sentence: str, code: str, name: str) -> bool:
    """Say whether a sentence claims what the code of a function called `name` does not show."""
    for claim, evidence in _CLAIMS:
        if not re.search(claim, sentence, re.IGNORECASE):
            continue
        shown = evidence or rf"\b{re.escape(name)}\s*\((?=[^{{]*[;)\n])"
        places = len(re.findall(shown, code, re.IGNORECASE))
        if places < (1 if evidence else 2):  # a recursive function names itself twice
            return True
    quoted = [*_NUMBER.findall(sentence), *re.findall(r"`([\w$.]+)`", sentence)]
    return any(re.search(rf"(?<![\w$]){re.escape(one)}(?![\w$])", code) is None for one in quoted)


def softened(text: str, code: str) -> str:
    """Take "unique" out of a text where the code shows nothing of it: the rest may be right."""
    evidence = next(shown for claim, shown in _CLAIMS if "unique" in claim)
    if re.search(evidence, code, re.IGNORECASE):
        return text
    text = re.sub(r"\b([Aa]) unique (?=[aeio])", r"\1n ", text)
    return re.sub(r"\bunique(ly)? |唯一的?", "", text)


def founded(text: str, code: str, name: str) -> str:
    """Return a text without the sentences that claim what the code does not show."""
    sentences = re.findall(r"[^.。!！;；]+(?:[.](?!\w)|[。!！;；]|$|[.])\s*", text)
    kept = [sentence for sentence in sentences if not unfounded(sentence, code, name)]
    return "".join(kept).strip() if sentences else text


# Words that descriptions of any code are made of: they claim nothing about its subject.
_GENERAL = """
able about above according across action added additional after again against algorithm allow along
already also always among amount another apply argument around array asynchronous attribute available base
based because become been before begin behavior being below between block body boolean both branch build
byte calculate call callback called cannot case change character check class clean code collection combine
common compare complete compute condition configuration considered constant construct contain content
context control convert copy correct corresponding could count create current custom data default define
delete denote depend describe determine dictionary different directly does done double during each either
element else empty enable encounter ensure entry error evaluate every example exception execute exist
expect explicit expression extra factory fail fallback false field file filter find first fixed flag float
follow format found from function further generate generator generic get given handle handler have held
help helper hold identifier ignore implementation include index indicate individual infer information
inherit initial initialize inner input insert inside instance instead integer interface internal into
invalid invoke item iterable iterate iteration iterator itself just keep keyword kind last later least
leave left length less level like limit line list literal local look loop main make manage mapping match
maximum mean member merge message method middle minimum missing mode modified more most multiple must name
named needed nested none normal note nothing null number object obtain occur ones only onto operation
operator optional order original other otherwise outer output over pair parameter parent part particular
pass passed path pattern perform place point pointer position positive possible prefix present previous
private process produce program property provide public purpose raise range rather reach receive record
refer reference related remain remove replace represent request require reset resolve respective response
result return reverse right root same second self send separate sequence series several shared should show
side similar simple simply since single size skip slice some source special specific specified split stand
standard start state step stop store stored string structure subsequent such suffix support switch
symbol take target temporary test text than that their them then there these they this those through throw
thrown time tool top total toward transform true tuple twice type undefined under unique unit until update
upon upper use used useful user using valid validate value variable verify version very view what when
where whether which while whole will with within without word work would wrap write written yield your
zero
"""
_WORD = re.compile(r"[A-Za-z][a-z]{3,}|[A-Z]{4,}(?![a-z])")
_STEM_CHARS = 5


def invented(descriptions: Iterable[str], file: str) -> bool:
    """Say whether descriptions speak of things that no name, string or comment of a file mentions.

    English only: Chinese is written without spaces between words.
    """
    known = {_stem(word) for word in _WORD.findall(file)} | {_stem(word) for word in _GENERAL.split()}
    return any(_stem(word) not in known for text in descriptions for word in _WORD.findall(text))


# Words of a Chinese sentence about code that say nothing of this one; verbs that any code could begin with.
_HOLLOW = re.compile(r"实例|对象|参数|方法|函数|属性|操作|相关|进行|的|了|和|与|给定|指定|传入|，|。|、")
_HOLLOW_VERB = re.compile(r"^(初始化|创建|新建|处理|执行|运行|设置|定义)")
_MIN_HAN = 4
_MIN_WORD = 4  # shorter ones are articles and prepositions


def says_nothing(summary: str, name: str, made: str = "") -> bool:
    """Whether a summary says no more than a function's name: no word of its own.

    In Chinese, which cannot be compared with the name, whether hardly a word follows a verb that fits
    anything. `made` is the class of a constructor.
    """
    if has_han(summary):
        rest = _HOLLOW.sub("", summary.replace(made, "") if made else summary)
        verb = _HOLLOW_VERB.match(rest)
        rest = rest[verb.end() :] if verb is not None else rest
        return verb is not None and han_count(rest) + 2 * len(re.findall(r"[A-Za-z]\w*", rest)) < _MIN_HAN
    known = {_stem(word) for word in re.findall(r"[A-Z]?[a-z]{2,}|[A-Z]{2,}", f"{name} {made}")}
    said = re.findall(r"[A-Z]?[a-z]+|[A-Z]{2,}", summary)
    is_maker = made or re.match(r"_*([Nn]ew|[Cc]reate|[Mm]ake|[Bb]uild)(?![a-z])", name) is not None
    stems = {_stem(word) for word in said[1 if is_maker else 0 :] if len(word) >= _MIN_WORD} - _HOLLOW_STEMS
    return all(any(one.startswith(other) or other.startswith(one) for other in known) for one in stems)


def is_hollow(description: str) -> bool:
    """Whether what is said of a parameter leaves open which thing it is: "An instance of another class"."""
    if has_han(description):
        rest = _VAGUE.sub("", description)
        return rest != description and not re.search(r"\w", _HOLLOW.sub("", rest))
    stems = {_stem(word) for word in re.findall(r"[A-Za-z]+", description) if len(word) >= _MIN_WORD}
    return bool(stems & _VAGUE_STEMS) and stems <= _HOLLOW_STEMS | _VAGUE_STEMS


def explains_itself(name: str, description: str) -> bool:
    """Whether a parameter's description only says its name again, in words: `dataVar`, "a data variable"."""
    parts = [one.lower() for one in re.findall(r"[A-Z]?[a-z]+|[A-Z]{2,}", name)]
    if has_han(description):
        rest = re.sub(rf"{re.escape(name)}|{_OF_ANY}", "", description)
        for part in parts:
            rest = re.sub(_IN_CHINESE.get(part, "$^"), "", rest)
        return not re.search(r"\w", rest)
    words = {one.lower() for one in re.findall(r"[A-Za-z]+", description)}
    own = {one for one in words for part in parts if one.startswith(part[:4]) or part.startswith(one)}
    return bool(own) and words <= own | _LITTLE


def elsewhere(sentence: str, shown: str, file: str) -> list[str]:
    """List the types that a sentence names, which the file has as types and the code shown has not."""
    # What is a type somewhere: declared or taken from; `GraphQL` may be no more than a word.
    types = set(re.findall(r"\b(?:class|interface|struct|type|enum|extends|implements|new) ([A-Z]\w*)", file))
    types |= set(re.findall(r"^class \w+\((?:\w+\.)*(\w+)", file, re.MULTILINE))
    named = re.findall(r"(?<![\w`@])[A-Z][a-z0-9]+(?:[A-Z][a-z0-9]*)+(?!\w)", sentence)
    return [one for one in dict.fromkeys(named) if one in types and not re.search(rf"\b{one}\b", shown)]


def repeats(text: str, said: str) -> bool:
    """Whether a longer text says again what another one has said, in much the same words."""
    if has_han(text):
        one, other = (_pairs(part) for part in (text, said))
        return len(one) >= _MIN_PAIRS and len(one & other) >= _SAME * len(one)
    one, other = (
        {_stem(word) for word in re.findall(r"[A-Za-z]+", part) if len(word) >= _MIN_WORD}
        for part in (text, said)
    )
    return len(one) >= _MIN_STEMS and len(one & other) >= _SAME * len(one)


def _pairs(text: str) -> set[str]:
    """Return what stands beside one another in the Chinese words and the names of a text."""
    parts = re.findall(rf"[{HAN}]+|\w+", text, re.ASCII)
    return {part[at : at + 2] for part in parts for at in range(max(len(part) - 1, 1))}


def speaks_of_function(summary: str) -> bool:
    """Whether a summary says that a function comes back, by whatever name."""
    return re.search(_FUNCTION_WORDS, summary, re.IGNORECASE) is not None


def _stem(word: str) -> str:
    return word.lower()[:_STEM_CHARS].rstrip("es")


_HOLLOW_WORDS = """
given specified provided object instance function method this that with from into value values class data
parameters arguments operation handle handles process processes perform performs execute executes run runs
form convert converts
"""
# What describes any parameter: its kind, and the words around it.
_LITTLE_WORDS = """
a an the of to in for is be that this which its it used given specified provided string number integer boolean
object array list value variable parameter argument instance data type
"""
_LITTLE = frozenset(_LITTLE_WORDS.split())
_OF_ANY = (
    r"字符串|布尔|数字|整数|数组|列表|对象|实例|变量|参数|类型|一个|表示|代表|包含|用于|用来|给定|指定|传入|所需|相关"
    r"|需要|要|的|值|为|是|该|此|[。，,. ]"
)
# Words that names are made of, in Chinese.
_IN_CHINESE_WORDS = """
data 数据; name 名称|名字|名; names 名称|名字; value 值; values 值; error 错误; errors 错误; err 错误
message 消息|信息; msg 消息|信息; options 选项|配置; opts 选项|配置; config 配置|设置; context 上下文
ctx 上下文; path 路径; file 文件; url URL|地址|网址; uri URI|地址; key 键|密钥; id ID|标识符?
index 索引|下标; size 大小|尺寸; length 长度; count 数量|计数; num 数量|数; max 最大; min 最小
width 宽度; height 高度; request 请求; response 响应; callback 回调(函数)?; event 事件
handler 处理(程序|器|函数); parent 父(级|类)?; child 子(级|类)?; node 节点; text 文本; input 输入
output 输出; result 结果; args 参数; params 参数; class 类; method 方法; user 用户; state 状态
status 状态; schema 模式|架构; var 变量; item 项|条目|元素; items 项|条目|元素; map 映射; set 集合
func 函数; function 函数; line 行; lines 行; key 键
"""
_IN_CHINESE = dict(
    one.strip().split(" ", 1) for line in _IN_CHINESE_WORDS.strip().split("\n") for one in line.split(";")
)
# Of so many words, and pairs of Chinese characters, so large a part.
_MIN_STEMS, _MIN_PAIRS, _SAME = 4, 8, 0.8
_FUNCTION_WORDS = (
    r"function|decorator|closure|callback|callable|wrapper|handler|lambda|getter|setter|middleware|factory"
    r"|函数|装饰器|闭包|回调|包装器|处理器|中间件|工厂"
)
_VAGUE = re.compile(r"(另|其他|其它|某)(一?[个些种])?(类|值|数据|类型|东西)?")
_VAGUE_WORDS = ("another", "other", "some", "certain", "various", "thing", "something")
_VAGUE_STEMS = frozenset(map(_stem, _VAGUE_WORDS))
_HOLLOW_STEMS = frozenset(_stem(word) for word in _HOLLOW_WORDS.split())
