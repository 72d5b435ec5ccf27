-- Finds the silences that are in force at a moment.
-- One row per silence: rule, labels, end, author, reason.
-- Reads alert.silences, by its index.

SELECT rule, labels, ends_at, author, reason
FROM alert.silences
WHERE starts_at <= %(moment)s AND ends_at > %(moment)s AND ended_at IS NULL
ORDER BY silence_id
