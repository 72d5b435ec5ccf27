-- Finds the tables that autovacuum leaves alone although a twentieth of their rows is dead or new.
-- One row per table: schema, name.
-- Reads PostgreSQL's statistics.

-- Autovacuum waits for a fifth, of ten million rows two million. And a server that crashed has forgotten its counts:
-- what the statistics know no analysis of is analysed now, whatever they say.
SELECT schemaname, relname
FROM pg_stat_user_tables
WHERE schemaname IN ('ingest', 'raw', 'analytics', 'history')
  AND (
      coalesce(last_analyze, last_autoanalyze) IS NULL
      OR n_dead_tup > greatest(1000, n_live_tup / 20)
      OR n_mod_since_analyze > greatest(1000, n_live_tup / 20)
  )
ORDER BY schemaname, relname;
