-- Stores actuals that are new or that late files have restated; the first value of each stays.
-- Reads pg_temp.changed_actuals, writes forecast.actuals.

INSERT INTO forecast.actuals AS known (series_id, period, first_value, first_version, value, version)
SELECT series_id, period, value AS first_value, %(version)s AS first_version, value, %(version)s AS latest_version
FROM pg_temp.changed_actuals
ON CONFLICT (series_id, period) DO UPDATE SET value = excluded.value, version = excluded.version;
