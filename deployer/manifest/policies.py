"""Reads policies and exemptions: those of the manifests, and those of a folder that a platform owns."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import date
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

from deployer.errors import DeployError, Diagnostic, Severity, nearest
from deployer.manifest.documents import Document, merge_section
from deployer.manifest.fields import keys_of
from deployer.manifest.files import find_files, read_file
from deployer.manifest.nodes import Entry, Items, Map, Node, Report, Scalar, has_broken, to_data
from deployer.manifest.policy_keys import PolicyFile
from deployer.manifest.validate import validate
from deployer.models.policies import DEFAULT_ACTIONS, Example, Exemption, Expression, Policies, Policy

_TOP: Final = list(keys_of(PolicyFile))
# What does not change what a policy decides.
_NOT_IN_DIGEST: Final = ("examples", "description")


def read_policies(document: Document, folder: Path | None, flawed: Iterable[Any], report: Report) -> Policies:
    """The policies of the manifests and of the folder, and the exemptions; what has a problem is left out.

    `flawed` are the paths of the entries of the manifests with a problem. Raises DeployError without the folder.
    """
    broken = set(flawed)
    sections = document.sections
    platform, digest = _platform(folder, report) if folder is not None else ({}, "")
    own = _whole(sections["policies"], "policies", broken)
    for name in sorted(platform.keys() & sections["policies"].keys()):
        entry, first = sections["policies"][name], platform[name]
        hint = "give the policy of the manifests another name"
        message = f"the policy {name!r} is already defined at {first.key}"
        report.error("duplicate-name", message, entry.key, ("policies", name), hint)
        own.pop(name, None)
    found = [*_policies(platform, from_platform=True), *_policies(own, from_platform=False)]
    exemptions = [*_exemptions({name: _whole(sections[name], name, broken) for name in ("exemptions", "flows")})]
    known = dict.fromkeys(sections["policies"]) | {each.name: each for each in found}
    if document.complete:
        _check_scopes(own, sections["environments"], report)
        _check_exemptions(exemptions, known, report, is_all=folder is not None)
    return Policies(tuple(found), tuple(exemptions), digest)


def _whole(entries: Mapping[str, Entry], section: str, flawed: Collection[Any]) -> dict[str, Entry]:
    """The entries of a section without a problem."""
    return {
        name: entry for name, entry in entries.items() if (section, name) not in flawed and not has_broken(entry.node)
    }


def _platform(folder: Path, report: Report) -> tuple[Mapping[str, Entry], str]:
    """The entries of a folder of policies, and the digest of what they decide."""
    if not folder.is_dir():
        there = "is not a folder" if folder.exists() else "does not exist"
        message = f"the folder of policies {str(folder)!r} {there}"
        raise DeployError(Diagnostic("bad-path", message, hint="name it with --policies DIR, or MFDEPLOY_POLICIES"))
    document = Document()
    for path in find_files(folder, report):
        top = read_file(path, report)
        for name, entry in top.entries.items() if top is not None else ():
            if name == "policies":
                merge_section(document, name, entry, report)
            elif name != "version":
                hint = nearest(name, _TOP) or f"the keys here are {', '.join(_TOP)}"
                message = f"unknown key {name!r} in a file of policies"
                report.error("unknown-key", message, entry.key, (name,), hint)
    flawed = validate(document.merged(), report)
    found = document.sections["policies"]
    return _whole(found, "policies", flawed), _digest(found)


def _digest(entries: Mapping[str, Entry]) -> str:
    decided = {
        name: {key: value for key, value in data.items() if key not in _NOT_IN_DIGEST}
        if isinstance(data, dict)
        else data
        for name, data in ((name, to_data(entry.node)) for name, entry in entries.items())
    }
    return hashlib.sha256(json.dumps(decided, sort_keys=True).encode(errors="surrogatepass")).hexdigest()


def _policies(entries: Mapping[str, Entry], *, from_platform: bool) -> Iterator[Policy]:
    for name, entry in sorted(entries.items()):
        node = entry.node
        assert isinstance(node, Map)
        data = to_data(node)
        scope = data.get("applies_to", {})
        rule, message = _expression(node.get("rule")), _expression(node.get("message_expression"))
        assert rule is not None
        yield Policy(
            name=name,
            rule=rule,
            message=data["message"],
            location=entry.key,
            message_expression=message,
            description=data.get("description", ""),
            severity=Severity(data.get("severity", "error")),
            environments=tuple(scope.get("environments", ())),
            flows=tuple(scope.get("flows", ())),
            actions=tuple(scope.get("actions", ())) or DEFAULT_ACTIONS,
            field=data.get("field", ""),
            field_location=field.location if (field := node.get("field")) is not None else None,
            may_be_exempted=data.get("exemptions", "refused" if from_platform else "allowed") == "allowed",
            examples=tuple(_examples(node.get("examples"))),
            from_platform=from_platform,
        )


def _expression(node: Node | None) -> Expression | None:
    if not isinstance(node, Scalar):
        return None
    return Expression(str(node.value), node.location, node.verbatim)


def _examples(node: Node | None) -> Iterator[Example]:
    for item in node.nodes if isinstance(node, Items) else ():
        data = to_data(item)
        yield Example(data.get("name", ""), data["input"], data["expect"] == "pass", item.location)


def _exemptions(sections: Mapping[str, Mapping[str, Entry]]) -> Iterator[Exemption]:
    """Those of the section, and those of each flow."""
    for name, entry in sections["exemptions"].items():
        data = to_data(entry.node)
        yield _exemption(data["policy"], data, entry, f"exemptions.{name}", tuple(data.get("flows", ())))
    for flow, holder in sections["flows"].items():
        listed = holder.node.get("exemptions") if isinstance(holder.node, Map) else None
        for policy, entry in listed.entries.items() if isinstance(listed, Map) else ():
            yield _exemption(policy, to_data(entry.node), entry, f"flows.{flow}.exemptions.{policy}", (flow,))


def _exemption(policy: str, data: Any, entry: Entry, path: str, flows: tuple[str, ...]) -> Exemption:
    environments = tuple(data.get("environments", ()))
    until = date.fromisoformat(data["until"])
    return Exemption(policy, data["reason"], until, entry.key, path, environments, flows)


def _check_scopes(own: Mapping[str, Entry], environments: Collection[str], report: Report) -> None:
    """Warn of a pattern in a policy of the manifests that is about none of their environments: it would hold for ever.

    A platform's policies are written for the manifests of many, and may well be about none of one project's.
    """
    for name, entry in own.items():
        patterns = entry.node.get("applies_to", "environments") if isinstance(entry.node, Map) else None
        for at, node in enumerate(patterns.nodes if isinstance(patterns, Items) else ()):
            pattern = str(node.value) if isinstance(node, Scalar) else ""
            if not any(fnmatchcase(environment, pattern) for environment in environments):
                hint = nearest(pattern, environments) or f"the environments are {', '.join(sorted(environments))}"
                path = ("policies", name, "applies_to", "environments", at)
                report.warn("unused-policy", f"no environment matches {pattern!r}", node.location, path, hint)


def _check_exemptions(
    exemptions: Iterable[Exemption], known: Mapping[str, Policy | None], report: Report, *, is_all: bool
) -> None:
    """Each exemption is from a policy that there is, and that allows it.

    A command that is not given the platform's policies cannot know their names: an exemption that may be from one of
    them has no effect there, which is a warning.
    """
    for each in exemptions:
        path = tuple(each.path.split("."))
        policy = known.get(each.policy)
        if each.policy not in known:
            hint = nearest(each.policy, known)
            if hint or is_all:
                hint = hint or f"the policies are {', '.join(sorted(known)) or 'none'}"
                report.error("unknown-policy", f"no policy {each.policy!r}", each.location, path, hint)
            else:
                message = f"the manifests have no policy {each.policy!r}"
                report.warn("unknown-policy", message, each.location, path, "name those of a platform with --policies")
        elif policy is not None and not policy.may_be_exempted:
            message = f"the policy {each.policy!r} allows no exemptions"
            hint = f"it says so at {policy.location}" if not policy.from_platform else "ask the owner of the policy"
            report.error("exemption-refused", message, each.location, path, hint)
