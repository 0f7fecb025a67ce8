"""The door of the daemon's process, which asks for vouching before it imports the rest.

`python -m agent.daemon OPTIONS`, where OPTIONS are `RunOptions` as JSON. It is started
by `forewarn run` alone, which turns into it, and which has told people of everything
that can be told before.
"""

import sys

from agent.daemon.options import RunOptions
from agent.wiring.vouching import voucher_of

if __name__ == "__main__":
    given = RunOptions.parse(sys.argv[1])
    # A quarter of a second, in which numpy and the scheduler are imported.
    voucher = voucher_of(
        config_path=given.config_path,
        state_dir=given.state_dir,
        is_standalone=given.is_standalone,
    )

    from agent.daemon.process import main

    sys.exit(main(given, voucher=voucher))
