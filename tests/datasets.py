"""The built-in datasets, for the tests of what handles any dataset."""

from logistics_core.catalogue import built_in_catalogue

DATASETS = built_in_catalogue()
VEHICLES, VEHICLE_LOGS, SHIPMENTS = DATASETS.values()
