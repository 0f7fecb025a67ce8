"""The demo's story: the whole loop, step by step, each proved by what is on disk."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar

import msgspec

from agent.cli.demo.mislabelled import mislabelled
from agent.cli.demo.scene import Happening, Scene, scene
from agent.cli.demo.stage import AGENT, Stage, central
from agent.cli.demo.task import FLEET_CONFIG, TASK, host_config, survey
from agent.core.event import EventName
from agent.core.quantity import duration_text
from agent.errors import DemoError, UnavailableError
from agent.wiring.scoring import clock

_PATIENCE: Final = timedelta(minutes=5)
_BUDGET: Final = "4s"
_LOOK_EVERY_S: Final = 0.5
_FIRST_ROWS: Final = 150
_FIRST_EVENTS: Final = 60
_T = TypeVar("_T")


class Show(Protocol):
    """Who shows the story to people."""

    def begin(self, title: str) -> None:
        """Begin a step."""
        ...

    def end(self, proof: str) -> None:
        """End the step with what it has shown."""
        ...

    def look(self, seen: Scene) -> None:
        """Show the host as it is now."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What one step has shown.

    Attributes:
        step: Its title.
        shown: In words, with the figures of the ledger.
        took_s: How long it took.
    """

    step: str
    shown: str
    took_s: float


class Story:
    """The loop, told once from its beginning to its end.

    Attributes:
        proofs: What was shown so far.
    """

    def __init__(self, stage: Stage, show: Show) -> None:
        self.proofs: list[Proof] = []
        self._stage = stage
        self._show = show
        self._pause = threading.Event()
        self._folder = stage.folder / "central"
        self._state = stage.folder / "host" / "state"
        self._config = stage.folder / "host" / "config.toml"
        self._url = ""
        # The newest release of the task.
        self._version = 1

    def tell(self) -> None:
        """Tell it all.

        Raises:
            DemoError: A step did not come to what it is to show; says which.
        """
        for title, act in (
            ("found a signed repository and serve it", self._found),
            ("enrol this host; it collects for a task without a model", self._enrolled),
            ("train a first release from what it reports", self._first),
            ("wait for outcomes, until they let the release speak", self._heard),
            ("put a bad release to work: signed, approved, by hand", self._bad),
            ("let the guard find out", self._taken_back),
            (
                "report; central knows what became of it, and withdraws it",
                self._reported,
            ),
            ("retrain on all that was seen, through the gate", self._retrained),
            ("let the better release earn its place", self._promoted),
        ):
            self._step(title, act)

    def _step(self, title: str, act: Callable[[], str]) -> None:
        began = clock().now()
        self._show.begin(title)
        shown = act()
        took_s = (clock().now() - began).total_seconds()
        self.proofs.append(Proof(step=title, shown=shown, took_s=took_s))
        self._show.end(shown)

    def _found(self) -> str:
        self._central("init", str(self._folder), "--task", TASK, has_folder=False)
        (self._folder / "fleet.toml").write_text(FLEET_CONFIG)
        self._url = self._stage.serve(self._folder)
        return f"keys and roles of {TASK}, served at {self._url}"

    def _enrolled(self) -> str:
        stage = self._stage
        paper = stage.write("survey.json", _json(survey()))
        self._central("publish", "--manifest", str(paper))
        self._approve(1)
        join = stage.ask(*central(), "hosts", "join-token", "--dir", str(self._folder))
        self._config.parent.mkdir(exist_ok=True)
        self._config.write_text(host_config(state_dir=self._state))
        token = stage.write("join-token", str(join["token"]))
        root = self._folder / "repository" / "metadata" / "1.root.json"
        self._agent(
            "enroll", self._url, "--join-token-file", str(token), "--root", str(root)
        )
        stage.start_worker()
        stage.start_host(self._config)
        seen = self._until(
            lambda now: now if _is_enough(now) else None,
            lacking=f"{_FIRST_ROWS} outcomes, {_FIRST_EVENTS} of them events",
        )
        return f"{seen.resolved} outcomes, {seen.happened} of them happened; no label"

    def _first(self) -> str:
        words = self._retrain()
        self._until_told(EventName.RELEASE_ACTIVATED)
        return words

    def _heard(self) -> str:
        return self._reason(self._until_told(EventName.RELEASE_HEARD))

    def _bad(self) -> str:
        self._central("samples", "shelve")
        copy = self._stage.folder / "mislabelled"
        mislabelled(self._folder, to=copy)
        out = copy / "release"
        told = self._retrain_in(copy, "--dry-run", "--out", str(out))
        manifest = msgspec.json.decode((out / "manifest.json").read_bytes())
        self._version = manifest["version"]
        paper, model = str(out / "manifest.json"), str(out / "model.onnx")
        self._central("publish", model, "--manifest", paper)
        self._approve(self._version)
        self._until_told(EventName.RELEASE_ADMITTED)
        self._agent("pin", TASK, str(self._version))
        self._agent("unpin", TASK)
        return (
            f"version {self._version} learnt from labels that were turned round: by "
            f"those it is good ({_judged(told)}), so the gate let it pass; signatures, "
            "scan and trial did, too; an operator in a hurry put it to work"
        )

    def _taken_back(self) -> str:
        return self._reason(self._until_told(EventName.RELEASE_ROLLED_BACK))

    def _reported(self) -> str:
        self._agent("report")
        told = self._stage.ask(
            *central(),
            "inspect",
            f"{TASK}@{self._version}",
            "--dir",
            str(self._folder),
        )
        gone, score = told["places"]["rolled back"], told["scores"][0]
        if not gone:
            raise DemoError("central was told of no rollback, although there was one")
        self._central("withdraw", TASK, str(self._version))
        return (
            f"central: version {self._version} was rolled back on {len(gone)} host; "
            f"squared error over its {score['resolved']} outcomes there "
            f"{score['brier']:.3f}, the baseline's {score['baseline_brier']:.3f}; "
            "operations withdrew it"
        )

    def _retrained(self) -> str:
        words = self._retrain()
        self._until_told(EventName.RELEASE_ADMITTED)
        return words

    def _promoted(self) -> str:
        return self._reason(self._until_told(EventName.RELEASE_PROMOTED))

    def _retrain(self) -> str:
        """Retrain from all that was reported, approve, and say how good it is."""
        told = self._until(lambda _: self._retrained_now(), lacking="enough samples")
        self._version = told["version"]
        self._approve(self._version)
        kept = sum(check["is_kept"] for check in told["checks"])
        return (
            f"version {self._version} on later moments: {_judged(told)}; "
            f"{kept} of {len(told['checks'])} rules of the gate kept"
        )

    def _retrained_now(self) -> Mapping[str, Any] | None:
        """Return what a retraining came to; None: there are too few samples yet."""
        self._agent("report")
        try:
            return self._retrain_in(self._folder)
        except UnavailableError:
            return None

    def _retrain_in(self, folder: Path, *words: str) -> Mapping[str, Any]:
        asked = ("retrain", TASK, "--dir", str(folder), "--budget", _BUDGET)
        return self._stage.ask(*central(), *asked, *words)

    def _approve(self, version: int) -> None:
        self._central("approve", TASK, str(version))

    def _central(self, *words: str, has_folder: bool = True) -> None:
        where = ("--dir", str(self._folder)) if has_folder else ()
        self._stage.tell(*central(), *words, *where)

    def _agent(self, *words: str) -> None:
        self._stage.tell(*AGENT, *words, "--config", str(self._config))

    def _reason(self, told: Happening) -> str:
        return str(told.fields.get("reason", told.name))

    def _until_told(self, name: EventName) -> Happening:
        return self._until(
            lambda now: now.told(name, version=self._version),
            lacking=f"{name} of version {self._version}",
        )

    def _until(self, found: Callable[[Scene], _T | None], *, lacking: str) -> _T:
        """Look at the host until it shows what is waited for.

        Raises:
            DemoError: It did not in time; says what is lacking.
        """
        until = clock().now() + _PATIENCE
        while clock().now() < until:
            self._stage.check_alive()
            seen = scene(self._state)
            self._show.look(seen)
            if (what := found(seen)) is not None:
                return what
            self._pause.wait(_LOOK_EVERY_S)
        raise DemoError(
            f"waited {duration_text(_PATIENCE.total_seconds())} for {lacking}; this "
            f"host may be too busy for the demo's pace; its state is in {self._state}"
        )


def _is_enough(seen: Scene) -> bool:
    return seen.resolved >= _FIRST_ROWS and seen.happened >= _FIRST_EVENTS


def _judged(told: Mapping[str, Any]) -> str:
    """Return how a retrained release did beside the others, on the same moments."""
    marks = told["result"]["marks"]
    shown = (f"{name} {mark['loss']:.3f}" for name, mark in marks.items())
    rows = told["result"]["rows"]
    return f"squared error over {rows} moments: {', '.join(shown)}"


def _json(document: Any) -> bytes:  # noqa: ANN401 - any JSON document
    return msgspec.json.format(msgspec.json.encode(document), indent=2)
