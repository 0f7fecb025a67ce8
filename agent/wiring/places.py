"""Where things lie in the state folder."""

from pathlib import Path


def database(state_dir: Path) -> Path:
    """Return the one database that daemon and courier share."""
    return state_dir / "forewarn.db"


def models_folder(state_dir: Path) -> Path:
    """Return the folder of immutable model files, each named by its SHA-256."""
    return state_dir / "models"


def local_repository(state_dir: Path) -> Path:
    """Return the signed repository that standalone use makes for itself."""
    return state_dir / "repository"


def metadata_folder(state_dir: Path) -> Path:
    """Return where the courier keeps the trusted metadata."""
    return state_dir / "metadata"


def starters() -> Path:
    """Return the folder of the releases that the package ships, one folder a task."""
    return Path(__file__).parent.parent / "starters"
