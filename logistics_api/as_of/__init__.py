"""What was known at an earlier time: the parameter `as_of`, the file that it means, and whether it can be told."""
