"""Policies and exemptions from them: the part of the registry of settings below `policies:` and `exemptions:`."""

# Without the future import of annotations, as in `keys`.

from typing import Annotated, Literal

from pydantic import Field

from deployer.manifest.fields import AnyValue, ByName, Date, Items, Name, Omissible, Setting, Settings, Text, Texts


class PolicyScope(Settings):
    """Which changes a policy is about. Patterns are those of `--flow`."""

    environments: Annotated[Texts, Setting("Patterns of environments. Default: all.")] = ()
    flows: Annotated[Texts, Setting("Patterns of flows, by name or by address (prod/train). Default: all.")] = ()
    actions: Annotated[
        Items[Literal["create", "update", "delete", "none"]],
        Setting("What happens to the deployment: create, update, delete, none. Default: create and update."),
    ] = ()


class PolicyExample(Settings):
    """An input of a policy with its expected outcome, for `mfdeploy policy test`."""

    name: Annotated[Text, Setting("What the example shows.")] = ""
    input: Annotated[ByName[AnyValue], Setting("Values of variables, as in `mfdeploy schema policy`.")]
    expect: Annotated[Literal["pass", "violation"], Setting("pass: the rule is true. violation: it is false.")]


class PolicyEntry(Settings):
    """A rule for changes, in CEL."""

    rule: Annotated[Text, Setting("An expression in CEL that is true when all is well.")]
    message: Annotated[Text, Setting("What a violation says.")]
    message_expression: Annotated[
        Omissible[Text], Setting("An expression in CEL whose string takes the place of `message`.")
    ] = None
    description: Annotated[Omissible[Text], Setting("Why there is the policy.")] = None
    severity: Annotated[
        Literal["error", "warning"], Setting("error: a violation stops each apply. warning: it is only reported.")
    ] = "error"
    applies_to: Annotated[PolicyScope, Setting("Which changes the policy is about.")] = PolicyScope.model_construct()
    field: Annotated[
        Omissible[Text],
        Setting(
            "The field of the description that the policy is about, as in settings.owner or resources.*.image: "
            "violations point to the line where it was written."
        ),
    ] = None
    exemptions: Annotated[
        Omissible[Literal["allowed", "refused"]],
        Setting(
            "Whether the manifests may exempt flows. Default: allowed for a policy of the manifests, refused for one "
            "of --policies."
        ),
    ] = None
    examples: Annotated[Items[PolicyExample], Setting("Examples, which `mfdeploy policy test` runs.")] = ()


class FlowExemption(Settings):
    """A flow's exemption from a policy, until a day."""

    reason: Annotated[Text, Setting("Why; the plan shows it.")]
    until: Annotated[Date, Setting("The last day (UTC) on which it holds, as in 2026-12-31.")]
    environments: Annotated[Texts, Setting("Patterns of environments. Default: all.")] = ()


class ExemptionEntry(FlowExemption):
    """An exemption of several flows from a policy, until a day."""

    policy: Annotated[Name, Setting("The policy.")]
    flows: Annotated[Texts, Setting("Patterns of flows, by name or by address (prod/train). Default: all.")] = ()


class PolicyFile(Settings):
    """A file of the folder that `--policies` names."""

    version: Annotated[Omissible[Literal[1]], Setting("The version of the manifest format: 1.")] = None
    policies: Annotated[ByName[PolicyEntry], Setting("Policies by name.")] = Field(default_factory=dict)
