-- Notes how attempts on an endpoint went, and says since when and how often it fails.
-- Changes notify.endpoints.
UPDATE notify.endpoints
SET
    failures = CASE WHEN %(is_reached)s THEN 0 ELSE failures + %(failures)s END,
    failing_since = CASE
        WHEN %(is_reached)s THEN NULL
        WHEN %(failures)s > 0 THEN coalesce(failing_since, clock_timestamp())
        ELSE failing_since
    END,
    paused_until = CASE
        WHEN %(pause)s::double precision IS NULL THEN paused_until
        ELSE greatest(paused_until, clock_timestamp() + make_interval(secs => %(pause)s))
    END
WHERE endpoint_id = %(endpoint_id)s
RETURNING failures, failing_since < clock_timestamp() - make_interval(secs => %(longest)s) AS fails_for_long
