"""Reports that were carried here: an archive of plain files, read one at a time."""

import tarfile
from collections.abc import Iterator
from pathlib import Path

from agent.core.quantity import size_text
from agent.errors import ReportError


def carried(path: Path, *, limit: int) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of each file in an archive, in its order.

    Nothing is written, so no name in it can lead anywhere. It must be a plain archive:
    a packed one could unpack to more than there is room for.

    Args:
        path: Of the archive.
        limit: Longest file that is read, in bytes.

    Raises:
        ReportError: It is no archive, broken off, or holds what is no plain file or a
            longer one; what was yielded before is as good as it was.
        OSError: It cannot be opened.
    """
    try:
        with tarfile.open(path, "r:") as archive:
            for member in archive:
                file = archive.extractfile(member) if member.isreg() else None
                if file is None or member.size > limit:
                    raise ReportError(
                        f"{path}: {member.name}: expected a file of at most "
                        f"{size_text(limit)}, got another thing or a longer one"
                    )
                yield member.name, file.read()
    except tarfile.TarError as error:
        raise ReportError(
            f"{path}: expected an archive that `forewarn export` wrote, got: {error}"
        ) from error
