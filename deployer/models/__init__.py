"""The data types that all parts of the program share: frozen and complete."""
