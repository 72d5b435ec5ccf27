-- Counts the records of each series of the finest level, largest series first.
-- One row per key: the values of its fields as JSON, records.
-- Reads {source}, a pre-aggregate or the records.

SELECT {key_of_record}::text COLLATE "C" AS key, {number_of_records} AS records
FROM {source}
WHERE {day} BETWEEN %(first)s AND %(last)s
GROUP BY key
ORDER BY records DESC, key;
