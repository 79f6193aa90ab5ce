"""Metaflow flows on Apache Airflow from YAML manifests: plan what would change, then publish exactly that."""

__version__ = "0.1.0"
