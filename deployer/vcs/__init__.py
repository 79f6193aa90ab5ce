"""Git: the one place that starts it."""
