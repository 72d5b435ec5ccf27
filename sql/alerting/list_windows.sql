-- Lists the maintenance windows that have not ended.
-- One row per window.
-- Reads alert.windows, by its index.

SELECT window_id, rule, labels, hours, ends_at, author, reason, made_at
FROM alert.windows
WHERE ends_at > now() AND ended_at IS NULL
ORDER BY window_id;
