"""`forewarn-central refresh`: what it signs anew, and what it warns of."""

import json
from datetime import timedelta

import pytest

from central.cli import main
from central.flows.refresh import refresh
from central.flows.sign import sign
from central.wiring.repository import looked_at, opened
from tests.fakes.keyholders import (
    NOW,
    POINTER,
    Host,
    approve,
    founded,
    key_of,
    take_away,
)

PEOPLE = [
    f"{role}-{n}"
    for role in ("root", "targets", "release-cpu", "approve-cpu")
    for n in (1, 2, 3)
]


def refreshed(folder, *, days, **options):
    now = NOW + timedelta(days=days)
    with opened(folder, now=now) as desk:
        return refresh(desk, now=now, **options)


@pytest.fixture
def folder(tmp_path):
    founded(tmp_path / "fleet")
    return tmp_path / "fleet"


@pytest.mark.parametrize(
    ("days", "published"),
    [
        (0, ()),
        (1.4, ()),
        (1.6, ("timestamp",)),
        (7.1, ("snapshot", "timestamp")),
        (15.1, ("approve-cpu", "snapshot", "timestamp")),
        (91, ("approve-cpu", "release-cpu", "snapshot", "targets", "timestamp")),
    ],
)
def test_what_has_less_than_half_its_life_left_is_signed_anew(folder, days, published):
    done = refreshed(folder, days=days)
    assert tuple(sorted(done.published)) == published
    assert (done.waiting, done.expiring) == ((), ())
    assert refreshed(folder, days=days).published == ()


def test_a_root_is_signed_anew_in_its_last_quarter(folder):
    assert "root" not in refreshed(folder, days=270).published
    assert "root" in refreshed(folder, days=275).published


def test_everything_expired_years_ago(folder, tmp_path):
    old = tmp_path / "old"
    founded(old, now=NOW - timedelta(days=1000))
    assert refreshed(old, days=0).expiring == ()
    assert Host(old, cache=tmp_path / "host").target(POINTER) is None


def test_force_signs_the_online_roles(folder):
    assert refreshed(folder, days=0, is_forced=True).published == (
        "snapshot",
        "timestamp",
    )


def test_for_keys_elsewhere_it_makes_what_they_sign(folder, tmp_path):
    take_away(folder, *PEOPLE)
    done = refreshed(folder, days=20)
    assert done.published == ("snapshot", "timestamp")
    assert [row.role for row in done.waiting] == ["approve-cpu"]
    assert [state.role for state in done.expiring] == ["approve-cpu"]
    signers = [str(key_of(folder, f"approve-cpu-{n}")) for n in (1, 2)]
    with opened(folder, now=NOW + timedelta(days=21), signers=signers) as desk:
        assert sign(desk, roles=["approve-cpu"]).waiting == ()
    state = looked_at(folder).role("approve-cpu")
    assert (state.version, state.expires) == (2, NOW + timedelta(days=50))


def test_what_people_have_begun_to_sign_is_left_alone(folder):
    take_away(folder, "approve-cpu-2", "approve-cpu-3")
    assert [row.have for row in refreshed(folder, days=20).waiting] == [1]
    (row,) = refreshed(folder, days=21).waiting
    assert (row.have, row.dropped) == (1, 0)


def test_what_nobody_signed_for_long_is_made_anew(folder):
    take_away(folder, *PEOPLE)
    refreshed(folder, days=20)
    refreshed(folder, days=40)
    drafted = looked_at(folder).role("approve-cpu").drafted
    assert drafted == NOW + timedelta(days=70)


def test_a_renewed_role_keeps_what_it_signs_for(folder, tmp_path):
    approve(folder, b"{}")
    refreshed(folder, days=20)
    assert Host(folder, cache=tmp_path / "host").target(POINTER) == b"{}"


def test_the_command_says_what_it_published(folder, capsys):
    assert main(["refresh", "--dir", str(folder)]) == 0
    assert capsys.readouterr() == ("", "")
    assert main(["refresh", "--force", "--dir", str(folder)]) == 0
    assert capsys.readouterr().out == "published snapshot\npublished timestamp\n"


def test_the_command_warns_of_what_others_must_sign(tmp_path, capsys):
    folder = tmp_path / "fleet"
    founded(folder, now=NOW - timedelta(days=20))
    take_away(folder, *PEOPLE)
    capsys.readouterr()
    assert main(["refresh", "--dir", str(folder), "--json"]) == 3
    told = capsys.readouterr()
    assert [s["role"] for s in json.loads(told.out)["expiring"]] == ["approve-cpu"]
    assert "approve-cpu: 0 of 2 signatures; missing any 2 of: approve-" in told.err
    assert "approve-cpu: expires 20" in told.err
    assert "to be signed by 2 of: approve-cpu-1 (" in told.err


def test_the_command_says_what_has_expired(tmp_path, capsys):
    folder = tmp_path / "fleet"
    founded(folder, now=NOW - timedelta(days=40))
    take_away(folder, *PEOPLE)
    assert main(["refresh", "--dir", str(folder)]) == 3
    assert "approve-cpu: expired 20" in capsys.readouterr().err


def test_without_the_online_keys_it_says_so(folder, capsys):
    take_away(folder, "timestamp-1")
    assert main(["refresh", "--force", "--dir", str(folder)]) == 3
    assert "timestamp: 0 of 1 signatures; missing any 1" in capsys.readouterr().err
