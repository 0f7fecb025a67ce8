"""What an operator asks of the daemon: kept, answered, and told."""

import json
from contextlib import ExitStack, contextmanager
from threading import Event as Flag
from threading import Thread
from types import SimpleNamespace

import pytest

from agent.adapters.lock import state_lock
from agent.adapters.store.archive import Archive
from agent.adapters.store.ledger import SqliteLedger
from agent.cli import main
from agent.core.event import Event, EventName
from agent.core.moment import Role
from agent.core.release import ReleaseState
from agent.core.request import Answer, Label, Verb
from agent.ports import Standing
from tests.fakes.lived import START, TASK, Lived

ASKED = [
    pytest.param(["rollback", TASK], {"verb": Verb.ROLLBACK, "task": TASK}, id="back"),
    pytest.param(
        ["pin", TASK, 1], {"verb": Verb.PIN, "task": TASK, "version": 1}, id="pin"
    ),
    pytest.param(["unpin", TASK], {"verb": Verb.UNPIN, "task": TASK}, id="unpin"),
    pytest.param(
        ["quarantine", "clear", TASK, 2],
        {"verb": Verb.CLEAR, "task": TASK, "version": 2},
        id="clear",
    ),
    *(
        pytest.param(
            ["label", 1, label],
            {"verb": Verb.LABEL, "task": "", "moment": 1, "label": label},
            id=label,
        )
        for label in Label
    ),
]


@pytest.fixture
def lived(tmp_path):
    lived = Lived(tmp_path / "state")
    lived.say(2)
    return lived


@pytest.fixture
def printed(lived, capsys, monkeypatch):
    """Return what runs a command there as an operator; gives status, out, err."""
    monkeypatch.setenv("SUDO_USER", "ada")

    def printed(*arguments):
        status = main([*map(str, arguments), "--state-dir", str(lived.state)])
        out, err = capsys.readouterr()
        return SimpleNamespace(status=status, out=out, err=err)

    return printed


def requests(lived):
    with Archive.open(lived.path) as archive:
        return archive.requests()


@contextmanager
def answering(lived, *, is_done=True, words="as you wish"):
    """Hold the folder as a daemon does, and answer what is asked."""
    ends = Flag()

    def answer_all():
        with SqliteLedger.open(lived.path) as ledger:
            for _ in range(1_000):
                answers = [
                    Answer(request=r.id, at=START, is_done=is_done, words=words)
                    for r in ledger.requests()
                ]
                ledger.commit(Standing(answers=answers))
                if ends.wait(0.02):
                    return

    with state_lock(lived.state, name="daemon", wait_s=0):
        daemon = Thread(target=answer_all)
        daemon.start()
        try:
            yield
        finally:
            ends.set()
            daemon.join()


@contextmanager
def dying(lived):
    """Hold the folder as a daemon that ends when something is asked of it."""
    with ExitStack() as held:
        held.enter_context(state_lock(lived.state, name="daemon", wait_s=0))

        def end():
            with SqliteLedger.open(lived.path) as ledger:
                for _ in range(1_000):
                    if ledger.requests():
                        break
                    Flag().wait(0.02)
            Flag().wait(0.1)  # it is waited for by now
            held.close()

        daemon = Thread(target=end)
        daemon.start()
        yield
        daemon.join()


# --- asked


@pytest.mark.parametrize(("arguments", "wanted"), ASKED)
def test_a_wish_without_a_daemon_is_kept(arguments, wanted, lived, printed):
    done = printed(*arguments)
    assert (done.status, done.out, done.err) == (
        0,
        "",
        "request 1 is kept; no daemon runs here: it is carried out when one starts\n",
    )
    ((request, answer),) = requests(lived)
    assert answer is None
    assert (request.id, request.by) == (1, "ada")
    assert {name: getattr(request, name) for name in wanted} == wanted


@pytest.mark.parametrize(("arguments", "wanted"), ASKED)
def test_what_the_daemon_did_is_told(arguments, wanted, lived, printed):
    with answering(lived):
        done = printed(*arguments)
    assert (done.status, done.out, done.err) == (0, "as you wish\n", "")


