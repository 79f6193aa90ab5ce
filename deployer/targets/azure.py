"""A target in Azure Blob Storage, with the credentials that Azure's tools find."""

from __future__ import annotations

import os
import re
import shutil
from typing import TYPE_CHECKING, Any

from deployer.models.target import TargetError
from deployer.targets.bucket_url import BucketUrl, UrlError, parse
from deployer.targets.object_store import ObjectStoreTarget
from deployer.targets.patience import PATIENCE, Patience

if TYPE_CHECKING:
    from obstore.store import AzureStore

_WITH_ACCOUNT = re.compile(r"abfss://([^/@]+)@([a-z0-9]{3,24})\.(?:dfs|blob)\.core\.windows\.net(?=/|\Z)")
# What obstore takes for credentials when it is set; where none is, it would ask the metadata service alone.
_CREDENTIALS = (
    "AZURE_STORAGE_ACCOUNT_KEY",
    "AZURE_STORAGE_ACCESS_KEY",
    "AZURE_STORAGE_MASTER_KEY",
    "AZURE_STORAGE_SAS_KEY",
    "AZURE_STORAGE_SAS_TOKEN",
    "AZURE_STORAGE_TOKEN",
    "AZURE_CLIENT_ID",
    "AZURE_STORAGE_CLIENT_ID",
    "AZURE_FEDERATED_TOKEN_FILE",
    "AZURE_IDENTITY_ENDPOINT",
    "AZURE_MSI_ENDPOINT",
    "AZURE_CREDENTIAL_TYPE",
    "AZURE_USE_AZURE_CLI",
    "AZURE_STORAGE_USE_EMULATOR",
)


def open_azure(url: str, patience: Patience = PATIENCE) -> ObjectStoreTarget:
    """The target of an ``azure://container/prefix``; nothing is asked of anybody yet. Raises UrlError.

    ``az://`` is the same. ``abfss://container@account.dfs.core.windows.net/prefix`` also names the storage account,
    which is else AZURE_STORAGE_ACCOUNT_NAME.
    """
    account = ""
    plain = url
    if url.startswith("abfss://"):
        found = _WITH_ACCOUNT.match(url)
        if found is None:
            raise UrlError("expected abfss://container@account.dfs.core.windows.net/prefix")
        account = found.group(2)
        plain = f"azure://{found.group(1)}{url[found.end() :]}"
    place = parse(plain)._replace(url=url.rstrip("/"))
    return ObjectStoreTarget(place.url, lambda: _connect(place, account, patience), patience)


def _connect(place: BucketUrl, account: str, patience: Patience) -> AzureStore:
    from obstore.exceptions import BaseError
    from obstore.store import AzureStore

    config = _config(account)
    endpoint = os.environ.get("AZURE_STORAGE_ENDPOINT") or os.environ.get("AZURE_ENDPOINT") or ""
    if os.environ.get("AZURE_STORAGE_USE_EMULATOR"):
        endpoint = endpoint or "http://127.0.0.1:10000"  # obstore's own for it
    try:
        return AzureStore(
            place.bucket,
            prefix=place.prefix or None,
            config=config,  # type: ignore[arg-type]
            client_options=patience.client(endpoint),
            retry_config=patience.retry,
        )
    except (BaseError, ValueError, OSError) as error:
        message = str(error).split("\n\nDebug source")[0].splitlines()[0]
        hint = "set AZURE_STORAGE_ACCOUNT_NAME, and sign in (az login) or set AZURE_STORAGE_ACCOUNT_KEY"
        raise TargetError(f"{place.url}: Azure's settings cannot be used: {message}", hint) from error


def _config(account: str) -> dict[str, Any]:
    """What obstore does not find itself: the names that the az command has for its variables, and its login."""
    names = {"account_name": ("AZURE_STORAGE_ACCOUNT",), "account_key": ("AZURE_STORAGE_KEY",)}
    config: dict[str, Any] = {
        key: os.environ[name]
        for key, variables in names.items()
        for name in variables
        if os.environ.get(name) and not os.environ.get(f"AZURE_STORAGE_{key.upper()}")
    }
    if account:
        config["account_name"] = account
    if "account_key" not in config and not any(map(os.environ.get, _CREDENTIALS)) and shutil.which("az"):
        config["use_azure_cli"] = True
    return config
