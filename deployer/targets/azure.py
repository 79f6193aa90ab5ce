"""A target in Azure Blob Storage, with the credentials that Azure's tools find."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping
from typing import TYPE_CHECKING

from deployer.models.target import TargetError
from deployer.targets.bucket_url import BucketUrl, UrlError, parse_bucket_url
from deployer.targets.client_options import DEFAULT_OPTIONS, NO_RETRIES, ClientOptions
from deployer.targets.conditional_delete import DeleteRequest, signed_request
from deployer.targets.object_store import ObjectStoreTarget

if TYPE_CHECKING:
    from obstore import PutMode
    from obstore.store import AzureConfig, AzureStore

_WITH_ACCOUNT = re.compile(r"abfss://([^/@]+)@([a-z0-9]{3,24})\.(?:dfs|blob)\.core\.windows\.net(?=/|\Z)")
# With any of these set obstore finds credentials by itself; otherwise it would only ask the metadata service.
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


def open_azure(url: str, environ: Mapping[str, str], options: ClientOptions = DEFAULT_OPTIONS) -> ObjectStoreTarget:
    """The target of an ``azure://container/prefix``; no request is made yet. Raises UrlError.

    ``az://`` is the same. ``abfss://container@account.dfs.core.windows.net/prefix`` also names the storage account,
    which otherwise comes from AZURE_STORAGE_ACCOUNT_NAME.
    """
    account = ""
    plain = url
    if url.startswith("abfss://"):
        found = _WITH_ACCOUNT.match(url)
        if found is None:
            raise UrlError("expected abfss://container@account.dfs.core.windows.net/prefix")
        account = found.group(2)
        plain = f"azure://{found.group(1)}{url[found.end() :]}"
    bucket = parse_bucket_url(plain)._replace(url=url.rstrip("/"))
    return ObjectStoreTarget(
        bucket.url, lambda: _connect(bucket, account, environ, options), options, delete_request=_delete_request
    )


def _delete_request(store: AzureStore, file: str, condition: PutMode) -> DeleteRequest:
    """As the client deletes: a blob that has snapshots goes with them."""
    signed = signed_request(store, file, condition)
    return DeleteRequest(signed.url, {**signed.headers, "x-ms-delete-snapshots": "include"})


def _connect(bucket: BucketUrl, account: str, environ: Mapping[str, str], options: ClientOptions) -> AzureStore:
    from obstore.exceptions import BaseError
    from obstore.store import AzureStore

    config = azure_config(account, environ)
    endpoint = environ.get("AZURE_STORAGE_ENDPOINT") or environ.get("AZURE_ENDPOINT") or ""
    if environ.get("AZURE_STORAGE_USE_EMULATOR"):
        endpoint = endpoint or "http://127.0.0.1:10000"  # obstore's own for it
    try:
        return AzureStore(
            bucket.name,
            prefix=bucket.prefix or None,
            config=config,
            client_options=options.client(endpoint),
            retry_config=NO_RETRIES,
        )
    except (BaseError, ValueError, OSError) as error:
        message = str(error).split("\n\nDebug source")[0].splitlines()[0]
        hint = "set AZURE_STORAGE_ACCOUNT_NAME, and sign in (az login) or set AZURE_STORAGE_ACCOUNT_KEY"
        raise TargetError(f"{bucket.url}: Azure's settings cannot be used: {message}", hint) from error


def azure_config(account: str, environ: Mapping[str, str]) -> AzureConfig:
    """The settings that obstore does not find itself: under the names of the az command's variables, and its login."""
    config: AzureConfig = {}
    name, key = environ.get("AZURE_STORAGE_ACCOUNT"), environ.get("AZURE_STORAGE_KEY")
    if account:
        config["account_name"] = account
    elif name and not environ.get("AZURE_STORAGE_ACCOUNT_NAME"):
        config["account_name"] = name
    if key and not environ.get("AZURE_STORAGE_ACCOUNT_KEY"):
        config["account_key"] = key
    elif not any(map(environ.get, _CREDENTIALS)) and _has_cli(environ):
        config["use_azure_cli"] = True
    return config


def _has_cli(environ: Mapping[str, str]) -> bool:
    return shutil.which("az", path=environ.get("PATH", os.defpath)) is not None
