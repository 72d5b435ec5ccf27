"""What callers that may see some rows only can ask about metrics."""

from collections.abc import Iterator

from logistics_api.querying.metric_query import MetricQuery, paths_in
from logistics_api.querying.snapshots import is_of_snapshots
from logistics_api.row_access.permitted import refuse_as_of, refused
from logistics_core.catalogue import Catalogue
from logistics_core.metrics.paths import read_path, relations_of


def check_permission(query: MetricQuery, catalogue: Catalogue) -> None:
    """Refuses questions that no rule can narrow down, and those about datasets of which no rows may be seen.

    Raises:
        Problem: 403.
    """
    if query.permitted is None:
        return
    refuse_as_of(query.permitted, query.as_of)
    if query.points is not None or is_of_snapshots(query):
        raise refused("the values of snapshots by period", "Ask without grain, range and comparison for those of now.")
    for name in _datasets_named(query, catalogue):
        query.permitted.require(name)


def _datasets_named(query: MetricQuery, catalogue: Catalogue) -> Iterator[str]:
    """The datasets that the question names by its paths; a master key belongs to the dataset of what it identifies."""
    yield query.dataset.name
    for name in sorted(paths_in(query)):
        dataset, path = query.dataset, read_path(name, query.dataset, catalogue)
        for step in path.relations:
            dataset = catalogue[relations_of(dataset)[step].dataset]
            yield dataset.name
        external = dataset.external_id_called(path.field.name)
        if external is not None:
            yield external.entity
