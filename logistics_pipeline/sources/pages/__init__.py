"""What responses say: records and the values beside them, and which page comes next."""
