"""Talks to a running Airflow by its REST API: version 2.10 on (api/v1) and 3.x (api/v2)."""
