"""What is asked about external ids by the command line and the API alike: unlinked ids, and the unified view."""
