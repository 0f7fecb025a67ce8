"""The next pointer of a task: what is kept, what changes, what is refused."""

from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.pointer import Rollout, parse_pointer
from agent.errors import TrustError
from central.core.approval import (
    Wish,
    approved,
    facts,
    once_named,
    remarks,
    share,
    withdrawn,
)
from central.core.log import Action, Deed, Subject, entry_after
from central.core.shelf import Issue

THEN = datetime(2026, 12, 1, 6, tzinfo=UTC)


def sha(number):
    return f"{number:064x}"


def issue(version):
    return Issue(
        task="cpu",
        version=version,
        digest=sha(version),
        length=100 + version,
        model=sha(1000 + version),
    )


ALL = tuple(map(issue, range(1, 8)))


def pointer(version=3, **wish):
    return approved(None, issue=issue(version), wish=Wish(**wish))


def test_the_first_approval_is_for_every_host_at_once():
    found = pointer()
    assert (found.serial, found.version, found.sha256) == (1, 3, sha(3))
    assert (found.length, found.manifest) == (103, "models/cpu/3/manifest.json")
    assert (share(found), found.not_before) == (100, None)
    assert (found.floor_version, found.revoked) == (1, ())


def test_an_agent_can_read_a_pointer():
    found = pointer(percent=25, not_before=THEN, floor=2, revoke=frozenset({sha(1)}))
    document = msgspec.json.encode(found)
    assert parse_pointer(document, task="cpu", channel="stable") == found


def test_a_growing_share_of_a_release_holds_the_hosts_that_it_had():
    first = pointer(percent=10, not_before=THEN)
    second = approved(first, issue=issue(3), wish=Wish(percent=50))
    assert second.serial == 2
    assert second.rollout.salt == first.rollout.salt
    assert second.not_before == THEN
    hosts = [f"host-{n}" for n in range(200)]
    had = {h for h in hosts if first.holds_back(h, now=THEN) is None}
    have = {h for h in hosts if second.holds_back(h, now=THEN) is None}
    assert had < have


def test_another_release_begins_anew_with_other_hosts():
    first = pointer(percent=10, not_before=THEN, floor=2, revoke=frozenset({sha(1)}))
    second = approved(first, issue=issue(4), wish=Wish())
    assert (share(second), second.not_before) == (100, None)
    assert second.rollout.salt != first.rollout.salt
    assert (second.floor_version, second.revoked) == (2, (sha(1),))


def test_what_is_asked_for_goes_before_what_was():
    first = pointer(percent=10, salt="a", not_before=THEN, floor=2)
    wish = Wish(percent=0, salt="", not_before=THEN.replace(year=2027), floor=3)
    second = approved(first, issue=issue(3), wish=wish)
    assert second.rollout == Rollout(percent=0, salt="")
    assert (second.floor_version, second.not_before.year) == (3, 2027)


def test_an_approval_that_changes_nothing_is_the_one_before():
    first = pointer(percent=10)
    assert approved(first, issue=issue(3), wish=Wish()) is first
    assert approved(first, issue=issue(3), wish=Wish(percent=10)) is first


def test_a_pointer_without_a_rollout_was_for_every_host():
    last = msgspec.structs.replace(pointer(), rollout=None)
    second = approved(last, issue=issue(3), wish=Wish(floor=2))
    assert second.rollout == Rollout(percent=100, salt="cpu-3")


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        pytest.param(Wish(floor=4), "cpu: version 3 is below the floor 4", id="floor"),
        pytest.param(
            Wish(revoke=frozenset({sha(3)})),
            "cpu: version 3 is revoked; publish a newer version instead",
            id="its_manifest_is_revoked",
        ),
        pytest.param(
            Wish(revoke=frozenset({sha(1003)})),
            "cpu: version 3 is revoked; publish a newer version instead",
            id="its_model_is_revoked",
        ),
    ],
)
def test_what_may_not_run_is_not_approved(wish, words):
    with pytest.raises(TrustError) as raised:
        approved(None, issue=issue(3), wish=wish)
    assert str(raised.value) == words


def test_what_was_revoked_once_is_never_approved():
    last = pointer(2, revoke=frozenset({sha(5)}))
    with pytest.raises(TrustError, match="version 5 is revoked"):
        approved(last, issue=issue(5), wish=Wish())


def test_a_withdrawn_release_sends_every_host_to_the_newest_that_may_run():
    last = pointer(6, percent=25, not_before=THEN, revoke=frozenset({sha(5)}))
    found = withdrawn(last, issue=issue(6), to=None, among=ALL[:6])
    assert (found.version, found.sha256, found.serial) == (4, sha(4), 2)
    assert found.revoked == (sha(5), sha(6))
    assert (share(found), found.not_before) == (100, None)


def test_a_withdrawn_release_sends_hosts_where_they_are_told_to_go():
    found = withdrawn(pointer(6), issue=issue(6), to=issue(2), among=ALL)
    assert found.version == 2


@pytest.mark.parametrize("to", [1, 5])
def test_hosts_are_not_sent_to_what_may_not_run(to):
    last = pointer(6, floor=2, revoke=frozenset({sha(5)}))
    with pytest.raises(TrustError, match=f"version {to} is (below|revoked)"):
        withdrawn(last, issue=issue(6), to=issue(to), among=ALL)


