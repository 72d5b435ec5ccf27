-- Says whether a worker evaluates the alerts, and every duty was done lately.
-- One row.
-- Reads alert.heartbeats.

SELECT
    coalesce(bool_and(at > clock_timestamp() - make_interval(secs => %(seconds)s)), false)
    AND count(*) FILTER (WHERE duty = 'alerts' AND worker = %(worker)s) = 1
    AND count(*) FILTER (WHERE duty = 'messages') = 1 AS works
FROM alert.heartbeats
