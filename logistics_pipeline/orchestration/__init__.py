"""Everything that imports Dagster: definitions, assets, sensors, jobs, schedules and resources."""
