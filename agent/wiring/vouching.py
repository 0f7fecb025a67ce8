"""Who vouches for the releases at work; imported before all else, so it is small."""

from pathlib import Path

from agent.adapters.voucher import CourierVoucher
from agent.config import load
from agent.errors import ForewarnError
from agent.wiring import places
from agent.wiring.courier import courier_command


def voucher_of(
    *, config_path: Path | None, state_dir: Path | None, is_standalone: bool
) -> CourierVoucher:
    """Return what vouches for the releases of a state folder.

    Where the folder has releases it is asked already; where it has none, or the
    configuration is wrong, nothing is started.
    """
    voucher = CourierVoucher(
        courier_command(
            config_path=config_path,
            state_dir=state_dir,
            is_standalone=is_standalone,
            job="vouch",
        )
    )
    try:
        config = load(config_path, overrides={"agent.state_dir": state_dir}).config
    except ForewarnError:
        return voucher
    if places.database(config.agent.state_dir).exists():
        voucher.begin()
    return voucher
