"""Where DAG files are published: one small module for each kind of target."""
