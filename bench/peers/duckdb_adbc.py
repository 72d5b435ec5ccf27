"""DuckDB reads the file, Arrow carries the rows, ADBC ingests them by COPY BINARY."""

import duckdb  # type: ignore[import-not-found]
from adbc_driver_postgresql import dbapi  # type: ignore[import-not-found]

_QUERY = """
    SELECT log_id, vehicle_id, trip_date, mileage, fuel_used, 1::INTEGER AS file_id, row_number() OVER () AS record_no
    FROM read_json(?, format = 'array', columns = {
        log_id: 'VARCHAR', vehicle_id: 'VARCHAR', trip_date: 'DATE',
        mileage: 'DECIMAL(18, 2)', fuel_used: 'DECIMAL(18, 2)'
    })
"""


def load(url: str, path: str, folder: str) -> None:
    rows = duckdb.execute(_QUERY, [path]).to_arrow_reader()
    with dbapi.connect(url) as connection, connection.cursor() as cursor:
        cursor.adbc_ingest("vehicle_logs", rows, mode="append", db_schema_name="raw")
        connection.commit()
