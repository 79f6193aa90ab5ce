"""The version of the DAG files that this room renders, which a plan compares; rendering itself is not needed for it."""

# To be increased when the same description gives a DAG that behaves differently.
RENDERER_VERSION = 5
