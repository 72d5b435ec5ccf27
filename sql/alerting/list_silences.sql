-- Lists the silences that are, or will be, in force.
-- One row per silence.
-- Reads alert.silences, by its index.

SELECT silence_id, rule, labels, starts_at, ends_at, author, reason, made_at
FROM alert.silences
WHERE ends_at > now() AND ended_at IS NULL
ORDER BY starts_at, silence_id;
