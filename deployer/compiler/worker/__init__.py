"""What runs in the interpreter that has Metaflow: compiles flows and builds packages, one forked child for each.

It is started as a script, ``python .../deployer/compiler/worker``, by an interpreter that may have nothing of
mfdeploy: these modules import Metaflow and the standard library only, and others of ours relatively.
"""
