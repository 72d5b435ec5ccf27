"""DuckDB on a Parquet file: how long a statement takes. Imports nothing of the project."""

import json
import sys
import time

import duckdb  # type: ignore[import-not-found]


def main() -> None:
    """Arguments: a CSV file, the Parquet file to make of it, the repetitions; statements as JSON on standard input."""
    source, target, repetitions = sys.argv[1:]
    connection = duckdb.connect()
    connection.execute(f"COPY (FROM read_csv('{source}', header = true)) TO '{target}' (FORMAT parquet)")
    connection.execute(f"CREATE VIEW deliveries AS FROM '{target}'")
    seconds = {}
    for name, statement in json.load(sys.stdin).items():
        times = []
        for _ in range(int(repetitions)):
            since = time.perf_counter()
            connection.execute(statement).fetchall()
            times.append(time.perf_counter() - since)
        seconds[name] = times
    print(json.dumps(seconds))


if __name__ == "__main__":
    main()
