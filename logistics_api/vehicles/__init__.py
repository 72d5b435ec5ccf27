"""Vehicle figures: distance, fuel, shipments and revenue."""
