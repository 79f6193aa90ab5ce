"""Git: the one room that starts it."""
