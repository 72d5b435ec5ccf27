"""dlt with its Postgres destination: ijson feeds a resource, dlt infers, normalises and loads into a table of its own.

Of the file formats that dlt can load into Postgres from, CSV goes by COPY. What it knows of unfinished loads it keeps
in its working folder, which stays for the next run.
"""

import os
from collections.abc import Iterator
from itertools import islice
from typing import Any

os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
os.environ["RUNTIME__LOG_LEVEL"] = "CRITICAL"

import dlt
import ijson


def load(url: str, path: str, folder: str) -> None:
    # dlt wants a host and a password in their usual places; the server asks for neither, libpq prefers "?host=".
    destination = dlt.destinations.postgres(url.replace("postgres@:", "postgres:none@localhost:", 1))
    pipeline = dlt.pipeline("vehicle_logs", pipelines_dir=folder, destination=destination, dataset_name="peer")
    pipeline.run(
        _read(path), table_name="vehicle_logs", write_disposition="append", loader_file_format="csv"
    ).raise_on_failed_jobs()


def _read(path: str) -> Iterator[list[dict[str, Any]]]:
    with open(path, "rb") as file:  # noqa: PTH123
        records = ijson.items(file, "item")
        while chunk := list(islice(records, 10_000)):
            yield chunk
