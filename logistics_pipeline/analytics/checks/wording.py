"""How checks put numbers into words."""


def percent(part: int, whole: int) -> float:
    """A share in per cent, 0 of nothing."""
    return round(100 * part / whole, 3) if whole else 0.0


def count(number: int, one: str, more: str) -> str:
    """A number with its noun, in the singular or the plural."""
    return f"{number:,} {one if number == 1 else more}"
