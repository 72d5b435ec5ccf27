"""How every measure is computed, as SQL. Only the statements round: half away from zero.

Expressions refer to sums by the names of the analytics columns: `cost_sum` / `cost_count` is a mean cost. `route_sums`
and `VEHICLE_SUMS` compute the sums. `definitions` describes the measures in words.

Exactness: PostgreSQL divides to 16 significant digits, so rounding a quotient again can be off by 0.01 for huge sums.
Adding 0e-100 gives a sum, and therefore its quotients and roots, 100 decimals. Results calculated from such quotients
(scores, trends, comparisons with a mean) are first rounded to 40 decimals: this restores an exact half that the last
decimals missed, so that it is rounded or compared as a half.
"""

EXACT = "0e-100"
"""Added to a sum of a route to give it 100 decimals."""

LEAST_SHIPMENTS = 5
"""Minimum number of shipments in the range for a route to be listed."""


def ratio(dividend: str, divisor: str) -> str:
    """A quotient; null if the divisor is 0."""
    return f"{dividend} / nullif({divisor}, 0)"


def mean(measure: str) -> str:
    """The mean of a measure over the rows that have it, rounded as in responses; null if none has it."""
    return f"round({ratio(f'{measure}_sum', f'{measure}_count')}, 2)"


# Shipments

AVG_DELIVERY_TIME = mean("delivery")
AVG_COST = mean("cost")
AVG_WEIGHT = mean("weight")
COST_PER_KG_EXACT = ratio("cost_with_weight", "weight_with_cost")
COST_PER_KG = f"round({COST_PER_KG_EXACT}, 2)"
COST_PER_HOUR_EXACT = ratio("cost_with_time", "time_with_cost")
"""The value score."""

# Reliability. `distances` is the sum of squared distances from the mean, times the count: no division has happened yet.
# The standard deviation is the root of distances / (count * (count - 1)), and its share of the mean the root of
# distances * count / ((count - 1) * sum * sum): one root, rounded once.
DISTANCES = "delivery_count * delivery_squares - delivery_sum * delivery_sum"
STANDARD_DEVIATION = f"round(round(sqrt({ratio('distances', 'delivery_count * (delivery_count - 1)')}), 40), 2)"
_DEVIATION_PERCENT = (
    f"100 * sqrt({ratio('distances * delivery_count', '(delivery_count - 1) * delivery_sum * delivery_sum')})"
)
RELIABILITY_EXACT = f"100 - {_DEVIATION_PERCENT}"
RELIABILITY = f"round(100 - round({_DEVIATION_PERCENT}, 40), 2)"

# The on-time rule: a shipment is on time if it took at most the all-time mean of its route plus 1 hour.
ON_TIME_HOURS = f"{ratio(f'(delivery_sum + {EXACT})', 'delivery_count')} + 1"
"""The longest on-time delivery time, for a row of analytics.routes."""

# OFFSET 0 makes PostgreSQL divide once per route, and prevents a separate route look-up for every day.
JOIN_ON_TIME_HOURS = f"""JOIN (
        SELECT route, {ON_TIME_HOURS} AS hours FROM analytics.routes OFFSET 0
    ) AS punctual USING (route)"""
ON_TIME = "sum(width_bucket(hours, delivery_times))"
"""On-time shipments, over rows of analytics.daily_routes joined with `hours`: their times are sorted arrays."""
ON_TARGET = "sum(width_bucket(%(on_time_hours)s::numeric, delivery_times))"
"""Shipments that took at most the target of the request, over rows of analytics.daily_routes; null without one."""
ON_TARGET_RATE = f"round({ratio(f'(100 * on_target + {EXACT})', 'delivery_count')}, 2)"
ON_TIME_RATE = f"round({ratio(f'(100 * on_time + {EXACT})', 'delivery_count')}, 2)"

# Routes are grouped by number, at half the cost of grouping by two texts; the names are joined afterwards.
JOIN_ROUTE_NAMES = "JOIN (SELECT route, origin, destination FROM analytics.routes) AS places USING (route)"

