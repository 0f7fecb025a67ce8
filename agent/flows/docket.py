"""The docket: the tests that run on a task's releases, and the terms they run under."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from agent.core.baseline import Baseline
from agent.core.case import Case, CaseRecord
from agent.core.evidence import Evidence, Question
from agent.core.guard import Terms
from agent.core.manifest import Manifest
from agent.core.moment import BASELINE, Role, Thesis
from agent.core.policy import Policy
from agent.core.verdict import RULES, Rule


class Docket:
    """The tests of one line-up, each begun when both of its forecasters first speak.

    Attributes:
        rules: Those about releases that are at work.
        renewed: What was asked before under other terms, and begins anew.

    Args:
        manifest: Of the release that leads.
        digests: Who is at work, by role.
        policy: The site's.
        heard: Releases that need not be shown to be as good as the baseline any more.
        records: The tests that ran before.
    """

    def __init__(
        self,
        manifest: Manifest,
        *,
        digests: Mapping[Role, str],
        policy: Policy,
        heard: Sequence[str],
        records: Sequence[CaseRecord],
    ) -> None:
        self.renewed: list[Question] = []
        self._manifest = manifest
        self._digests = {**digests, Role.BASELINE: BASELINE}
        self._policy = policy
        self._heard = set(heard)
        self.rules = tuple(self._asked())
        self._questions = {rule[:3]: self._question(rule) for rule in self.rules}
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
            if rule.move is not None or release not in self._heard:
                yield rule

    def under(self, rule: Rule) -> Case | None:
        """Return the test of a rule, if it runs."""
        question = self._questions.get(rule[:3])
        return None if question is None else self._cases.get(question)

    def on(self, question: Question) -> Case | None:
        """Return the test of a question, if it runs."""
        return self._cases.get(question)

    def begun(
        self, rule: Rule, *, at: datetime, first_moment: int, baseline: Baseline
    ) -> Case | None:
        """Return the test of a rule, begun where it is new.

        None: too little is known of this host to price a prediction.
        """
        question = self._questions[rule[:3]]
        if question not in self._cases:
            loss = self._policy.loss(self._manifest, baseline)
            if loss is None:
                return None
            self._cases[question] = Case(
                question,
                role=rule.release,
                loss=loss,
                terms=self._terms(rule),
                at=at,
                first_moment=first_moment,
            )
        return self._cases[question]

    def hear(self, digest: str) -> None:
        """Close the test by which a release has earned to be heard."""
        self._heard.add(digest)
        self.rules = tuple(self._asked())
        self._cases.pop(Question(Thesis.NOT_WORSE, digest, BASELINE), None)

    def _continued(
        self, records: Sequence[CaseRecord]
    ) -> Iterator[tuple[Question, Case]]:
        """Yield the tests that go on: still asked, and under the same terms."""
        wanted = {self._questions[rule[:3]]: rule for rule in self.rules}
        for record in records:
            rule = wanted.get(record.question)
            if rule is None:
                continue
            case = Case.recalled(record)
            is_priced_alike = self._policy.prices_as(case.loss, self._manifest)
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
        return self._policy.terms(
            rule.thesis, release=rule.release, manifest=self._manifest
        )
