"""Software-defined assets: what exists and when it is made. What making it means stands in plain modules."""
