"""Enrolment: a host becomes one of a central's, and its configuration says so."""

import os
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace

from agent import __version__
from agent.adapters.identity import host_id
from agent.adapters.whole import write_whole
from agent.config import Central, Config, toml_text
from agent.core.enrolment import check_root, fragment, short
from agent.errors import StateError
from agent.wiring.credentials import tls
from agent.wiring.named import read_named

_READABLE = 0o644
_FRAGMENT = Path("conf.d", "50-central.toml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What an operator wants.

    Attributes:
        url: Of central, http or https.
        folder: Of the configuration, absolute; all is kept there.
        root: File of the root metadata; None: it is fetched.
        root_sha256: What the root must be; None: it is trusted as it comes.
        ca_file: By what central's certificate is known; None: by the system's store, or
            what is configured.
    """

    url: str
    folder: Path
    root: Path | None = None
    root_sha256: str | None = None
    ca_file: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolled:
    """How a host is enrolled.

    Attributes:
        root_sha256: Of the root that it trusts.
        files: What was written; empty: all was so already.
    """

    host_id: str
    url: str
    root_sha256: str
    files: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Files:
    """What says how a host is enrolled; other names for another root or central.

    So the fragment alone decides: until it is written, nothing has changed.
    """

    root: Path
    token: Path
    fragment: Path
    content: bytes


def enrolled_already(wanted: Wanted) -> Enrolled | None:
    """Return how this host is enrolled as it is wanted to be; None: it is not."""
    for path in _roots(wanted):
        try:
            root = path.read_bytes()
            digest = check_root(root, sha256=wanted.root_sha256, source=str(path))
            files = _files(wanted, digest=digest)
            is_so = files.fragment.read_bytes() == files.content
            is_so = is_so and files.root.read_bytes() == root
            is_so = is_so and bool(files.token.stat().st_size)
        except OSError:
            continue
        if is_so:
            return Enrolled(
                host_id=host_id(), url=wanted.url, root_sha256=digest, files=()
            )
    return None


def enrol(wanted: Wanted, *, config: Config, join_token: str) -> Enrolled:
    """Ask central for a token, and write what this host needs to be one of its own.

    Raises:
        ConfigError: Central refuses, or the root is another than was named; nothing
            was written.
        UnavailableError: Central is not to be had now; nothing was written.
        StateError: The folder cannot be written; the host is enrolled as before.
    """
    _check_folder(wanted.folder)
    # 100 ms that a host which is enrolled already does without.
    from agent.adapters.http.enrolment import HttpEnrolment  # noqa: PLC0415

    central = _central(config, wanted)
    door = HttpEnrolment(
        wanted.url,
        context=tls(central, url=wanted.url),
        proxy=central.proxy,
        no_proxy=central.no_proxy,
    )
    with closing(door):
        if wanted.root is None:
            root, source = door.first_root(), wanted.url
        else:
            root, source = read_named(wanted.root, key="--root"), str(wanted.root)
        digest = check_root(root, sha256=wanted.root_sha256, source=source)
        files = _files(wanted, digest=digest)
        token = door.token(
            host_id(),
            join_token=join_token,
            agent=__version__,
            present=_kept(files.token),
        )
    write_whole(files.root, root, mode=_READABLE)
    write_whole(files.token, f"{token}\n".encode(), like=config.agent.state_dir)
    write_whole(files.fragment, files.content, mode=_READABLE)
    written = tuple(map(str, (files.root, files.token, files.fragment)))
    return Enrolled(
        host_id=host_id(), url=wanted.url, root_sha256=digest, files=written
    )


def _kept(path: Path) -> str | None:
    """Return the token that this central gave before; None: none that can be read."""
    try:
        return path.read_text(encoding="ascii", errors="replace").strip() or None
    except OSError:
        return None


def _roots(wanted: Wanted) -> list[Path]:
    """Return the files that may be the wanted root."""
    found = sorted(wanted.folder.glob("root-*.json"))
    return found if wanted.root is None else [wanted.root]


def _files(wanted: Wanted, *, digest: str) -> _Files:
    root = wanted.folder / f"root-{digest[:12]}.json"
    token = wanted.folder / f"central-{short(wanted.url)}.token"
    values = {
        "url": toml_text(wanted.url),
        "trust_root": toml_text(str(root)),
        "token": toml_text({"file": str(token)}),
    }
    if wanted.ca_file is not None:
        values["ca_file"] = toml_text(str(wanted.ca_file))
    return _Files(
        root=root,
        token=token,
        fragment=wanted.folder / _FRAGMENT,
        content=fragment(values),
    )


def _central(config: Config, wanted: Wanted) -> Central:
    """Return how central is reached: as is configured, but for what is wanted."""
    central = config.central
    return (
        central if wanted.ca_file is None else replace(central, ca_file=wanted.ca_file)
    )


def _check_folder(folder: Path) -> None:
    """Raise if a token could not be written: a join token may serve only once."""
    for place in (folder, (folder / _FRAGMENT).parent):
        nearest = next(each for each in (place, *place.parents) if each.exists())
        if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
            raise StateError(
                f"{place}: expected a folder that this user can write to, got "
                f"{nearest}, which is not; run it as root, or name a configuration by "
                "--config"
            )
