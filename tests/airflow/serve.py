"""Runs inside an Airflow's own Python: takes the DAG files into the database, then serves the web interface.

``python serve.py PORT``. One process does both, because starting Airflow is what costs time. Works on Airflow 2.10 to
3.x.
"""

from __future__ import annotations

import sys


def main(port: str) -> None:
    command("dags", "reserialize")
    try:
        from airflow.www.app import create_app
    except ImportError:
        command("api-server", "--host", "127.0.0.1", "--port", port, "--workers", "1")
        return
    from werkzeug.serving import run_simple

    run_simple("127.0.0.1", int(port), create_app(), threaded=True)


def command(*words: str) -> None:
    """``airflow WORDS``, in this process."""
    from airflow.cli.cli_parser import get_parser

    arguments = get_parser().parse_args(words)
    arguments.func(arguments)


if __name__ == "__main__":
    main(sys.argv[1])
