"""The charts of a report as pictures. It is whole, or it is not sent: one that cannot be drawn is a fault."""

from collections.abc import Sequence

from logistics_core.charts import picture
from logistics_pipeline import drawing
from logistics_pipeline.reporting.charts import Chart
from logistics_pipeline.reporting.faults import ReportFault

SECONDS = 120.0


def draw(charts: Sequence[Chart], seconds: float = SECONDS) -> list[bytes]:
    """PNG files of charts.

    Raises:
        ReportFault: one cannot be drawn, or all take longer than `seconds`.
    """
    try:
        specifications = [
            picture(each.specification, each.rows, width=drawing.WIDTH, words=each.words) for each in charts
        ]
        return drawing.draw(specifications, seconds)
    except drawing.DrawingError as error:
        raise ReportFault(str(error)) from error
