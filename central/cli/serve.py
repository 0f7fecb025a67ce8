"""`forewarn-central serve`."""

import json
from pathlib import Path

import click

from central.cli.options import dir_option
from central.cli.output import say
from central.server import Listening, log_to_stderr
from central.server import serve as serve_folder

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.option(
    "--listen",
    default="127.0.0.1:8440",
    show_default=True,
    metavar="HOST:PORT",
    help="Where to listen; port 0 takes any that is free.",
)
@click.option("--cert", type=_FILE, help="Certificate of this server; PEM.")
@click.option(
    "--key", type=_FILE, help="Its private key; PEM.  [default: in the same file]"
)
@click.option(
    "--client-ca",
    type=_FILE,
    help="Authority whose client certificates stand for a token; PEM.  [default: "
    "serve.client_ca of fleet.toml]",
)
@dir_option
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Tell where it listens as one line of JSON.",
)
def serve(
    *,
    listen: str,
    cert: Path | None,
    key: Path | None,
    client_ca: Path | None,
    folder: Path,
    as_json: bool,
) -> None:
    """Serve the signed repository, and take in what hosts report.

    Prints its address once it answers; ends with SIGTERM, after what it has begun.
    """
    host, port = _parted(listen)
    log_to_stderr()

    def announce(url: str) -> None:
        line = json.dumps({"listening": url}) if as_json else f"listening on {url}"
        click.echo(line)
        if cert is None:
            say("no --cert: tokens and reports cross the network in clear")

    listening = Listening(host=host, port=port, cert=cert, key=key, client_ca=client_ca)
    serve_folder(folder, listening=listening, announce=announce)


def _parted(listen: str) -> tuple[str, int]:
    host, _, port = listen.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65_535:  # noqa: PLR2004 - TCP's
        raise click.UsageError(f"--listen: expected HOST:PORT, got {listen!r}")
    return host.removeprefix("[").removesuffix("]"), int(port)
