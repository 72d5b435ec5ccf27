"""Software-defined assets: what exists and how it is shown. What making it means is in plain modules."""