def test_what_the_daemon_turns_down_is_no_success(lived, printed):
    with answering(lived, is_done=False, words="no, because"):
        done = printed("rollback", TASK)
    assert (done.status, done.out, done.err) == (1, "", "no, because\n")


def test_a_daemon_that_does_not_answer_in_time_still_will(lived, printed, monkeypatch):
    monkeypatch.setattr("agent.wiring.asking._TICKS", 0)
    monkeypatch.setattr("agent.wiring.asking._GRACE_S", 0.2)
    with state_lock(lived.state, name="daemon", wait_s=0):
        done = printed("rollback", TASK, "--json")
    assert done.status == 75
    assert json.loads(done.out) == {"request": 1, "answer": None}
    assert done.err == (
        "request 1 is kept, but the daemon has not answered yet: it is carried out at "
        "its next tick; see `forewarn history`\n"
    )
    assert [answer for _, answer in requests(lived)] == [None]


def test_a_daemon_that_dies_over_a_wish_is_not_waited_for_twice(
    lived, printed, monkeypatch
):
    monkeypatch.setattr("agent.wiring.asking._TICKS", 0)
    monkeypatch.setattr("agent.wiring.asking._GRACE_S", 1.0)
    with dying(lived):
        done = printed("rollback", TASK)
    assert (done.status, done.err) == (
        0,
        "request 1 is kept; no daemon runs here: it is carried out when one starts\n",
    )


def test_a_program_gets_number_and_answer(lived, printed):
    with answering(lived):
        done = printed("unpin", TASK, "--json")
    assert json.loads(done.out) == {
        "request": 1,
        "answer": {
            "request": 1,
            "at": "2026-03-01T12:00:00Z",
            "is_done": True,
            "words": "as you wish",
        },
    }
    kept = printed("unpin", TASK, "--json")
    assert json.loads(kept.out) == {"request": 2, "answer": None}


def test_without_sudo_it_is_the_user_who_asks(lived, printed, monkeypatch):
    monkeypatch.delenv("SUDO_USER")
    monkeypatch.setattr("getpass.getuser", lambda: "grace")
    printed("unpin", TASK)
    assert requests(lived)[0][0].by == "grace"


def test_a_user_without_a_name_has_a_number(lived, printed, monkeypatch):
    def nameless():
        raise KeyError("no such user")

    monkeypatch.delenv("SUDO_USER")
    monkeypatch.setattr("getpass.getuser", nameless)
    monkeypatch.setattr("os.getuid", lambda: 4711)
    printed("unpin", TASK)
    assert requests(lived)[0][0].by == "user 4711"


# --- what there is not


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["rollback", "x"], f'no task "x" here; there is {TASK}'),
        (["unpin", "x"], f'no task "x" here; there is {TASK}'),
        (["pin", "x", 1], f'no task "x" here; there is {TASK}'),
        (["pin", TASK, 9], f"no version 9 of {TASK} here; there is 1, 2"),
        (
            ["quarantine", "clear", TASK, 9],
            f"no version 9 of {TASK} here; there is 1, 2",
        ),
        (["label", 9, "void"], "no prediction 9 here; there is 1 to 4"),
        (
            ["label", 2**63 - 1, "void"],
            f"no prediction {2**63 - 1} here; there is 1 to 4",
        ),
        (["history", "--task", "x"], f'no task "x" here; there is {TASK}'),
    ],
)
def test_what_is_not_there_is_not_asked_for(arguments, words, lived, printed):
    done = printed(*arguments)
    assert (done.status, done.out, done.err) == (1, "", f"Error: {words}\n")
    assert requests(lived) == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["pin", TASK, "0"],
        ["pin", TASK, 2**63],
        ["quarantine", "clear", TASK, 2**63],
        ["label", 2**63, "void"],
        ["label", 1, "maybe"],
        ["label", "x", "void"],
        ["explain", 2**63],
    ],
)
def test_what_cannot_be_meant_is_a_matter_of_usage(arguments, lived, printed):
    assert printed(*arguments).status == 2
    assert requests(lived) == []


