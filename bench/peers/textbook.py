"""The loop that most people would write: stream with ijson, 10,000 rows at a time through StringIO into COPY."""

import csv
import io
from itertools import islice

import ijson
import psycopg

_COLUMNS = ("log_id", "vehicle_id", "trip_date", "mileage", "fuel_used")


def load(url: str, path: str, folder: str) -> None:
    statement = f"COPY raw.vehicle_logs ({', '.join(_COLUMNS)}, file_id, record_no) FROM STDIN (FORMAT CSV)"
    with open(path, "rb") as file, psycopg.connect(url) as connection, connection.cursor() as cursor:  # noqa: PTH123
        records = enumerate(ijson.items(file, "item"), 1)
        while chunk := list(islice(records, 10_000)):
            buffer = io.StringIO()
            writer = csv.writer(buffer)
            for number, record in chunk:
                writer.writerow([*(record.get(column) for column in _COLUMNS), 1, number])
            with cursor.copy(statement.encode()) as copy:
                copy.write(buffer.getvalue())
