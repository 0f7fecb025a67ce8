"""All that is asked of web servers: checked, bounded in time and length.

`fetcher` reads the repository, `upstream` sends reports, `enrolment` asks for a token;
each is imported by itself, for the first brings python-tuf along.
"""

import sys

# httpx brings its own command line along wherever click and rich are installed: 4 MB
# and 35 ms of a process that lives for 300. None stands for a module that is not there.
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]
