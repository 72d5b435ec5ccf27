"""The worker: the process that evaluates alerts and sends messages, in seconds and without Dagster."""
