"""Metaflow: a flow file becomes a Flow and a code package. The client starts helpers, the worker runs in them."""
