"""A state folder as a guarded host leaves it: real models, and what they said."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import msgspec
import numpy as np

from agent.adapters.runtime.model import OnnxModel
from agent.adapters.store.ledger import SqliteLedger
from agent.adapters.store.registry import SqliteRegistry
from agent.core.case import Case, Pair
from agent.core.evidence import Question
from agent.core.guard import Terms
from agent.core.lineup import LineUp
from agent.core.loss import LogLoss
from agent.core.manifest import parse_manifest
from agent.core.moment import (
    BASELINE,
    Moment,
    Outcome,
    OutcomeKind,
    Prediction,
    Resolved,
    Role,
    Thesis,
)
from agent.core.recalibration import Calibration
from agent.core.release import ReleaseState
from agent.core.sample import Sample
from agent.core.trust import SignedRole
from agent.flows.court import CourtRecord
from agent.flows.memory import Memory
from agent.ports import Standing, TickRecord
from tests.fakes.onnx_files import logistic, manifest_of, sha256

TASK = "cpu-busy"
START = datetime(2026, 3, 1, 12, tzinfo=UTC)
STEP = timedelta(minutes=1)
ENTITIES = ("/", "/var")
SERIES = 'system.filesystem.utilization{mountpoint="$entity"}'
FEATURES = [f"avg_over_time({SERIES}[{n}m])" for n in (1, 2)]
TARGET = {"kind": "event", "series": SERIES, "condition": ">= 0.9", "within": "10m"}
CHAIN = [
    SignedRole(
        name=name,
        version=version,
        expires=START + timedelta(days=90),
        keyids=("a", "b", "c"),
        signed_by=("a", "b"),
        threshold=2,
    )
    for name, version in (("root", 1), (f"release-{TASK}", 4))
]
_LIVES = {
    Role.ACTIVE: (ReleaseState.SHADOW, ReleaseState.PROBATION),
    Role.STANDBY: (
        ReleaseState.SHADOW,
        ReleaseState.PROBATION,
        ReleaseState.STANDBY,
    ),
    Role.SHADOW: (ReleaseState.SHADOW,),
}


class Lived:
    """A state folder with one task, a release in each role, and what they said.

    Attributes:
        state: The folder.
        digests: Of each role's release.
        next_id: The number of the next moment.
    """

    def __init__(
        self, state, *, roles=(Role.ACTIVE, Role.SHADOW), model=None, **changes
    ):
        self.state = state
        self._made = model or (lambda version: logistic([version, -1]))
        self.next_id = 1
        self.digests, self._models, self._manifests = {}, {}, {}
        (state / "models").mkdir(parents=True)
        self.path = state / "forewarn.db"
        with SqliteRegistry.open(self.path) as registry:
            for version, role in enumerate(roles, start=1):
                self._admit(registry, role, version, changes)
            self.lineup = LineUp(
                task=TASK, **{role.value: self.digests[role] for role in roles}
            )
            registry.set_lineup(self.lineup)

    def _admit(self, registry, role, version, changes):
        model = self._made(version)
        content = {
            "task": TASK,
            "version": version,
            "entity": "mountpoint",
            "target": TARGET,
            "features": FEATURES,
            "requires": {},
            **changes,
        }
        document = manifest_of(model, **content)
        digest = sha256(document)
        self.digests[role] = digest
        self._manifests[role] = manifest = parse_manifest(document)
        self._models[role] = OnnxModel(model, manifest=manifest)
        self.model_file(role).write_bytes(model)
        registry.admit(digest=digest, manifest=document, at=START, chain=CHAIN)
        for state in _LIVES[role]:
            registry.set_state(digest, state)

    def model_file(self, role):
        return self.state / "models" / f"{self._manifests[role].model.sha256}.onnx"

    def say(self, count, *, seed=0, outcome=OutcomeKind.DID_NOT, line=None):
        """Let every release speak of each entity at `count` instants.

        Args:
            count: At so many.
            seed: Of the features.
            outcome: What came each time; None: nothing yet.
            line: What the host makes of their answers: a, b, outcomes.
        """
        random = np.random.default_rng(seed)
        with SqliteLedger.open(self.path) as ledger:
            for _ in range(count):
                moments = self._moments(random, line)
                resolved = [
                    Resolved(moment=m, outcome=_outcome(m, outcome)) for m in moments
                ]
                ledger.add(
                    TickRecord(
                        sample=_sample(moments[0].at),
                        moments=moments,
                        resolved=resolved if outcome else [],
                        events=[],
                    )
                )
            ledger.commit(Standing())

    def _moments(self, random, line):
        at = START + STEP * self.next_id
        features = random.uniform(0, 1, (len(ENTITIES), 2)).astype(np.float32)
        scores = {r: m.score(features).tolist() for r, m in self._models.items()}
        first, self.next_id = self.next_id, self.next_id + len(ENTITIES)
        return [
            Moment(
                id=first + place,
                task=TASK,
                entity=entity,
                at=at,
                due_at=at + timedelta(minutes=10),
                limit=0.9,
                origin=0.5,
                state=6,
                features=features[place],
                predictions=(
                    *(
                        _prediction(role, self.digests[role], rows[place], line)
                        for role, rows in scores.items()
                    ),
                    Prediction(role=Role.BASELINE, digest=BASELINE, values=(0.1,)),
                ),
            )
            for place, entity in enumerate(ENTITIES)
        ]

    def judge(self, thesis, release, reference, *, ticks=40, heard=()):
        """Let the guard judge a release; keep its court, and a point of evidence."""
        digests = {**self.digests, Role.BASELINE: BASELINE}
        question = Question(thesis, digests[release], digests[reference])
        margin = 0.1 if thesis is Thesis.WORSE else -0.09
        terms = Terms(block=5, margin=margin, alpha=0.05, min_blocks=2)
        case = Case(
            question,
            role=Role.ACTIVE,
            loss=LogLoss(0.001),
            terms=terms,
            at=START,
            first_moment=1,
        )
        for n in range(ticks):
            pair = Pair((0.6,), (0.1,))
            tick, bets = case.issue([pair])
            case.settle(
                pair,
                tick=tick,
                bets=bets,
                parts=1,
                outcome=float(n % 20 == 19),
                begins_episode=n % 20 == 19,
                at=START + STEP * n,
            )
        record = CourtRecord(cases=(case.record(),), heard=tuple(heard))
        point = case.evidence(task=TASK, at=START + STEP)
        with SqliteLedger.open(self.path) as ledger:
            ledger.add(
                TickRecord(
                    sample=_sample(START + STEP * 10_000),
                    moments=[],
                    resolved=[],
                    events=[],
                    evidence=[point],
                )
            )
            memory = msgspec.json.encode(Memory(court=record))
            ledger.commit(Standing(memories={TASK: memory}))
        return point

    def set_states(self, role, *states):
        with SqliteRegistry.open(self.path) as registry:
            for state in states:
                registry.set_state(self.digests[role], state)

    def line_up(self, **changes):
        self.lineup = replace(self.lineup, **changes)
        with SqliteRegistry.open(self.path) as registry:
            registry.set_lineup(self.lineup)

    def record(self, event):
        with SqliteRegistry.open(self.path) as registry:
            registry.record(event)


def _prediction(role, digest, scores, line):
    made = None if line is None else Calibration(scores[0], *line)
    return Prediction(
        role=role,
        digest=digest,
        values=tuple(scores) if made is None else (made.answer,),
        calibration=made,
    )


def _outcome(moment, kind):
    at = moment.due_at
    return Outcome(
        kind=kind,
        resolved_at=at,
        happened_at=at if kind is OutcomeKind.HAPPENED else None,
    )


def _sample(at):
    return Sample(at=at, layout=(), values=np.empty(0, dtype=np.float32), failures={})
