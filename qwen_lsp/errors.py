"""Every exception this package raises on purpose, as one tree.

QwenLspError                 anything a user may read; the message says what to do
├── ConfigError              settings that cannot be used at all
├── InputError               a file, position or data set that the user named is wrong
├── ModelError               weights: unknown name, missing, corrupt, no source reachable
│   ├── ModelNotFound        the catalog or the disk has no such model
│   └── DownloadError        no source gave the file, or it failed its check
├── EngineBuildError         the engine cannot be compiled here, or what was compiled is no better
└── EndpointError            the engine or the endpoint
    ├── EndpointUnavailable  not running, refused, died, still loading at the deadline
    ├── EndpointTimeout      no answer within the deadline
    ├── EndpointRejected     it answered with an error status or with nonsense
    └── EndpointStale        the request has waited for its turn until its text is an old one: ask anew

Cancellation is asyncio.CancelledError and is never caught except to release and re-raise.
Expected absence is a value (None, Rejected), not an exception.
"""


class QwenLspError(Exception):
    """Anything a user may read; the message says what happened and what to do."""


class ConfigError(QwenLspError):
    """Raised when settings cannot be used at all; correct the named key."""


class InputError(QwenLspError):
    """Raised when a file, position or data set that the user named is wrong."""


class ModelError(QwenLspError):
    """Raised when weights are unknown, missing or corrupt."""


class ModelNotFound(ModelError):
    """Raised when neither the catalog nor the disk has the model."""


class DownloadError(ModelError):
    """Raised when no source gave the file, or what came failed its check; try again or change the source."""


class EngineBuildError(QwenLspError):
    """Raised when the engine cannot be compiled here, or what was compiled is wrong or no faster."""


class EndpointError(QwenLspError):
    """Raised when the engine or the endpoint did not do what was asked."""


class EndpointUnavailable(EndpointError):
    """Raised when nothing answers at the endpoint, or the engine died or is still loading."""


class EndpointTimeout(EndpointError):
    """Raised when no answer came within the deadline."""


class EndpointRejected(EndpointError):
    """Raised when the endpoint answered with an error status or with something unreadable."""


class EndpointStale(EndpointError):
    """Raised when it is a request's turn, but its text is an old one; what is asked now gets the turn."""
