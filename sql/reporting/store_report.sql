-- Notes a declared report: added, changed, or there again.
-- Changes notify.reports.
INSERT INTO notify.reports (
    name, title, board, schedule, time_zone, days, fresh_within, endpoints, sha256
) VALUES (
    %(name)s, %(title)s, %(board)s, %(schedule)s, %(time_zone)s, %(days)s, %(fresh_within)s, %(endpoints)s, %(sha256)s
)
ON CONFLICT (name) DO UPDATE SET
    title = excluded.title,
    board = excluded.board,
    schedule = excluded.schedule,
    time_zone = excluded.time_zone,
    days = excluded.days,
    fresh_within = excluded.fresh_within,
    endpoints = excluded.endpoints,
    sha256 = excluded.sha256,
    declared_at = clock_timestamp(),
    removed_at = NULL
