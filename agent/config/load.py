"""TOML files, then options, to one `Config`; the last to name a key has its way."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from agent.config.files import document, files_at, files_of, text_of
from agent.config.laws import laws
from agent.config.tables import KINDS, Config, flat, kind_of, refusal
from agent.config.value import parsed, toml_text, written
from agent.errors import ConfigError

_HEADER = re.compile(r"\s*\[+\s*([^\]]*?)\s*\]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """The configuration in effect, and where each of its values is from.

    Attributes:
        origins: By key such as `agent.interval`, in the order of the tables: the path
            of the file, "option" or "default".
        files: That were read, in the order of reading.
    """

    config: Config
    origins: Mapping[str, str]
    files: tuple[Path, ...]

    def values(self) -> dict[str, object]:
        """Return each value as TOML would have it, by the keys of `origins`.

        What is not set is None.
        """
        return {key: _written_in(self.config, key) for key in self.origins}


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What is wrong with the files of a configuration, one line a problem.

    Attributes:
        given: How many values these files give.
    """

    files: tuple[Path, ...]
    given: int
    problems: tuple[str, ...]


def load(path: Path | None, *, overrides: Mapping[str, object] = {}) -> Loaded:
    """Return the configuration whose main file is at `path`.

    Args:
        path: The main file; None means `DEFAULT_PATH`, which may be missing.
        overrides: Values by key such as `agent.state_dir`, as TOML would have them, or
            paths; they win over all files. None means not given.

    Raises:
        ConfigError: Names the file, the key, what was expected and what was got.
    """
    files = files_of(path)
    reading = _Reading()
    for file in files:
        reading.add_file(file)
    reading.add_options(overrides)
    config = reading.config()
    if reading.problems:
        first, *rest = reading.problems
        more = f" (and {len(rest)} more; `forewarn config check` lists them)"
        raise ConfigError(first + more if rest else first)
    return Loaded(config=config, origins=reading.origins(), files=files)


def check(path: Path | None) -> Checked:
    """Return what is wrong with a file, or with a folder of files.

    Looks at nothing but these files: no network, no state, no file that they name.

    Args:
        path: A main file or one of conf.d; a folder that holds `config.toml`, or only
            files of conf.d; None means `DEFAULT_PATH`, which may be missing.
    """
    reading = _Reading()
    try:
        files = files_of(path) if path is None else files_at(path)
    except ConfigError as error:
        return Checked(files=(), given=0, problems=(str(error),))
    for file in files:
        reading.add_file(file)
    reading.config()
    return Checked(
        files=files, given=len(reading.entries), problems=tuple(reading.problems)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Source:
    """Who says a value: a file with its text, or the options."""

    origin: str
    base: Path
    text: str = ""

    def place(self, key: str) -> str:
        """Return `FILE:LINE` if one line alone gives something to `key`, or `FILE`."""
        table = key.partition(".")[0] if "." in key else ""
        name = re.escape(key.split(".", 2)[-1])
        gives = re.compile(rf"""[^#]*(?<![\w-])["']?{name}["']?\s*[=.\]]""")
        found = [n for n, line in self._lines_of(table) if gives.match(line)]
        return f"{self.origin}:{found[0]}" if len(found) == 1 else self.origin

    def _lines_of(self, table: str) -> Iterator[tuple[int, str]]:
        """Yield the numbered lines that can speak of a table; "" is the document."""
        section = ""
        for number, line in enumerate(self.text.split("\n"), 1):
            header = _HEADER.match(line)
            section = header[1] if header else section
            is_within = f"{section}.".startswith(f"{table}.") or not section
            if is_within or (header and not table):
                yield number, line


class _Entry(NamedTuple):
    value: object
    source: _Source


@dataclass(slots=True)
class _Reading:
    """What was read so far: the last value of each key, and all problems."""

    entries: dict[str, _Entry] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def add_file(self, path: Path) -> None:
        try:
            text = text_of(path)
            content = document(path, text)
        except ConfigError as error:
            self.problems.append(str(error))
            return
        source = _Source(origin=str(path), base=path.absolute().parent, text=text)
        for key, value in flat(content):
            self._add(key, value, source)

    def add_options(self, overrides: Mapping[str, object]) -> None:
        source = _Source(origin="option", base=Path.cwd())
        for name, value in overrides.items():
            for key, leaf in flat(value, name):
                if leaf is not None:
                    self._add(key, leaf, source)

    def config(self) -> Config:
        """Return the `Config` of all well-written values, having judged the whole."""
        tables: dict[str, dict[str, Any]] = {}
        for key, entry in self.entries.items():
            table, name, *inner = key.split(".", 2)
            content = tables.setdefault(table, {})
            if inner:
                content = content.setdefault(name, {})
            content[inner[0] if inner else name] = entry.value
        config = msgspec.convert(tables, type=Config, dec_hook=lambda _, value: value)
        for law in laws(config):
            # What nobody wrote, nobody can mend: a default breaks no law.
            if not law.is_kept and law.key in self.entries:
                got = toml_text(_written_in(config, law.key))
                source = self.entries[law.key].source
                self._blame(law.key, f"expected {law.expected}, got {got}", source)
        return config

    def origins(self) -> dict[str, str]:
        given = {key: entry.source.origin for key, entry in self.entries.items()}
        keys = [
            inner
            for key in KINDS
            for inner in [k for k in given if k.startswith(f"{key}.")] or [key]
        ]
        return {key: given.get(key, "default") for key in keys}

    def _add(self, key: str, value: object, source: _Source) -> None:
        kind = kind_of(key)
        if kind is None:
            place, shown = source.place(key), toml_text(key)
            self.problems.append(f"{place}: key {shown}: {refusal(key)}")
            return
        try:
            self.entries[key] = _Entry(
                parsed(value, kind=kind, base=source.base), source
            )
        except ValueError as error:
            self._blame(key, str(error), source)

    def _blame(self, key: str, problem: str, source: _Source) -> None:
        shown = key if key.isprintable() else toml_text(key)
        self.problems.append(f"{source.place(key)}: {shown}: {problem}")


def _written_in(config: Config, key: str) -> object:
    table, name, *inner = key.split(".", 2)
    value = getattr(getattr(config, table), name)
    return written(value[inner[0]] if inner else value)