def test_where_none_is_left_the_pointer_stays_revoked():
    last = pointer(6, floor=6, percent=10)
    found = withdrawn(last, issue=issue(6), to=None, among=ALL[:6])
    assert (found.version, found.serial, found.rollout) == (6, 2, last.rollout)
    assert found.revoked == (sha(6),)
    (remark,) = remarks(last, found)
    assert remark == (
        "no release of cpu that was approved before is left to go back to: hosts fall "
        "to the baseline, until another is approved"
    )


def test_a_release_that_is_not_the_approved_one_is_only_revoked():
    last = pointer(6, percent=10)
    found = withdrawn(last, issue=issue(4), to=None, among=ALL)
    assert (found.version, found.rollout, found.serial) == (6, last.rollout, 2)
    assert found.revoked == (sha(4),)
    with pytest.raises(TrustError, match="version 4 is not the approved one"):
        withdrawn(last, issue=issue(4), to=issue(2), among=ALL)


def test_a_release_that_was_withdrawn_is_withdrawn_already():
    once = withdrawn(pointer(6), issue=issue(6), to=None, among=ALL[:6])
    assert withdrawn(once, issue=issue(6), to=None, among=ALL[:6]) is once


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        pytest.param(
            {"percent": 50},
            {"percent": 25},
            "percent goes down: 50 -> 25; hosts that have taken the release in keep it",
            id="fewer_hosts",
        ),
        pytest.param(
            {"floor": 3}, {"floor": 2}, "the floor goes down: 3 -> 2", id="lower_floor"
        ),
        pytest.param(
            {"version": 5},
            {},
            "version 5 -> 3: hosts with a newer version go back",
            id="back",
        ),
        pytest.param({"percent": 50}, {"percent": 51}, None, id="more_hosts"),
        pytest.param({"version": 2}, {"percent": 1}, None, id="another_release"),
    ],
)
def test_what_nobody_may_expect_is_said(before, after, words):
    last = pointer(**before)
    found = approved(last, issue=issue(3), wish=Wish(**after))
    assert list(remarks(last, found)) == ([] if words is None else [words])


def test_of_a_first_approval_there_is_nothing_to_say():
    assert list(remarks(None, pointer())) == []


versions = st.integers(1, 7)
orders = st.lists(
    st.tuples(st.sampled_from(["approve", "withdraw"]), versions, st.integers(0, 100)),
    max_size=12,
)


@given(orders)
def test_serials_grow_and_revocations_stay(steps):
    last = None
    for order, version, percent in steps:
        try:
            if order == "approve":
                wish = Wish(percent=percent)
                found = approved(last, issue=issue(version), wish=wish)
            elif last is not None:
                found = withdrawn(last, issue=issue(version), to=None, among=ALL)
            else:
                continue
        except TrustError:
            continue
        if last is not None:
            assert set(last.revoked) <= set(found.revoked)
            assert found is last or found.serial == last.serial + 1
        if order == "approve":
            assert found.sha256 not in found.revoked
        last = found


def test_what_a_pointer_says_is_told_to_the_log():
    found = facts(pointer(percent=25, floor=2, revoke=frozenset({sha(1)})))
    assert found == {
        "serial": 1,
        "version": 3,
        "percent": 25,
        "floor": 2,
        "revoked": [sha(1)],
    }


ROLE = "approve-cpu"
LACKS = (f"{ROLE}: 1 of 2 signatures",)


def named(version, *, task="cpu", waiting=(), action=Action.APPROVE):
    evidence = {"version": version, "waiting": waiting}
    return Deed(action=action, subject=Subject(task=task), evidence=evidence)


def signed(*roles):
    return Deed(action=Action.SIGN, evidence={"published": roles})


def dropped(*roles):
    return Deed(action=Action.DISCARD, evidence={"dropped": dict.fromkeys(roles, ())})


@pytest.mark.parametrize(
    ("deeds", "versions"),
    [
        pytest.param([], set(), id="nothing"),
        pytest.param([named(1), named(3)], {1, 3}, id="approved"),
        pytest.param([named(2, action=Action.WITHDRAW)], {2}, id="gone_back_to"),
        pytest.param([named(1, action=Action.PUBLISH)], set(), id="only_published"),
        pytest.param([named(1, task="disk")], set(), id="of_another_task"),
        pytest.param([named(1, waiting=LACKS)], set(), id="lacks_signatures"),
        pytest.param([named(1, waiting=("root: 1 of 3",))], {1}, id="others_lack_some"),
        pytest.param([named(1, waiting=LACKS), signed(ROLE)], {1}, id="signed_later"),
        pytest.param([named(1, waiting=LACKS), signed("x")], set(), id="signed_others"),
        pytest.param(
            [named(1, waiting=LACKS), named(2, waiting=LACKS), signed(ROLE)],
            {2},
            id="replaced_before_it_held",
        ),
        pytest.param(
            [named(1, waiting=LACKS), dropped("x"), dropped(ROLE), signed(ROLE)],
            set(),
            id="discarded",
        ),
    ],
)
def test_the_log_tells_which_versions_the_channel_has_named(deeds, versions):
    entries, last = [], None
    for deed in deeds:
        last = entry_after(last, deed, user="ann", sudo_user=None, at=THEN)
        entries.append(last)
    assert once_named(entries, task="cpu") == versions
