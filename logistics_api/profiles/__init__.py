"""What the columns of datasets hold: fill, distinct values, range, frequent values, distribution."""
