"""`forewarn enroll`: this host becomes one of a central's."""

import sys
from pathlib import Path

import click

from agent.cli.options import config_option, json_option, settings
from agent.cli.output import emit, say
from agent.config import DEFAULT_PATH, Address
from agent.config.value import parsed
from agent.errors import ConfigError
from agent.wiring.enrolling import Enrolled, Wanted, enrol, enrolled_already

_MOST_BYTES = 4_096
_FILE = click.Path(path_type=Path)


@click.command("enroll")
@click.argument("url")
@click.option(
    "--join-token-file",
    type=_FILE,
    metavar="FILE",
    help="Holds the join token; otherwise it is asked for, or read from stdin.",
)
@click.option(
    "--root", type=_FILE, metavar="FILE", help="The first root, as carried here."
)
@click.option(
    "--root-sha256", metavar="HEX", help="Fetch the first root, which must be this one."
)
@click.option(
    "--trust-on-first-use",
    is_flag=True,
    help="Fetch the first root, and trust whatever comes.",
)
@click.option(
    "--ca-file", type=_FILE, metavar="FILE", help="Vouches for central's certificate."
)
@click.option("--anew", is_flag=True, help="Get another token all the same.")
@config_option
@json_option
def enroll(
    *,
    url: str,
    join_token_file: Path | None,
    root: Path | None,
    root_sha256: str | None,
    trust_on_first_use: bool,
    ca_file: Path | None,
    anew: bool,
    config_path: Path | None,
    as_json: bool,
) -> None:
    """Make this host one of the central's at URL, which gives it a token.

    Beside the configuration it writes what all trust begins with, the token, for its
    user alone, and conf.d/50-central.toml. What is so already is left alone. Whoever
    could change the root on its way could sign for this host from then on, so it is
    carried here (--root) or compared (--root-sha256). SIGHUP makes the daemon take the
    change up. Exit status 69 if central is not to be had, 78 if it refuses.

    A host that is enrolled already shows its token to get another. If it has lost it,
    or was revoked, the join token must be made for it alone: `forewarn-central hosts
    join-token --host ID`.
    """
    _check_source(root, root_sha256, is_blind=trust_on_first_use)
    wanted = Wanted(
        url=_web_address(url),
        folder=(config_path or DEFAULT_PATH).absolute().parent,
        root=None if root is None else root.absolute(),
        root_sha256=root_sha256,
        ca_file=None if ca_file is None else ca_file.absolute(),
    )
    done = None if anew else enrolled_already(wanted)
    if done is None:
        config = settings(config_path, state_dir=None).config
        join_token = _join_token(join_token_file)
        done = enrol(wanted, config=config, join_token=join_token)
    if trust_on_first_use:
        say(f"trusted as it came: root sha256 {done.root_sha256}; compare it")
    emit(done, as_json=as_json, text=_text(done))


def _check_source(
    root: Path | None, root_sha256: str | None, *, is_blind: bool
) -> None:
    given = [root is not None, root_sha256 is not None, is_blind]
    if sum(given) != 1:
        raise click.UsageError(
            "expected one of --root FILE, --root-sha256 HEX and --trust-on-first-use, "
            f"got {sum(given)} of them"
        )


def _web_address(url: str) -> str:
    try:
        address = str(parsed(url, kind=Address, base=Path.cwd()))
    except ValueError as error:
        raise click.UsageError(f"URL: {error}") from error
    if not address.startswith(("https://", "http://")):
        raise click.UsageError(f"URL: expected https:// or http://, got {url}")
    return address


def _join_token(path: Path | None) -> str:
    """Return the secret that an operator was given.

    Raises:
        ConfigError: There is none, or it is no line of text.
    """
    if path is not None:
        token = _read(path)
    elif sys.stdin.isatty():
        token = str(click.prompt("Join token", hide_input=True, err=True)).strip()
    else:
        token = sys.stdin.readline(_MOST_BYTES).strip()
    if not token or not token.isascii() or not token.isprintable():
        raise ConfigError("join token: expected one line of ASCII, got another text")
    return token


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_MOST_BYTES).decode(errors="replace").strip()
    except OSError as error:
        raise ConfigError(f"--join-token-file: {path}: {error.strerror}") from error


def _text(done: Enrolled) -> str:
    if not done.files:
        return f"host {done.host_id} is enrolled with {done.url} already"
    return "\n".join([f"host {done.host_id} enrolled with {done.url}", *done.files])
