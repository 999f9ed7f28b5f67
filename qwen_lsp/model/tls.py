"""How a connection to an endpoint is secured: the system's authorities, one more, a certificate of our own.

Knows files and the standard library's `ssl`; no HTTP.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from functools import cache, lru_cache

from qwen_lsp.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Tls:
    """Paths of PEM files; "" for none."""

    ca_file: str = ""
    certificate: str = ""
    key: str = ""


NO_TLS = Tls()


@cache
def nobody() -> ssl.SSLContext:
    """Return settings that trust nobody, for connections without TLS: nothing has to be read for them."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


@lru_cache(4)
def context(tls: Tls) -> ssl.SSLContext:
    """Return the settings for connections; reading the system's authorities takes tens of milliseconds.

    Raises: ConfigError naming the setting whose file cannot be used.
    """
    import truststore  # only who speaks TLS pays for its import

    made = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    setting = "endpoint.caFile"
    try:
        if tls.ca_file:
            made.load_verify_locations(tls.ca_file)
        setting = "endpoint.clientCertificate"
        if tls.certificate:
            # Never ask on the terminal for the password of a key.
            made.load_cert_chain(tls.certificate, tls.key or None, password=lambda: b"")
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise ConfigError(f"`{setting}` cannot be used: {error}") from error
    return made
