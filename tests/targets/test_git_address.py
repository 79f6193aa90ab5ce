"""The address of a git target: taken apart, or refused with what to write instead."""

from __future__ import annotations

import pytest

from deployer.models.target import TargetError
from deployer.targets.git.address import GitAddress, parse_address


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "git+ssh://git@host/acme/airflow-dags.git//dags?ref=main",
            GitAddress("ssh://git@host/acme/airflow-dags.git", "dags", "main"),
        ),
        ("git+https://host/acme/dags.git", GitAddress("https://host/acme/dags.git", "", None)),
        ("git+https://ada@host:8443/dags.git//a/b/", GitAddress("https://ada@host:8443/dags.git", "a/b", None)),
        ("git+file:///srv/dags.git//dags", GitAddress("file:///srv/dags.git", "dags", None)),
        ("git+ssh://host/~ada/dags?ref=team%2Fgrowth", GitAddress("ssh://host/~ada/dags", "", "team/growth")),
        ("git+ssh://host/dags//a%20b?ref=refs/heads/main", GitAddress("ssh://host/dags", "a b", "main")),
    ],
)
def test_an_address_is_taken_apart(text: str, expected: GitAddress) -> None:
    assert parse_address(text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("git+http://host/dags.git", r"git\+http:// is not supported.*git\+https://"),
        ("git+ext://sh -c evil", "not of the form|is not supported"),
        ("git+ssh://host", "not of the form"),
        ("git+ssh:///dags.git", "names no host"),
        ("git+ssh://-oProxyCommand=evil/dags.git", "names no host"),
        ("git+ssh://git@-oProxyCommand=evil/dags.git", "names no host"),
        ("git+ssh://host//dags", "names no repository"),
        ("git+file://host/srv/dags.git", "names a host"),
        ("git+https://host/dags.git//../up", "not a valid folder of a repository"),
        ("git+https://host/dags.git//a//b", "not a valid folder of a repository"),
        ("git+https://host/dags.git//a/.GIT/hooks", "not a valid folder of a repository"),
        ("git+https://host/dags.git//%2e%2e/up", "not a valid folder of a repository"),
        ("git+https://host/dags.git//a%0ab", "not a valid folder of a repository"),
        ("git+https://host/dags.git//a?ref=--upload-pack=evil", "not a valid branch name"),
        ("git+https://host/dags.git//a?ref=", "not a valid branch name"),
        ("git+https://host/dags.git//a?ref=a..b", "not a valid branch name"),
        ("git+https://host/dags.git//a?ref=main:evil", "not a valid branch name"),
        ("git+https://host/dags.git//a?ref=HEAD", "not a valid branch name"),
        ("git+https://host/dags.git//a?branch=main", "the only parameter is"),
        ("git+https://host/dags.git//a?ref=main&depth=1", "the only parameter is"),
        ("git+https://host/dags.git//a#main", "not of the form"),
        ("git+https://host/da gs.git", "space or a control character"),
        ("git+https://host/%0adags.git", "space or a control character"),
        ("git+file:///srv/%00dags.git", "space or a control character"),
        ("git+ssh://%2DoProxyCommand=evil/dags.git", "names no host"),
        ("git+ssh://%2doProxyCommand=evil@host/dags.git", "names no host"),
        ("git+ssh://git%40-oProxyCommand=evil/dags.git", "names no host"),
        (f"git+file:///{'a' * 5000}", "has 5,012 characters"),
        (f"git+file:///srv/dags.git?ref={'a' * 5000}", "has 5,029 characters"),
    ],
)
def test_what_cannot_be_meant_is_refused(text: str, message: str) -> None:
    with pytest.raises(TargetError, match=message):
        parse_address(text)


def test_a_password_is_refused_and_not_repeated() -> None:
    with pytest.raises(TargetError) as caught:
        parse_address("git+https://ada:hunter2@host/dags.git")
    assert "password" in str(caught.value)
    assert "hunter2" not in str(caught.value)
