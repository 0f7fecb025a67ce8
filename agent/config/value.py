"""One value of the configuration: how it is written, what it means, how it is shown."""

import re
from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import msgspec

from agent.core.quantity import duration_s, size_bytes

Regex = re.Pattern[str]
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_LISTEN = re.compile(r"([A-Za-z0-9.-]+|\[[0-9a-fA-F:.]+\]):(\d{1,5})")
_LAST_PORT = 65535
_NEVER = "(?!)"
_SHOWN_LENGTH = 80


class Duration(float):
    """Seconds, made of and shown as a number and a unit: `Duration("15m")`."""

    text: str

    def __new__(cls, text: str) -> Self:  # noqa: D102 - as on the class
        self = super().__new__(cls, duration_s(text))
        self.text = text
        return self


class Size(int):
    """Bytes, made of and shown as a number and a unit: `Size("256MB")`."""

    text: str

    def __new__(cls, text: str) -> Self:  # noqa: D102 - as on the class
        self = super().__new__(cls, size_bytes(text))
        self.text = text
        return self


class Address(str):
    """An https, http or file URL without a secret in it, or an absolute path."""

    __slots__ = ()


class Listen(str):
    """Where to listen, `HOST:PORT`."""

    __slots__ = ()

    @property
    def host(self) -> str:
        """The name or address, an IPv6 one without its brackets."""
        return self.rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        """0..65535; 0 means any free one."""
        return int(self.rpartition(":")[2])


class SharingLevel(StrEnum):
    """What may leave this host, from least to most."""

    NOTHING = "nothing"
    SUMMARIES = "summaries"
    SAMPLES = "samples"


class WhenFull(StrEnum):
    """What a full spool gives up."""

    DROP_OLDEST = "drop-oldest"
    DROP_NEWEST = "drop-newest"


class SecretSource(StrEnum):
    """Where a secret is kept, as it is never kept in the configuration."""

    CREDENTIAL = "credential"  # systemd's LoadCredential=
    FILE = "file"
    ENV = "env"


class SecretReference(msgspec.Struct, frozen=True, kw_only=True):
    """Where a secret is, not what it is.

    Attributes:
        name: Of the credential or the variable; of a file, its absolute path.
    """

    source: SecretSource
    name: str


def parsed(value: object, *, kind: Any, base: Path) -> object:  # noqa: ANN401 - an annotation
    """Return `value`, as TOML gives it, as a `kind`.

    Args:
        value: A string, number, boolean, date, list or table.
        kind: The annotation of the field that it is for.
        base: What a relative path is relative to; absolute.

    Raises:
        ValueError: Says what was expected and what was got, but never a secret.
    """
    if kind in _PARSERS:
        return _PARSERS[kind](value, base)
    try:
        return msgspec.convert(value, type=kind)
    except msgspec.ValidationError as error:
        expected = _PLAIN.get(kind) or f"one of {', '.join(kind)}"
        raise _unexpected(expected, value) from error


def written(value: object) -> object:
    """Return a parsed value as it could be written in TOML; None if it is not set.

    Relative paths come back absolute and a list of expressions comes back as one.
    """
    match value:
        case Duration() | Size():
            value = value.text
        case re.Pattern():
            value = value.pattern
        case SecretReference():
            value = {value.source.value: value.name}
        case tuple():
            value = list(value)
        case str() | Path():
            value = str(value)
        case _:
            pass
    return value


def toml_text(value: object) -> str:
    """Return the TOML of a written value, on one line."""
    match value:
        case bool():
            return str(value).lower()
        case str():
            # A JSON string is a TOML string, but for DEL.
            return msgspec.json.encode(value).decode().replace("\x7f", "\\u007F")
        case list():
            return f"[{', '.join(toml_text(item) for item in value)}]"
        case {}:
            pairs = [f"{toml_key(k)} = {toml_text(v)}" for k, v in value.items()]
            return f"{{ {', '.join(pairs)} }}" if pairs else "{}"
        case _:
            return str(value)


