"""The rule of what a helper process is given of the variables of whoever plans or applies.

While flows are loaded, a helper has all of them but three kinds:

- METAFLOW_* settings, which come from the manifests alone;
- channels of the CI service, by which a process steers the steps of the job that come after it;
- variables that give access to something: by their name, or by a password in their value.

`compile_environment` of a flow passes more, by name. Once a flow is loaded, what stores its package, and what Metaflow
stores with it (deploy-time functions, included files, installed packages), has the access to the datastore too.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType

from deployer.models.credentials import gives_access

# What the steps that follow are run with (GitHub, Buildkite, CircleCI), and what the runner itself is asked with.
_CHANNELS = frozenset(
    (
        *("GITHUB_ENV", "GITHUB_PATH", "GITHUB_OUTPUT", "GITHUB_STATE", "GITHUB_STEP_SUMMARY"),
        *("BUILDKITE_ENV_FILE", "BASH_ENV"),
    )
)
_CHANNEL_PREFIXES = ("ACTIONS_",)
# By the kind of datastore: what its clients find their credentials with.
_OF_DATASTORES: Mapping[str, tuple[str, ...]] = {
    "local": (),
    "s3": ("AWS_", "BOTO_"),
    "gs": ("GOOGLE_", "CLOUDSDK_", "GCLOUD_"),
    "azure": ("AZURE_", "MSI_", "IDENTITY_"),
}
_OF_ALL_DATASTORES = tuple(prefix for prefixes in _OF_DATASTORES.values() for prefix in prefixes)
# What the clients of datastores say where they find none.
_NO_CREDENTIALS = re.compile(r"NoCredentials|Unable to locate credentials|DefaultCredentials|default credentials")
# Of what installs packages: indexes with a password.
_OF_PACKAGES = ("PIP_", "UV_", "CONDA_", "MAMBA_")
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")


_FIXED = {
    # Some Metaflow lists are made from sets.
    "PYTHONHASHSEED": "0",
    # A child forked on macOS dies otherwise as soon as it uses a system library.
    "OBJC_DISABLE_INITIALIZE_FORK_SAFETY": "YES",
}


def variables_to_load(environ: Mapping[str, str], passed: Collection[str]) -> dict[str, str]:
    """What a process has that loads flows. `passed` are the names that a manifest passes."""
    return {
        name: value
        for name, value in environ.items()
        if not name.startswith("METAFLOW_") and (name in passed or not is_withheld(name, value))
    }


def environment_to_load(
    environ: Mapping[str, str], settings: Mapping[str, str] = MappingProxyType({}), passed: Collection[str] = ()
) -> dict[str, str]:
    """What a helper has while it loads flows: `variables_to_load`, with the `settings` that it is started for."""
    return {**variables_to_load(environ, passed), **settings, **_FIXED}


def is_withheld(name: str, value: str) -> bool:
    """Whether a variable is kept from the processes that load flows unless a manifest names it."""
    return name in _CHANNELS or name.startswith(_CHANNEL_PREFIXES) or gives_access(name, value)


def access_to_datastores(environ: Mapping[str, str], kinds: Iterable[str], *, packages: bool) -> dict[str, str]:
    """What is needed besides to store what belongs to flows in datastores of these kinds.

    With `packages` also what Metaflow needs to install packages.
    """
    prefixes = tuple(prefix for kind in kinds for prefix in _OF_DATASTORES[kind]) + (_OF_PACKAGES if packages else ())
    return {
        name: value
        for name, value in environ.items()
        if is_withheld(name, value) and (name.startswith(prefixes) or name.upper() in _PROXIES)
    }


def hint_of(message: str, withheld: Collection[str]) -> str:
    """What to do about the error of a flow that misses a variable that is `withheld`; empty for any other error."""
    missing = sorted(name for name in withheld if re.search(rf"\b{re.escape(name)}\b", message))
    if not missing and _NO_CREDENTIALS.search(message):
        missing = sorted(name for name in withheld if name.startswith(_OF_ALL_DATASTORES))
    if not missing:
        return ""
    names = ", ".join(missing)
    return f"no flow is given {names} while it is loaded; where it has to be, write `compile_environment: [{names}]`"
