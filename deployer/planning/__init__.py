"""What changes, and why: decided from its arguments alone."""
