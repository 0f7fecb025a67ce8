"""The server's process: listens, answers until it is told to end, and ends cleanly."""

import logging
import signal
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import uvicorn

from agent.errors import ConfigError, UnavailableError
from central.server.chores import Chore, Chores
from central.server.intake import LiveIntake
from central.wiring.serving import (
    PeerProtocol,
    Serving,
    Tally,
    application,
    serving_of,
)

_ENDING: Final = (signal.SIGTERM, signal.SIGINT)
_MINUTE_S: Final = 60.0
_DAY_S: Final = 86_400.0
_MAX_CONNECTIONS: Final = 512
_BACKLOG: Final = 1024
_GRACE_S: Final = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Listening:
    """Where and how the server listens.

    Attributes:
        port: 0: any that is free.
        cert: The server's certificate, with those between it and its authority; None:
            no TLS.
        key: Its private key; None: in the same file.
        client_ca: Whose client certificates stand for a token; None: nobody's.
    """

    host: str
    port: int
    cert: Path | None = None
    key: Path | None = None
    client_ca: Path | None = None


def serve(
    folder: Path, *, listening: Listening, announce: Callable[[str], None]
) -> None:
    """Serve until SIGTERM or SIGINT; then finish what was begun, and return.

    Args:
        folder: Central's, as `init` made it.
        listening: Where.
        announce: Is told the server's URL once it answers.

    Raises:
        ConfigError: `fleet.toml`, a certificate or the address cannot be used.
        UnavailableError: The database or the address cannot be had now.
        StateError: The database is damaged, or of a newer schema.
    """
    with serving_of(folder) as serving:
        client_ca = listening.client_ca or serving.limits.client_ca
        context = _tls(listening, client_ca=client_ca)
        with closing(_bound(listening)) as opened:
            scheme = "http" if context is None else "https"
            url = f"{scheme}://{_address(opened)}"
            with _working(folder, serving) as config:
                config.load()
                config.ssl = context
                _Server(config, announce=lambda: announce(url)).run([opened])


class _Server(uvicorn.Server):
    """Says when it answers, and ends with 0 when a signal told it to."""

    def __init__(self, config: uvicorn.Config, *, announce: Callable[[], None]) -> None:
        super().__init__(config)
        self._announce = announce

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        self._announce()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        # Uvicorn's own raises the signal again at the end, which kills.
        before = {each: signal.signal(each, self.handle_exit) for each in _ENDING}
        try:
            yield
        finally:
            for each, handler in before.items():
                signal.signal(each, handler)


@contextmanager
def _working(folder: Path, serving: Serving) -> Iterator[uvicorn.Config]:
    """Yield how uvicorn is to run; what works beside it ends with it."""
    tally = Tally()

    def count() -> None:
        tally.hosts = serving.hosts()

    chores = Chores(
        [
            Chore(name="shelve", every_s=_MINUTE_S, do=serving.shelve),
            Chore(name="count", every_s=_MINUTE_S, do=count),
            Chore(name="compact", every_s=serving.compact_every_s, do=serving.compact),
            Chore(name="trim", every_s=_DAY_S, do=serving.trim),
        ],
        clock_s=time.monotonic,
    )
    with closing(LiveIntake(serving)) as intake, closing(chores):
        chores.start()
        app = application(intake, folder=folder, limits=serving.limits, tally=tally)
        yield uvicorn.Config(
            app,
            http=PeerProtocol,
            loop="asyncio",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            limit_concurrency=_MAX_CONNECTIONS,
            timeout_graceful_shutdown=_GRACE_S,
        )


def _tls(listening: Listening, *, client_ca: Path | None) -> ssl.SSLContext | None:
    if listening.cert is None:
        if client_ca is not None or listening.key is not None:
            raise ConfigError("expected --cert beside --key and --client-ca, got none")
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        # An empty password: a key that wants one is refused, nobody is asked.
        context.load_cert_chain(listening.cert, listening.key, password="")
        if client_ca is not None:
            context.load_verify_locations(client_ca)
            # A host may show a token instead; files are for everybody.
            context.verify_mode = ssl.CERT_OPTIONAL
    except OSError as error:  # SSLError is one, too
        given = [listening.cert, listening.key, client_ca]
        names = ", ".join(str(each) for each in given if each is not None)
        raise ConfigError(
            f"{names}: expected a certificate, its key and an authority in PEM, "
            f"got: {error}"
        ) from error
    return context


def _bound(listening: Listening) -> socket.socket:
    family = socket.AF_INET6 if ":" in listening.host else socket.AF_INET
    try:
        return socket.create_server(
            (listening.host, listening.port), family=family, backlog=_BACKLOG
        )
    except OSError as error:
        raise UnavailableError(
            f"{listening.host}:{listening.port}: expected an address to listen on, "
            f"got: {error.strerror or error}"
        ) from error


def _address(opened: socket.socket) -> str:
    host, port = opened.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def log_to_stderr() -> None:
    """Write what the server and its libraries log to stderr, a line each, in UTC."""
    form = "%(asctime)sZ %(levelname)-7s %(message)s"
    formatter = logging.Formatter(form, datefmt="%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    handler = logging.StreamHandler()
    handler.setFormatter(formatter)
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
