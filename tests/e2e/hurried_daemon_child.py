"""The daemon's process with little patience, for `test_survival`."""

import sys
from functools import partial

from agent.adapters.runtime.watch import Watch
from agent.daemon.options import RunOptions
from agent.daemon.process import main
from agent.wiring.vouching import voucher_of

if __name__ == "__main__":
    given = RunOptions.parse(sys.argv[1])
    voucher = voucher_of(
        config_path=given.config_path,
        state_dir=given.state_dir,
        is_standalone=given.is_standalone,
    )
    watch = partial(Watch, run_limit_s=0.3, kill_limit_s=0.6)
    sys.exit(main(given, voucher=voucher, watch=watch))
