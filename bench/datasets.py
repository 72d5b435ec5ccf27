"""The built-in datasets whose files the benchmark loads."""

from logistics_core.catalogue import built_in_catalogue

VEHICLE_LOGS = built_in_catalogue()["vehicle_logs"]
SHIPMENTS = built_in_catalogue()["shipments"]
