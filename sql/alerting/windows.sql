-- Finds the maintenance windows that may be open at a moment: whether they are is a matter of their hours.
-- One row per window: rule, labels, hours, author, reason.
-- Reads alert.windows, by its index.

SELECT rule, labels, hours, author, reason
FROM alert.windows
WHERE ends_at > %(moment)s AND ended_at IS NULL
ORDER BY window_id
