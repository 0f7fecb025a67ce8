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


def first_root(state_dir: Path) -> Path:
    """Return the root by which this host trusts its own repository."""
    return local_repository(state_dir) / "metadata" / "1.root.json"


def documents(state_dir: Path) -> Path:
    """Return where the courier keeps pointers and manifests, to fetch them once."""
    return state_dir / "documents"


def mirror(state_dir: Path) -> Path:
    """Return the repository that was carried here, on a host without a central."""
    return state_dir / "mirror"


def evidence_folder(state_dir: Path) -> Path:
    """Return where the evidence of each rollback is kept."""
    return state_dir / "evidence"


def staging(state_dir: Path) -> Path:
    """Return where a download waits to be whole, across several updates."""
    return state_dir / "staging"


def mark(state_dir: Path) -> Path:
    """Return the file that names the release which loads or scores right now."""
    return state_dir / "running"


def starters() -> Path:
    """Return the folder of the releases that the package ships, one folder a task."""
    return Path(__file__).parent.parent / "starters"
