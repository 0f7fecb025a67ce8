"""What the operator chose: TOML to frozen structs, each value with its origin.

`load` is the one door; a key that does not exist, or a value that cannot be, is a
`ConfigError` that names the file, the key, what was expected and what was got.
"""

from agent.config.files import DEFAULT_PATH
from agent.config.load import Checked, Loaded, check, load
from agent.config.tables import (
    Agent,
    Alerts,
    Central,
    Collect,
    Config,
    Endpoint,
    Guard,
    Limits,
    Sharing,
    Spool,
    Store,
    Tasks,
    Trust,
)
from agent.config.value import (
    Address,
    Duration,
    Listen,
    SecretReference,
    SecretSource,
    SharingLevel,
    Size,
    WhenFull,
    toml_key,
    toml_text,
)

__all__ = [
    "DEFAULT_PATH",
    "Address",
    "Agent",
    "Alerts",
    "Central",
    "Checked",
    "Collect",
    "Config",
    "Duration",
    "Endpoint",
    "Guard",
    "Limits",
    "Listen",
    "Loaded",
    "SecretReference",
    "SecretSource",
    "Sharing",
    "SharingLevel",
    "Size",
    "Spool",
    "Store",
    "Tasks",
    "Trust",
    "WhenFull",
    "check",
    "load",
    "toml_key",
    "toml_text",
]
