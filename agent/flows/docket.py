"""The docket: the tests that run on a task's releases, and the terms they run under."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

import msgspec

from agent.core.baseline import Baseline
from agent.core.case import Case, CaseRecord
from agent.core.evidence import Evidence, Question
from agent.core.guard import Terms
from agent.core.manifest import Manifest
from agent.core.manifest_parts import GuardPolicy
from agent.core.moment import BASELINE, Moment, Role, Thesis
from agent.core.policy import Policy
from agent.core.verdict import ON_PROBATION, RULES, Rule


class Docket:
    """The tests of one line-up, each begun when both of its forecasters first speak.

    Attributes:
        heard: Releases that need not be shown to be as good as the baseline any more.
        rules: Those about releases that are at work.
        renewed: What was asked before under other terms, and begins anew.

    Args:
        manifest: Of the release that leads.
        digests: Who is at work, by role.
        wishes: How each of them wants to be guarded, by its manifest.
        policy: The site's.
        heard: Of the releases at work, which have earned that before.
        records: The tests that ran before.
        baseline: Knows how predictions are to be priced.
    """

    def __init__(
        self,
        manifest: Manifest,
        *,
        digests: Mapping[Role, str],
        wishes: Mapping[Role, GuardPolicy],
        policy: Policy,
        heard: Sequence[str],
        records: Sequence[CaseRecord],
        baseline: Baseline,
    ) -> None:
        self.renewed: list[Question] = []
        self._manifest = manifest
        self._digests = {**digests, Role.BASELINE: BASELINE}
        self._wishes = wishes
        self._policy = policy
        self.heard = list(heard)
        self._baseline = baseline
        self.rules = tuple(self._asked())
        rules = (*self.rules, ON_PROBATION)
        self._questions = {rule: self._question(rule) for rule in rules}
        self._cases = dict(self._continued(records))

    def records(self) -> tuple[CaseRecord, ...]:
        """Return all that must survive a restart, for `Docket(records=...)`."""
        return tuple(case.record() for case in self._cases.values())

    def evidence(self, now: datetime) -> Iterator[Evidence]:
        """Yield what every test has come to."""
        for case in self._cases.values():
            yield case.evidence(task=self._manifest.task, at=now)

    def _asked(self) -> Iterator[Rule]:
        for rule in RULES:
            release = self._digests.get(rule.release)
            if release is None or rule.reference not in self._digests:
                continue
            if rule.move is not None or release not in self.heard:
                yield rule

    def under(self, rule: Rule) -> Case | None:
        """Return the test of a rule, if it runs."""
        return self._cases.get(self._questions[rule])

    def on(self, question: Question) -> Case | None:
        """Return the test of a question, if it runs."""
        return self._cases.get(question)

    def begun(self, rule: Rule, *, at: datetime, first_moment: int) -> Case | None:
        """Return the test of a rule, begun where it is new.

        None: too little is known of this host to price a prediction.
        """
        question = self._questions[rule]
        case = self._cases.get(question)
        if case is None:
            loss = self._policy.loss(self._manifest, self._baseline)
            if loss is None:
                return None
            case = self._cases[question] = Case(
                question,
                role=rule.release,
                loss=loss,
                terms=self._terms(rule),
                at=at,
                first_moment=first_moment,
            )
        return case

    def reconcile(self, waiting: Iterable[Moment]) -> None:
        """Begin those tests anew whose bets are not the ones that wait.

        So it is after ticks were lost, or while the task was not allowed for a time.
        """
        bets: Counter[Question] = Counter()
        for moment in waiting:
            bets.update(self._asked_at(moment))
        for question, case in list(self._cases.items()):
            if case.open != bets[question]:
                del self._cases[question]
                self.renewed.append(question)

    def _asked_at(self, moment: Moment) -> Iterator[Question]:
        """Yield the questions on which there are bets at a moment."""
        digests = {each.role: each.digest for each in moment.predictions}
        for wager in moment.wagers:
            release, reference = digests[wager.release], digests[wager.reference]
            question = Question(wager.thesis, release, reference)
            case = self._cases.get(question)
            if case is None or moment.id < case.first_moment:
                continue
            if wager.tick >= case.ticks:
                yield from (question,) * (case.open + 1)  # one that it never placed
            elif wager.bets:
                yield question

    def hear(self, digest: str) -> None:
        """Close the test by which a release has earned to be heard."""
        self.heard.append(digest)
        self.rules = tuple(self._asked())
        self._cases.pop(Question(Thesis.NOT_WORSE, digest, BASELINE), None)

    def _continued(
        self, records: Sequence[CaseRecord]
    ) -> Iterator[tuple[Question, Case]]:
        """Yield the tests that go on: still asked, and under the same terms."""
        wanted = {self._questions[rule]: rule for rule in self.rules}
        for record in records:
            rule = wanted.get(record.question)
            if rule is None:
                continue
            case = Case.recalled(record)
            is_priced_alike = self._policy.prices_as(
                case.loss, self._manifest, baseline=self._baseline
            )
            if case.terms == self._terms(rule) and is_priced_alike:
                case.role = rule.release
                yield record.question, case
            elif record.role is rule.release:
                # Else it is another test: of what was promoted, from now on.
                self.renewed.append(record.question)

    def _question(self, rule: Rule) -> Question:
        release, reference = self._digests.get(rule.release), rule.reference
        return Question(rule.thesis, release or "", self._digests.get(reference, ""))

    def _terms(self, rule: Rule) -> Terms:
        own = msgspec.structs.replace(self._manifest, guard=self._wishes[rule.release])
        return self._policy.terms(rule.thesis, release=rule.release, manifest=own)
