"""`python -m bench.run_pull URL DATABASE FOLDER`: pulls all pages once, and prints what that took as JSON.

Two times: until the last page is archived, counted and committed; and the file after that.
"""

import json
import sys
import time
from pathlib import Path

from logistics_pipeline.sources.definitions.definition import RestSource
from logistics_pipeline.sources.definitions.reading import parse_definition
from logistics_pipeline.sources.pulls.pulling import PullOptions, pull

DEFINITION = """\
kind: rest
baseUrl: {url}
private: true
resources:
  - name: trips
    dataset: trips
    path: /trips
    records: data.items
    total: meta.total
    pagination: {{type: cursor, parameter: cursor, next: meta.next}}
    fields: {{trip_id: id, vehicle_id: vehicle.id, distance_km: {{path: distance, unit: m to km}}, fuel: fuel}}
"""


def main() -> None:
    url, database, folder = sys.argv[1:]
    source = parse_definition(DEFINITION.format(url=url), "bench", "bench.yaml")
    assert isinstance(source, RestSource)
    options = PullOptions(Path(folder) / "raw", Path(folder) / "archive")
    begun = last = (time.perf_counter(), time.process_time())

    def note(pages: int, records: int) -> None:
        nonlocal last
        last = (time.perf_counter(), time.process_time())

    report = pull(database, source, "trips", options, on_page=note)
    assert report.pull.state.is_done, report.pull.error
    end = (time.perf_counter(), time.process_time())
    print(
        json.dumps(
            {
                "records": report.pull.records, "pages": report.pull.pages,
                "seconds": last[0] - begun[0], "cpu": last[1] - begun[1],
                "landing_seconds": end[0] - last[0], "landing_cpu": end[1] - last[1],
            }
        )
    )  # fmt: skip


if __name__ == "__main__":
    main()
