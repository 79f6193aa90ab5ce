"""The settings of a running Airflow: the part of the registry of settings below `airflow:`."""

# Without the future import of annotations, as in `keys`.

from typing import Annotated, Literal

from deployer.manifest.fields import AirflowVersion, Duration, Omissible, Secret, Setting, Settings, Text, Url


class AirflowAccess(Settings, defer_build=False):
    """The running Airflow of an environment, and how to log in: with a token, a user, Google's credentials, or MWAA.

    Or the version of the private one that runs on this machine.
    """

    url: Annotated[Omissible[Url], Setting("The address of Airflow's pages, with the path below which they are.")] = (
        None
    )
    token: Annotated[Omissible[Secret], Setting("A token to log in with, as ${env.NAME}.", may_be_secret=True)] = None
    user: Annotated[Omissible[Text], Setting("The user to log in as, with `password`.")] = None
    password: Annotated[Omissible[Secret], Setting("The user's password, as ${env.NAME}.", may_be_secret=True)] = None
    google: Annotated[
        bool, Setting("Whether to log in with Google's application default credentials: Cloud Composer.")
    ] = False
    mwaa: Annotated[
        Omissible[Text], Setting("The name of an environment of Amazon MWAA, which takes the place of `url`.")
    ] = None
    wait: Annotated[
        Duration,
        Setting("How long an apply waits until Airflow has what was written, as in 90s or 5m; none: not at all."),
    ] = "10m"
    on_import_error: Annotated[
        Literal["keep", "rollback"],
        Setting("rollback: the earlier file is put back where Airflow cannot import the new one. keep: it stays."),
    ] = "keep"
    version: Annotated[
        Omissible[AirflowVersion],
        Setting("The Airflow that `mfdeploy dev` installs and runs on this machine, as in 3.3.2. Default: 3.3.2."),
    ] = None