# --- quarantine list, history


def event(name, role, lived, *, minutes=0, **fields):
    return Event(
        at=START.replace(minute=minutes),
        name=name,
        fields={
            "task": TASK,
            "version": list(lived.digests).index(role) + 1,
            "digest": lived.digests[role][:12],
            **fields,
        },
    )


def test_nothing_in_quarantine_is_told(printed):
    done = printed("quarantine", "list")
    assert (done.status, done.out, done.err) == (0, "", "nothing is in quarantine\n")


def test_quarantine_lists_what_must_not_run_and_why(lived, printed):
    lived.line_up(active=None)
    lived.set_states(Role.ACTIVE, ReleaseState.ROLLED_BACK)
    name = EventName.RELEASE_ROLLED_BACK
    lived.record(event(EventName.RELEASE_ADMITTED, Role.ACTIVE, lived, minutes=1))
    lived.record(event(name, Role.ACTIVE, lived, minutes=2, reason="it was worse"))
    (found,) = json.loads(printed("quarantine", "list", "--json").out)
    assert found == {
        "task": TASK,
        "version": 1,
        "digest": lived.digests[Role.ACTIVE],
        "state": "rolled_back",
        "since": "2026-03-01T12:02:00Z",
        "why": "it was worse",
    }
    shown = printed("quarantine", "list").out
    assert shown.splitlines()[1].endswith("2026-03-01T12:02:00Z  it was worse")


def test_a_release_that_failed_its_trial_tells_what_was_said_then(lived, printed):
    lived.line_up(shadow=None)
    lived.set_states(Role.SHADOW, ReleaseState.REJECTED)
    fields = {"task": TASK, "reason": "too slow"}
    refused = Event(at=START, name=EventName.RELEASE_REFUSED, fields=fields)
    lived.record(refused)
    (found,) = json.loads(printed("quarantine", "list", "--json").out)
    assert (found["state"], found["why"]) == ("rejected", "too slow")


def test_of_what_no_event_is_kept_no_reason_is_known(lived, printed):
    lived.line_up(shadow=None)
    lived.set_states(Role.SHADOW, ReleaseState.REJECTED)
    (found,) = json.loads(printed("quarantine", "list", "--json").out)
    assert (found["since"], found["why"]) == (None, None)


def test_history_has_the_newest_first(lived, printed):
    lived.record(event(EventName.RELEASE_ADMITTED, Role.SHADOW, lived, minutes=1))
    lived.record(Event(at=START, name=EventName.COMMIT_FAILED, fields={"reason": "x"}))
    told = {"reason": "as wished", "by": "ada"}
    pinned = event(EventName.RELEASE_PINNED, Role.ACTIVE, lived, minutes=2, **told)
    lived.record(pinned)
    found = json.loads(printed("history", "--json").out)
    assert [each["name"] for each in found] == ["release_pinned", "release_admitted"]
    assert found[0]["fields"]["by"] == "ada"
    assert printed("history").out.splitlines() == [
        "at                    event             task      version  by   why",
        "2026-03-01T12:02:00Z  release_pinned    cpu-busy        1  ada  as wished",
        "2026-03-01T12:01:00Z  release_admitted  cpu-busy        2  -    -",
    ]
    (last,) = json.loads(printed("history", "--limit", 1, "--json").out)
    assert last["name"] == "release_pinned"
    since = printed("history", "--task", TASK, "--since", "2026-03-01T12:02").out
    assert len(since.splitlines()) == 2


def test_an_event_that_names_only_the_release_is_about_its_task(lived, printed):
    fields = {"digest": lived.digests[Role.SHADOW][:12], "crashes_of_late": 1}
    lived.record(Event(at=START, name=EventName.RELEASE_CRASHED, fields=fields))
    assert printed("history").out.splitlines()[1].split()[2:4] == [TASK, "2"]


def test_no_history_is_told(printed):
    assert printed("history").err == "no history yet\n"
    words = "nothing that these filters let through\n"
    assert printed("history", "--since", "1d").err == words
