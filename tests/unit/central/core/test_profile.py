from datetime import timedelta

import pytest

from agent.errors import ConfigError
from central.core.profile import (
    ONLINE,
    TOP,
    Profile,
    checked_name,
    delegator_of,
    kind_of,
    parse_policy,
    policy_of,
    policy_text,
    task_roles,
)

PROFILES = list(Profile)


def refusal(text):
    with pytest.raises(ConfigError) as raised:
        parse_policy(text.encode(), source="central.toml")
    return str(raised.value)


@pytest.mark.parametrize(
    ("profile", "role", "days"),
    [
        ("connected", "root", 365),
        ("connected", "targets", 180),
        ("connected", "snapshot", 14),
        ("connected", "timestamp", 3),
        ("connected", "release-cpu", 180),
        ("connected", "approve-cpu", 30),
        ("air-gapped", "root", 730),
        ("air-gapped", "targets", 365),
        ("air-gapped", "snapshot", 90),
        ("air-gapped", "timestamp", 90),
        ("air-gapped", "release-cpu", 365),
        ("air-gapped", "approve-cpu", 180),
    ],
)
def test_how_long_a_signature_holds(profile, role, days):
    rule = policy_of(Profile(profile)).rule(role)
    assert rule.lifetime == timedelta(days=days)


def test_a_root_is_renewed_in_its_last_quarter_and_the_rest_at_half_time():
    policy = policy_of(Profile.CONNECTED)
    assert policy.rule("root").renewal == timedelta(days=365) / 4
    assert policy.rule("timestamp").renewal == timedelta(hours=36)


@pytest.mark.parametrize("profile", PROFILES)
def test_no_thief_of_one_key_can_change_keys_or_approve(profile):
    policy = policy_of(profile)
    assert {
        policy.rules[kind].threshold for kind in ("root", "targets", "approve")
    } == {2}


@pytest.mark.parametrize("profile", PROFILES)
def test_one_key_may_be_lost(profile):
    rules = policy_of(profile).rules
    people = [rule for kind, rule in rules.items() if kind not in ONLINE]
    assert all(rule.keys > rule.threshold for rule in people)


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("counts", [None, {"root": (5, 3), "approve": (1, 1)}])
def test_a_written_policy_is_read_back(profile, counts):
    policy = policy_of(profile, counts=counts)
    text = policy_text(policy)
    assert parse_policy(text.encode(), source="x") == policy


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ({"root": (3, 4)}, "roles.root: expected a threshold of 1 to as many as"),
        ({"root": (3, 0)}, "got 0 of 3"),
        ({"root": (101, 2)}, "at most 100, got 2 of 101"),
        ({"boot": (3, 2)}, "roles: expected one of root, targets, snapshot"),
    ],
)
def test_a_threshold_that_cannot_be_met_is_refused(counts, words):
    with pytest.raises(ConfigError, match=words):
        policy_of(Profile.CONNECTED, counts=counts)


GOOD = policy_text(policy_of(Profile.CONNECTED))


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("schema = 1", "schema = 2", "central.toml: Expected `int` <= 1"),
        ('"connected"', '"by-pigeon"', "Invalid enum value 'by-pigeon'"),
        ("keys = 3", "kays = 3", "unknown field `kays`"),
        ("[roles.root]", "[roles.boot]", "expected roles.root, got none"),
        ("lifetime_days = 365", "lifetime_days = 0", "Expected `int` >= 1"),
        ("lifetime_days = 365", "lifetime_days = 1e9", "Expected `int`"),
        ("threshold = 2", "threshold = 4", "got 4 of 3"),
        ("schema = 1", "schema 1", "central.toml: "),
    ],
)
def test_a_policy_that_says_what_cannot_be(old, new, words):
    assert old in GOOD
    assert words in refusal(GOOD.replace(old, new, 1))


def test_a_kind_of_role_that_there_is_not_is_refused():
    more = GOOD + "[roles.boot]\nkeys = 1\nthreshold = 1\nlifetime_days = 1\n"
    assert "expected one of root" in refusal(more)


def test_bytes_that_are_no_text():
    with pytest.raises(ConfigError, match=r"central\.toml: "):
        parse_policy(b"\xff", source="central.toml")


def test_a_task_has_a_role_that_releases_and_one_that_approves():
    assert task_roles("disk-full") == {
        "release-disk-full": "models/disk-full/*/*",
        "approve-disk-full": "channels/disk-full/*",
    }


@pytest.mark.parametrize(
    "name", ["", "A", "-a", ".a", "a b", "a/b", "é", "a" * 65, "a\n"]
)
def test_what_cannot_be_part_of_a_path_is_no_name(name):
    with pytest.raises(ConfigError, match="task: expected a-z, 0-9"):
        task_roles(name)


@pytest.mark.parametrize("name", ["a", "0", "a.b_c-d", "a" * 64])
def test_names(name):
    assert checked_name(name, what="key") == name


def test_a_longer_name_where_it_is_allowed():
    assert checked_name("a" * 80, what="key", longest=80)


def test_the_root_names_the_keys_of_the_upper_roles_and_targets_of_the_others():
    assert {delegator_of(role) for role in TOP} == {"root"}
    assert delegator_of("release-root") == "targets"
    assert kind_of("release-root") == "release"


def test_other_thresholds_leave_keys_and_other_roles_as_they_are():
    policy = policy_of(Profile.CONNECTED).with_thresholds({"approve": 1})
    approve, release = policy.rule("approve-cpu"), policy.rule("release-cpu")
    assert (approve.keys, approve.threshold) == (3, 1)
    assert (release.keys, release.threshold) == (3, 1)
    assert policy.rule("root").threshold == 2
