"""How many generated examples a test tries where each takes long, such as a sequence of loads."""

import pytest


def few_or_all(few: int, *, of: int) -> pytest.MarkDecorator:
    """Parametrizes `examples`: few of them in `make test`, all in `make test-slow`, which CI runs too."""
    return pytest.mark.parametrize("examples", [few, pytest.param(of, marks=pytest.mark.slow)])
