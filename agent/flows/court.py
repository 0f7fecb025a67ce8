"""The court: every question that is asked about a task's releases, and the verdict."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final, TypeAlias

from agent.core.baseline import Baseline
from agent.core.case import Case, Pair
from agent.core.evidence import Evidence, Question
from agent.core.manifest import Manifest
from agent.core.moment import (
    Moment,
    OutcomeKind,
    Prediction,
    Resolved,
    Role,
    Thesis,
    Wager,
)
from agent.core.policy import Policy
from agent.core.release import ReleaseState
from agent.core.turn import Move
from agent.core.verdict import ON_PROBATION, Rule, Verdict
from agent.flows.docket import Docket
from agent.flows.seats import CourtRecord, Seat

# What a release said, and what its reference said, at one moment.
_Compared: TypeAlias = tuple[Prediction, Prediction]
_OUTCOMES: Final[Mapping[OutcomeKind, float]] = {
    OutcomeKind.HAPPENED: 1.0,
    OutcomeKind.DID_NOT: 0.0,
}


class Court:
    """The guard of one task.

    Every question is asked of the very moments that both releases have scored. What is
    not the releases' fault, such as a gap or a restart, is no evidence.

    Attributes:
        has_news: Whether anything was staked or settled since the last verdict.

    Args:
        manifest: Of the release that leads.
        seats: Who is at work.
        is_pinned: Whether an operator wants the active one to stay.
        policy: The site's.
        record: What an earlier court remembered.
        baseline: Knows how predictions are to be priced.
    """

    def __init__(
        self,
        manifest: Manifest,
        *,
        seats: Sequence[Seat],
        is_pinned: bool,
        policy: Policy,
        record: CourtRecord,
        baseline: Baseline,
    ) -> None:
        self._manifest = manifest
        self._policy = policy
        self._is_pinned = is_pinned
        self._digests = {seat.role: seat.digest for seat in seats}
        self._states = {seat.digest: seat.state for seat in seats}
        self._wishes = {seat.role: seat.guard for seat in seats}
        self._in_event = set(record.in_event)
        self._docket = Docket(
            manifest,
            digests=self._digests,
            wishes=self._wishes,
            policy=policy,
            heard=[digest for digest in record.heard if digest in self._states],
            records=record.cases,
            baseline=baseline,
        )
        self._faults: dict[str, str] = {}
        self._points: list[Evidence] = []
        self.has_news = True

    def record(self) -> CourtRecord:
        """Return what must survive a restart, for `Court(record=...)`."""
        return CourtRecord(
            cases=self._docket.records(),
            heard=tuple(self._docket.heard),
            in_event=tuple(sorted(self._in_event)),
        )

    @property
    def faults(self) -> Mapping[str, str]:
        """What releases' answers have tripped over, by digest."""
        return self._faults

    def has_heard(self, digest: str | None) -> bool:
        """Return whether a release was shown to be as good as the baseline."""
        return digest in self._docket.heard

    def evidence(self, now: datetime) -> Iterator[Evidence]:
        """Yield what every test has come to."""
        return self._docket.evidence(now)

    @property
    def renewed(self) -> Sequence[Question]:
        """What was asked before under other terms, and begins anew."""
        return self._docket.renewed

    def reconcile(self, waiting: Sequence[Moment]) -> None:
        """Begin those tests anew whose bets are not the ones that wait."""
        self._docket.reconcile(waiting)

    def points(self) -> list[Evidence]:
        """Return what the tests had come to at each end of a block; once."""
        points, self._points = self._points, []
        return points

    def issue(
        self,
        said: Sequence[Sequence[Prediction]],
        *,
        at: datetime,
        first_moment: int,
    ) -> list[tuple[Wager, ...]]:
        """Stake on what was said at one instant; return what was staked on each.

        Args:
            said: The predictions of each moment.
            at: The instant.
            first_moment: Number of the first of the moments.
        """
        self.has_news = True
        answers = [{each.role: each for each in row} for row in said]
        wagers: list[list[Wager]] = [[] for _ in said]
        for rule in self._docket.rules:
            _, own, other, _ = rule
            rows = [
                n for n, each in enumerate(answers) if own in each and other in each
            ]
            if not rows:
                continue
            case = self._docket.begun(rule, at=at, first_moment=first_moment)
            if case is None:
                continue
            compared = [(answers[n][own], answers[n][other]) for n in rows]
            wager = self._staked(case, rule, compared, at=at)
            for n in rows:
                wagers[n].append(wager)
        return [tuple(each) for each in wagers]

    def settle(self, resolved: Resolved, *, is_fair: bool = True) -> None:
        """Take in what came of a moment; what was not staked on is left aside.

        Args:
            resolved: The moment with its outcome.
            is_fair: Whether the opposite would have been seen, too; else the outcome
                counts as lost.
        """
        self.has_news = True
        moment, outcome = resolved.moment, resolved.outcome
        came = _OUTCOMES.get(outcome.kind, outcome.value) if is_fair else None
        begins = self._begins_episode(moment, outcome.kind)
        said = {each.role: each for each in moment.predictions}
        for wager in moment.wagers:
            release, reference = said[wager.release], said[wager.reference]
            question = Question(wager.thesis, release.digest, reference.digest)
            case = self._docket.on(question)
            # One of a lower number was staked on under other terms.
            if case is not None and moment.id >= case.first_moment:
                case.settle(
                    Pair(release.values, reference.values),
                    tick=wager.tick,
                    bets=wager.bets,
                    parts=wager.parts,
                    outcome=came,
                    begins_episode=begins,
                    at=moment.at,
                )

    def verdict(self, now: datetime, *, faults: Mapping[str, str]) -> Verdict | None:
        """Return what is to be done next; None: hold.

        Args:
            now: The present.
            faults: What releases did wrong by themselves, by digest.
        """
        has_news, self.has_news = self.has_news, False
        if not has_news and not faults:
            return None
        held: Verdict | None = None
        for verdict in self._verdicts(now, faults):
            if not verdict.is_held:
                self._points += [verdict.evidence] if verdict.evidence else []
                return verdict
            held = held or verdict
        return held

    def hear(self, digest: str) -> None:
        """Let a release be heard from now on."""
        self._docket.hear(digest)

    def _verdicts(self, now: datetime, faults: Mapping[str, str]) -> Iterator[Verdict]:
        for digest, fault in faults.items():
            if digest in self._states:
                move = Move.ROLL_BACK
                is_held = self._is_held(digest, move)
                yield Verdict(move=move, digest=digest, fault=fault, is_held=is_held)
        for rule in (*self._docket.rules, ON_PROBATION):
            case = self._docket.under(rule)
            if case is not None and self._is_decided(rule, case):
                digest = case.question.release
                yield Verdict(
                    move=rule.move,
                    digest=digest,
                    evidence=case.evidence(task=self._manifest.task, at=now),
                    is_held=self._is_held(digest, rule.move),
                )

    def _is_decided(self, rule: Rule, case: Case) -> bool:
        release = case.question.release
        if rule.move is Move.CONFIRM:
            is_on_probation = self._states[release] is ReleaseState.PROBATION
            is_open = is_on_probation and self.has_heard(release)
            return is_open and self._has_seen_enough(rule, case)
        if not case.is_shown:
            return False
        if rule.move is Move.PROMOTE and not self._is_open_to_promotion():
            return False
        return rule.thesis is Thesis.WORSE or self._has_seen_enough(rule, case)

    def _has_seen_enough(self, rule: Rule, case: Case) -> bool:
        return self._policy.has_seen_enough(
            rule.thesis,
            ticks=case.ticks,
            episodes=case.episodes,
            manifest=self._manifest,
        )

    def _is_open_to_promotion(self) -> bool:
        """Whether who would leave is not the only one that was ever trusted."""
        state = self._states.get(self._digests.get(Role.ACTIVE, ""))
        return state is ReleaseState.CONFIRMED or Role.STANDBY not in self._digests

    def _is_held(self, digest: str, move: Move | None) -> bool:
        is_active = digest == self._digests.get(Role.ACTIVE)
        against = move is Move.PROMOTE or (move is Move.ROLL_BACK and is_active)
        return self._is_pinned and against

    def _staked(
        self, case: Case, rule: Rule, compared: list[_Compared], *, at: datetime
    ) -> Wager:
        if rule.thesis is Thesis.WORSE and (fault := self._tripped(case, compared)):
            self._faults.setdefault(case.question.release, fault)
        pairs = [Pair(own.values, reference.values) for own, reference in compared]
        tick, bets = case.issue(pairs)
        if case.ends_block(tick):
            self._points.append(case.evidence(task=self._manifest.task, at=at))
        return Wager(rule.thesis, rule.release, rule.reference, tick, bets, len(pairs))

    def _tripped(self, case: Case, compared: list[_Compared]) -> str | None:
        # What the models themselves said: what this host makes of it moves on, and
        # would hide that a model stands still.
        return case.tripwire.watch(
            [(own.said[0], reference.said[0]) for own, reference in compared],
            block=case.ticks // case.terms.block,
            swing=self._policy.swing(case.loss),
            declared=self._wishes[case.role].mean_output,
        )

    def _begins_episode(self, moment: Moment, kind: OutcomeKind) -> bool:
        if kind is OutcomeKind.HAPPENED:
            # Of several entities at once: what befalls them together is one.
            is_new = not self._in_event
            self._in_event.add(moment.entity)
            return is_new
        # Nobody knows of a void one whether it still holds: its entity may be gone.
        self._in_event.discard(moment.entity)
        return False
