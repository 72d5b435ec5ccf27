"""Earlier versions: of one record, with what changed in each; and of figures, with the files that changed them."""
