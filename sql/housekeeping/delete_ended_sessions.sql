-- Deletes sessions of people that ended long ago, for whatever reason. The people stay.
-- One row less per session.
-- Writes access.sessions.
DELETE FROM access.sessions
WHERE
    coalesce(ended_at, least(ends_at, idle_ends_at)) < clock_timestamp() - make_interval(days => %(days)s)
