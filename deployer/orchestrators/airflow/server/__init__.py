"""A private Airflow on this machine, for whoever has none: installed, started and ended by mfdeploy.

Its environment and its state are below the cache folder; it serves this machine alone.
"""
