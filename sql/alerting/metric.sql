-- Computes a metric over some days, by key.
-- One row per key: the values of its fields as JSON, the metric, the number of records.
-- Reads {source}, a pre-aggregate or the records.

SELECT {key_of_record}::text COLLATE "C" AS key, ({value})::numeric AS value, {number_of_records} AS records
FROM {source}
WHERE {day} BETWEEN %(first)s AND %(last)s
GROUP BY {key_of_record}
ORDER BY records DESC, key
LIMIT %(most)s;
