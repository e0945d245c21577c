"""What went wrong on the way to a server, in a few words: each cause has its own, and none shows a password."""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Iterator
from http import HTTPStatus

ADVICE = {
    401: "it wants a name and a password",
    403: "it does not let you have it",
    404: "it does not have it",
    407: "the proxy wants a name and a password",
    429: "it was asked too often, try again later",
}


def without_password(url: str) -> str:
    """An address without what stands before the server's name.

    >>> without_password("https://user:secret@example.org/data.bin")
    'https://example.org/data.bin'
    """
    return re.sub(r"^(\w[\w+.-]*://)?.*@", r"\1", url)


def reason(error: Exception) -> str:
    """A short description of an error of `requests`, without its text, which may have the address."""
    import requests  # here, so that importing problems stays quick

    if isinstance(error, requests.HTTPError) and error.response is not None:
        return _status(error.response.status_code)
    if isinstance(error, ValueError):  # of a wrong form, or not of http
        return "this is no address of a web server"
    if isinstance(error, requests.exceptions.ProxyError):
        return "no connection to the proxy"
    causes = list(_causes(error))
    if isinstance(error, requests.exceptions.SSLError):
        said = [c.verify_message for c in causes if isinstance(c, ssl.SSLCertVerificationError)]
        return f"no trusted connection ({said[0] if said else 'it does not speak TLS as it should'})"
    for cause in causes:
        if isinstance(cause, socket.gaierror):
            return "no connection: the name of the server is not known, or there is no network"
        if isinstance(cause, ConnectionRefusedError):
            return "no connection: it was refused"
    if any(isinstance(cause, requests.Timeout | TimeoutError) for cause in causes):
        return "no answer in time"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "the connection broke"
    for cause in causes:
        if isinstance(cause, ConnectionError):  # Python's: reset, aborted
            return "the connection broke"
        if isinstance(cause, OSError) and cause.errno:
            return f"no connection ({cause.strerror})"
    return "no connection" if isinstance(error, requests.ConnectionError) else type(error).__name__


def _status(code: int) -> str:
    name = next((status.phrase for status in HTTPStatus if status == code), "unknown status")
    advice = "the server has a fault, try again later" if code >= 500 else ADVICE.get(code)
    return f"{code} {name}" + (f": {advice}" if advice else "")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """The error and those that led to it."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