def toml_key(name: str) -> str:
    """Return `name` as a key of TOML, quoted where it must be."""
    return name if _BARE_KEY.fullmatch(name) else toml_text(name)


def _unexpected(expected: str, got: object) -> ValueError:
    text = toml_text(got)
    if len(text) > _SHOWN_LENGTH:
        text = f"{text[:_SHOWN_LENGTH]}..."
    return ValueError(f"expected {expected}, got {text}")


def _duration(value: object, _base: Path) -> Duration:
    if not isinstance(value, str):
        raise _unexpected('a string with a unit such as "10s"', value)
    return Duration(value)


def _size(value: object, _base: Path) -> Size:
    if not isinstance(value, str):
        raise _unexpected('a string with a unit such as "256MB"', value)
    return Size(value)


def _path(value: object, base: Path) -> Path:
    text = str(value) if isinstance(value, str | Path) else ""
    if not text or not text.isprintable():
        raise _unexpected("a path", value)
    try:
        return base / Path(text).expanduser()
    except RuntimeError as error:
        raise _unexpected("a path in the home folder of somebody", value) from error


def _address(value: object, base: Path) -> Address:
    expected = "an https://, http:// or file:/// address, or a path (/... or ./...)"
    if not isinstance(value, str):
        raise _unexpected(expected, value)
    if value.startswith(("/", "./", "../", "~")):
        return Address(_path(value, base))
    if "@" in value or "?" in value:
        # Not shown: what stands there may be the secret.
        raise ValueError(
            f"expected {expected} without user, password or query, "
            "got one that has them; a secret never stands in the configuration"
        )
    if not _is_url(value):
        raise _unexpected(expected, value)
    return Address(value)


def _is_url(text: str) -> bool:
    try:
        url = urlsplit(text)
        is_remote = url.scheme in ("https", "http") and bool(url.hostname)
        # Reading the port is what checks it.
        return (is_remote and url.port != 0) or text.startswith("file:///")
    except ValueError:
        return False


def _listen(value: object, _base: Path) -> Listen:
    match = _LISTEN.fullmatch(value) if isinstance(value, str) else None
    if match is None or int(match[2]) > _LAST_PORT:
        raise _unexpected('HOST:PORT such as "127.0.0.1:9469"', value)
    return Listen(match[0])


def _regex(value: object, _base: Path) -> Regex:
    given = value if isinstance(value, list) else [value]
    if not all(isinstance(part, str) for part in given):
        raise _unexpected("a regular expression or a list of them", value)
    # An empty expression would match everything; who writes one means nothing.
    parts = [str(part) for part in given if part] or [_NEVER]
    compiled = [_compiled(part) for part in parts]
    return _compiled("|".join(f"(?:{p})" for p in parts)) if parts[1:] else compiled[0]


def _compiled(text: str) -> Regex:
    try:
        return re.compile(text)
    except (re.error, OverflowError, RecursionError) as error:
        problem = _unexpected("a regular expression", text)
        raise ValueError(f"{problem} ({error})") from error


def _secret(value: object, base: Path) -> SecretReference:
    match list(value.items()) if isinstance(value, dict) else []:
        case [("credential" | "env" as source, str(name))] if name:
            return SecretReference(source=SecretSource(source), name=name)
        case [("file", str(name))] if name:
            path = _path(name, base)
            return SecretReference(source=SecretSource.FILE, name=str(path))
        case _:
            pass
    # Not shown: what stands there may be the secret.
    raise ValueError(
        'expected exactly one of { credential = "NAME" }, { file = "PATH" } and '
        '{ env = "NAME" }; a secret never stands in the configuration'
    )


_PLAIN: Mapping[Any, str] = {
    bool: "true or false",
    float: "a number",
    int: "a whole number",
    str: "a string",
    tuple[str, ...]: "a list of strings",
    Mapping[str, str]: "a table of strings",
}
_PARSERS: Mapping[Any, Callable[[object, Path], object]] = {
    Duration: _duration,
    Size: _size,
    Path: _path,
    Address: _address,
    Listen: _listen,
    Regex: _regex,
    SecretReference: _secret,
}
