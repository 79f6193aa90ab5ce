"""What runs in the interpreter that has Metaflow: compiles flows and builds packages, one forked child for each.

It is started as a script, ``python .../deployer/compiler/worker``, by an interpreter that may not have mfdeploy
installed: these modules import Metaflow, the standard library, and other modules of ours by relative imports only.
"""
