"""The manifests: YAML files in, complete and frozen deployments out, every problem with its location.

`load` is the door. `keys`, with the `fields` and `formats` that it is declared in, is the registry of settings, which
the rooms below know too: nothing is imported here, so that it can be imported alone.
"""