_DIVIDENDS = frozenset({"delivery_sum", "cost_sum", "weight_sum", "cost_with_weight", "cost_with_time"})
_OTHERS = {
    "on_time": ON_TIME,
    "on_target": ON_TARGET,
    "delivery_min": "min(delivery_min)",
    "delivery_max": "max(delivery_max)",
}


def distinct_vehicles(bits: str) -> str:
    """Counts the vehicles in an aggregate of bit strings in which each bit position is a vehicle number."""
    return f"""bit_count(
            bit_or(pg_catalog."bit"({bits}, (SELECT count(*)::int FROM analytics.vehicle_numbers), true))
        )"""


def aggregates(*columns: str) -> str:
    """The aggregates of these columns of analytics.daily_routes, under the same names, for a SELECT list."""
    return ",\n        ".join(f"{_aggregate(column)} AS {column}" for column in columns)


def _aggregate(column: str) -> str:
    if column in _OTHERS:
        return _OTHERS[column]
    if column == "vehicles":
        return distinct_vehicles(column)
    return f"sum({column}) + {EXACT}" if column in _DIVIDENDS else f"sum({column})"


def route_sums(*columns: str, least_shipments: int = LEAST_SHIPMENTS) -> str:
    """A SELECT of the sums per route from %(start)s to %(end)s: `route`, `shipments` and these columns."""
    join = f"\n    {JOIN_ON_TIME_HOURS}" if "on_time" in columns else ""
    having = f"\n    HAVING sum(shipments) >= {least_shipments}" if least_shipments else ""
    return f"""
    SELECT
        route,
        {aggregates("shipments", *columns)}
    FROM analytics.daily_routes{join}
    WHERE day BETWEEN %(start)s AND %(end)s
    GROUP BY route{having}
"""


# Vehicles and days. Their sums have 60 decimals.

AVG_FUEL = mean("fuel")
KM_PER_LITRE = f"round({ratio('mileage_with_fuel', 'fuel_with_mileage')}, 2)"
REVENUE_PER_KM_EXACT = ratio("cost_with_mileage", "mileage_with_cost")
"""Of the trips of which revenue and mileage are known."""
REVENUE_PER_KM = f"round({REVENUE_PER_KM_EXACT}, 2)"
REVENUE_PER_TRIP = "CASE WHEN cost_count > 0 THEN round(cost_sum / trips, 2) END"

VEHICLE_SUMS = """
        coalesce(sum(trips), 0) AS trips,
        coalesce(sum(mileage_sum), 0) AS mileage_sum,
        coalesce(sum(mileage_count), 0) AS mileage_count,
        coalesce(sum(fuel_sum), 0) + 0e-60 AS fuel_sum,
        coalesce(sum(fuel_count), 0) AS fuel_count,
        sum(mileage_with_fuel) + 0e-60 AS mileage_with_fuel,
        sum(fuel_with_mileage) AS fuel_with_mileage,
        coalesce(sum(shipments), 0) AS shipments,
        coalesce(sum(cost_sum), 0) + 0e-60 AS cost_sum,
        sum(cost_count) AS cost_count,
        sum(cost_with_mileage) + 0e-60 AS cost_with_mileage,
        sum(mileage_with_cost) AS mileage_with_cost,
        sum(delivery_sum) + 0e-60 AS delivery_sum,
        sum(delivery_count) AS delivery_count
"""
"""The sums over rows of analytics.daily_vehicles or analytics.days; 0 instead of null if there are no rows."""

# Days

NEWEST_TODAY = "(clock_timestamp() AT TIME ZONE 'UTC' + interval '14 hours')::date"
"""The newest date that is today anywhere on Earth: a later day is in the future."""

LAST_DAY = f"""(
        SELECT coalesce(max(day) FILTER (WHERE day <= {NEWEST_TODAY}), max(day)) FROM analytics.days
    )"""
"""The newest day with a log that is not in the future; if all are, the newest of them."""

FUTURE_DAYS = f"""(
        SELECT json_build_object('count', count(*), 'newest', max(day)) FROM analytics.days WHERE day > {NEWEST_TODAY}
    )"""
"""How many days with a log are in the future, and the newest of them."""
