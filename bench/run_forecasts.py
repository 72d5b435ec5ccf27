"""Forecasts a large panel in a process of its own and prints the CPU time: `python -m bench.run_forecasts 10000`."""

import json
import sys
import time

from bench.forecast_panels import large_panel
from logistics_pipeline.forecasting.engine import forecast


def main() -> None:
    panel = large_panel(int(sys.argv[1]))
    since, cpu = time.perf_counter(), time.process_time()
    found = forecast(panel, 28)
    seconds, cpu_seconds = time.perf_counter() - since, time.process_time() - cpu
    print(json.dumps({"seconds": seconds, "cpu": cpu_seconds, "checked": float(found.point.sum())}))


if __name__ == "__main__":
    main()
