-- Finds the secondary indexes of a raw table that a bulk load may drop.
-- One row per index: object identifier, name.
-- Reads the catalogue of PostgreSQL.

SELECT class.oid, class.relname
FROM pg_index AS index
JOIN pg_class AS class ON class.oid = index.indexrelid
WHERE index.indrelid = %(table)s::regclass
  -- Indexes that keep rows out, or that others depend on, stay.
  AND NOT (index.indisunique OR index.indisprimary OR index.indisexclusion)
  AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = class.oid)
  -- So do indexes that their definition alone would not restore completely.
  AND index.indisvalid
  AND NOT index.indisclustered
  AND class.reltablespace = 0
  AND NOT EXISTS (SELECT FROM pg_description WHERE classoid = 'pg_class'::regclass AND objoid = class.oid)
  AND NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = class.oid AND attstattarget >= 0)
  AND NOT EXISTS (
      SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = class.oid AND deptype = 'x'
  )
ORDER BY class.relname
