"""Text, taken apart."""
