"""Scores as JSON documents: the same from the command line and the API."""

from decimal import Decimal
from typing import Any

from logistics_core.catalogue import Dataset
from logistics_core.quality.rules import Rule
from logistics_core.quality.scores import DEFINITION, DimensionScore, Score


def dataset_document(
    dataset: Dataset, score: Score, counted_at: str | None, *, with_rules: bool = True
) -> dict[str, Any]:
    """The score of a dataset, with every rule if wanted. `counted_at` is when its references were counted."""
    floor = dataset.expectations.quality
    return {
        "dataset": dataset.name,
        "title": dataset.title,
        "definition": DEFINITION,
        **score_document(score, with_rules=with_rules),
        "floor": None if floor is None else float(floor),
        "is_below_floor": is_below_floor(dataset, score),
        "references_counted_at": counted_at if dataset.references else None,
    }


def is_below_floor(dataset: Dataset, score: Score) -> bool:
    """Whether the score is lower than the contract wants it to be."""
    floor = dataset.expectations.quality
    return floor is not None and score.score is not None and Decimal(str(score.score)) < floor


def score_document(score: Score, *, with_rules: bool) -> dict[str, Any]:
    """A score with its dimensions, and their rules if wanted."""
    return {
        "score": score.score,
        "tested": score.tested,
        "worst": None if score.worst is None else _rule_document(score.worst),
        "dimensions": [_dimension_document(each, with_rules) for each in score.dimensions],
    }


def _dimension_document(dimension: DimensionScore, with_rules: bool) -> dict[str, Any]:
    document = {
        "dimension": dimension.dimension,
        "score": dimension.score,
        "passed": dimension.passed,
        "tested": dimension.tested,
        "worst": _rule_document(dimension.worst),
    }
    return document | {"rules": list(map(_rule_document, dimension.rules))} if with_rules else document


def _rule_document(rule: Rule) -> dict[str, Any]:
    return {
        "dimension": rule.dimension,
        "rule": rule.name,
        "field": rule.field,
        "passed": rule.passed,
        "tested": rule.tested,
    }
