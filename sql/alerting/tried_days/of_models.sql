-- Finds the days on which a rule about models of a dataset, or of all of them, can be tried: since one is in production.
-- One row: first_day, UTC; NULL if there is none.
-- Reads models.aliases, .models.

SELECT min(alias.since AT TIME ZONE 'UTC')::date AS first_day
FROM models.aliases AS alias
INNER JOIN models.models AS model ON alias.model = model.model
WHERE alias.alias = 'champion' AND (%(dataset)s::text IS NULL OR model.dataset = %(dataset)s);
