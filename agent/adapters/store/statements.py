"""How the daemon and the courier alike write what both of them change."""

# A row of `rows.event_row`.
EVENT = "insert into events (at, level, name, fields) values (?, ?, ?, ?)"
# The new state, and the digest.
STATE = "update releases set state = ? where digest = ?"
# A row of `rows.lineup_row`.
LINEUP = (
    "insert into lineups (task, active, standby, shadow, pinned)"
    " values (?, ?, ?, ?, ?)"
    " on conflict (task) do update set active = excluded.active,"
    " standby = excluded.standby, shadow = excluded.shadow, pinned = excluded.pinned"
)
