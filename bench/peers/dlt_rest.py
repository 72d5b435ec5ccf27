"""dlt's REST client, as its documentation has it: pages by a cursor in the body, a selector for the records."""

import json
import sys
import time

from dlt.sources.helpers.rest_client import RESTClient
from dlt.sources.helpers.rest_client.paginators import JSONResponseCursorPaginator


def main() -> None:
    """Reads all pages and counts their records; keeps nothing."""
    url = sys.argv[1]
    client = RESTClient(base_url=url)
    begun = (time.perf_counter(), time.process_time())
    pages = records = 0
    paginator = JSONResponseCursorPaginator(cursor_path="meta.next", cursor_param="cursor")
    for page in client.paginate("/trips", paginator=paginator, data_selector="data.items"):
        pages += 1
        records += len(page)
    seconds, cpu = time.perf_counter() - begun[0], time.process_time() - begun[1]
    print(json.dumps({"records": records, "pages": pages, "seconds": seconds, "cpu": cpu}))


if __name__ == "__main__":
    main()
