"""Secrets of 20 kinds, made by a seed and valid nowhere, and the lines of files that people put them on."""

from __future__ import annotations

import base64
import random
import string
from collections.abc import Callable
from dataclasses import dataclass

_ALNUM = string.ascii_letters + string.digits
_HEX = "0123456789abcdef"


@dataclass(frozen=True)
class Planted:
    """`text` holds `secret`; it stands in a file of this name."""

    kind: str
    secret: str
    text: str
    name: str


def planted(per_kind: int = 10, seed: int = 7) -> list[Planted]:
    """Return so many of each kind, each on a line of its own form."""
    chance = random.Random(seed)

    def some(alphabet: str, length: int) -> str:
        return "".join(chance.choice(alphabet) for _ in range(length))

    def word() -> str:  # as people choose passwords
        return (
            chance.choice(["Tiger", "summer", "Xk", "winter", "hunter"])
            + some(_ALNUM, 7)
            + some("0123456789", 3)
        )

    makers: dict[str, Callable[[], tuple[str, str]]] = {
        "aws id": lambda: ("AKIA" + some(string.ascii_uppercase + string.digits, 16), "code"),
        "aws secret": lambda: (some(_ALNUM + "/+", 40), "aws_secret_access_key"),
        "github": lambda: ("ghp_" + some(_ALNUM, 36), "code"),
        "gitlab": lambda: ("glpat-" + some(_ALNUM, 20), "code"),
        "slack": lambda: (f"xoxb-{some('0123456789', 12)}-{some(_ALNUM, 24)}", "code"),
        "google": lambda: ("AIza" + some(_ALNUM, 35), "code"),
        "openai": lambda: ("sk-proj-" + some(_ALNUM, 48), "code"),
        "stripe": lambda: ("sk_live_" + some(_ALNUM, 24), "code"),
        "hugging face": lambda: ("hf_" + some(_ALNUM, 34), "code"),
        "npm": lambda: ("npm_" + some(_ALNUM, 36), "code"),
        "pypi": lambda: ("pypi-" + some(_ALNUM, 120), "code"),
        "sendgrid": lambda: (f"SG.{some(_ALNUM, 22)}.{some(_ALNUM, 43)}", "code"),
        "twilio": lambda: ("SK" + some(_HEX, 32), "code"),
        "jwt": lambda: (f"eyJ{some(_ALNUM, 20)}.eyJ{some(_ALNUM, 60)}.{some(_ALNUM, 43)}", "code"),
        "bearer": lambda: (some(_ALNUM + "._", 40) + "7a", "bearer"),
        "url": lambda: (word(), "url"),
        "environment": lambda: (word(), "environment"),
        "yaml": lambda: (word(), "yaml"),
        "password": lambda: (word(), "password"),
        "private key": lambda: (base64.b64encode(chance.randbytes(48)).decode(), "pem"),
    }
    forms = {
        "code": [
            ('client = Client("{}")\n', "app.py"),
            ("const key = '{}';\n", "app.js"),
            ("key: {}\n", "conf.yaml"),
            ("KEY={}\n", "run.sh"),
            ("# used to be {}\n", "app.py"),
        ],
        "aws_secret_access_key": [
            ('aws_secret_access_key = "{}"\n', "app.py"),
            ("AWS_SECRET_ACCESS_KEY={}\n", "run.sh"),
            ("  secretAccessKey: '{}',\n", "app.js"),
        ],
        "bearer": [
            ('headers = {{"Authorization": "Bearer {}"}}\n', "app.py"),
            ("curl -H 'Authorization: Bearer {}' https://api.example.com\n", "run.sh"),
        ],
        "url": [
            ('DATABASE = "postgres://shop:{}@db.example.com:5432/shop"\n', "app.py"),
            ("redis_url: redis://default:{}@cache:6379/0\n", "conf.yaml"),
        ],
        "environment": [
            ("DB_PASSWORD={}\n", "run.sh"),
            ("export API_TOKEN={}\n", "run.sh"),
            ("SESSION_SECRET={}\n", "settings.ini"),
        ],
        "yaml": [
            ("  password: {}\n", "conf.yaml"),
            ("api_key: {}\n", "conf.yaml"),
            ("client_secret: {}\n", "conf.yml"),
        ],
        "password": [
            ('password = "{}"\n', "app.py"),
            ('connect(user="shop", password="{}")\n', "app.py"),
            ('{{"dbPassword": "{}"}}\n', "conf.json"),
            ("var apiToken string = `{}`\n", "app.go"),
            ('passwords["shop"] = "{}"\n', "app.py"),
        ],
        "pem": [("-----BEGIN RSA PRIVATE KEY-----\n{}\n-----END RSA PRIVATE KEY-----\n", "app.py")],
    }
    made: list[Planted] = []
    for kind, make in makers.items():
        for _ in range(per_kind):
            secret, form = make()
            text, name = chance.choice(forms[form])
            made.append(Planted(kind, secret, text.format(secret), name))
    return made
