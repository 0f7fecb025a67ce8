"""The signed repository as plain files: what docs/central.md says a server must do."""

import os
from pathlib import Path
from typing import Final

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

# In a minute there may be another one: the newest timestamp, or the next root.
_SOON: Final = "max-age=60"
# All other names hold a version or a hash.
_FOR_EVER: Final = "max-age=31536000, immutable"
_CHANGING: Final = "timestamp.json"
_UNFINISHED: Final = ".part"


class RepositoryFiles(StaticFiles):
    """Serves the files of one folder and those below it; no links out of it.

    A folder that is not there yet has no files. A file that is being written beside its
    place is not there, nor is one that may not be read.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(directory=folder, check_dir=False)

    async def check_config(self) -> None:
        """Look for nothing: the folder may come later."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Return the file; never 401, which to a host means another thing."""
        try:
            return await super().get_response(path, scope)
        except HTTPException as error:
            is_missing = error.status_code in (401, 404)
            status = 404 if is_missing else error.status_code
            headers = {**(error.headers or {}), "Cache-Control": _SOON}
            raise HTTPException(status, headers=headers) from error

    def lookup_path(self, path: str) -> tuple[str, os.stat_result | None]:
        """Return where a file lies, and what it is."""
        if path.endswith(_UNFINISHED):
            return "", None
        return super().lookup_path(path)

    def file_response(
        self,
        full_path: str | os.PathLike[str],
        stat_result: os.stat_result,
        scope: Scope,
        status_code: int = 200,
    ) -> Response:
        """Return a file whole, or the part that is asked for."""
        if Path(full_path).name == _CHANGING:
            return _small(Path(full_path))
        response = super().file_response(full_path, stat_result, scope, status_code)
        response.headers["Cache-Control"] = _FOR_EVER
        return response


def _small(path: Path) -> Response:
    """Return a file that is replaced now and then: read at once, so never half of two.

    Its length would else be of the one file, and its bytes of the next.
    """
    return Response(
        path.read_bytes(),
        media_type="application/json",
        headers={"Cache-Control": _SOON},
    )
