"""What rules see: one look at all subjects of a rule."""
