"""Whether there is what a rule watches: its dataset, its metric, its fields."""

from logistics_core.alert_rules.rules import Watch
from logistics_core.catalogue import Catalogue, Dataset
from logistics_core.catalogue.contract_shapes import listed, suggestion
from logistics_core.catalogue.metrics import Metric
from logistics_core.metrics.defaults import find_metric, metrics_of
from logistics_core.metrics.paths import read_path
from logistics_core.places.checks import fault


def check_subjects(watch: Watch, catalogue: Catalogue) -> None:
    """Refuses a rule that could not be evaluated, as what it watches does not exist.

    Raises:
        ShapeFault: the message begins with the key at fault.
    """
    if watch.dataset is not None:
        watched_dataset(watch.dataset, catalogue)
    if watch.metric is not None:
        watched_metric(watch, catalogue)


def watched_dataset(name: str, catalogue: Catalogue) -> Dataset:
    """The dataset that a rule is about.

    Raises:
        ShapeFault: there is none of that name.
    """
    if name not in catalogue:
        fault(
            ("watch", "dataset"),
            f"names {name!r}, which is no dataset. There are: {listed(catalogue)}.{suggestion(name, catalogue)}",
        )
    return catalogue[name]


def watched_metric(watch: Watch, catalogue: Catalogue) -> tuple[Dataset, Metric]:
    """The metric that a rule is about, with its dataset.

    Raises:
        ShapeFault: there is no such dataset, metric or field, or its records have no day.
    """
    assert watch.dataset is not None and watch.metric is not None
    dataset = watched_dataset(watch.dataset, catalogue)
    metric = find_metric(dataset, watch.metric)
    if metric is None:
        known = [each.name for each in metrics_of(dataset)]
        fault(
            ("watch", "metric"),
            f"names {watch.metric!r}, which is no metric of {dataset.name}. There are: {listed(known)}."
            f"{suggestion(watch.metric, known)}",
        )
    if dataset.dating is None and dataset.dated_through is None:
        fault(("watch", "dataset"), f"names {dataset.name!r}, whose records have no day: no period is the newest one.")
    for number, path in enumerate(watch.by):
        try:
            read_path(path, dataset, catalogue)
        except ValueError as error:
            fault(("watch", "by", number), f"names {path!r}. {error}")
    return dataset, metric
