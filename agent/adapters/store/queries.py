"""What the archive asks of the database."""

MOMENTS = """
    select m.id, o.kind, o.resolved_at, o.value, o.happened_at, o.void
    from moments as m left join outcomes as o on o.moment = m.id
    where (:task is null or m.task = :task)
        and (:entity is null or m.entity = :entity)
        and (:since is null or m.at >= :since)
        and (o.kind is not null or not :only_resolved)
    order by m.id desc
    limit :limit
"""
EVENTS = """
    select at, level, name, fields from events
    where :since is null or at >= :since
    order by id desc
    limit :limit
"""
CARDS = """
    select day, task, digest, role, card from scorecards
    where :task is null or task = :task
    order by day, task, digest, role
"""
RELEASES = """
    select digest, task, version, state, admitted_at from releases
    order by task, version
"""
MANIFEST = "select manifest from releases where digest = :digest"
COUNTS = """
    select (select count(*) from samples) as samples,
        (select count(*) from moments) as moments,
        (select count(*) from events) as events
"""
KINDS = "select kind, count(*) as count from outcomes group by kind"
LAST_SAMPLE = """
    select s.at, s.row, l.series
    from samples as s join layouts as l on l.id = s.layout
    order by s.at desc
    limit 1
"""
MEMORIES = "select task, record from memories order by task"
EVIDENCE = """
    select document from evidence
    where (:task is null or task = :task)
        and (:since is null or at >= :since)
        and (:until is null or at <= :until)
    order by id desc
    limit :limit
"""
HISTORY = """
    select at, level, name, fields from events
    where name in (select value from json_each(:names))
        and (:task is null or json_extract(fields, '$.task') = :task)
        and (:since is null or at >= :since)
    order by id desc
    limit :limit
"""
REQUESTS = """
    select id, document, answer from requests
    order by id desc
    limit :limit
"""
SAMPLES = """
    select layout, row as points from samples where at > :since and at <= :until
"""
ROLLUPS = """
    select layout, means as points from rollups where at > :since and at <= :until
"""
LAYOUTS = "select id, series from layouts"
