"""The settings of pods and of the cluster that runs them: the part of the registry of settings below `kubernetes:`."""

# Without the future import of annotations, as in `keys`.

from typing import Annotated, Literal

from pydantic import JsonValue

from deployer.manifest.fields import (
    ByName,
    Cpus,
    Items,
    NotNegative,
    Omissible,
    Port,
    Positive,
    Setting,
    Settings,
    Text,
    Texts,
)


class Toleration(Settings, defer_build=False):
    """A Kubernetes toleration."""

    key: Annotated[Omissible[str], Setting("The taint's key; absent with operator Exists for every taint.")] = None
    operator: Annotated[Omissible[Literal["Exists", "Equal"]], Setting("How key and value are compared.")] = None
    value: Annotated[Omissible[str], Setting("The taint's value.")] = None
    effect: Annotated[
        Omissible[Literal["NoSchedule", "PreferNoSchedule", "NoExecute"]], Setting("The taint's effect.")
    ] = None
    toleration_seconds: Annotated[Omissible[int], Setting("How long a NoExecute taint is tolerated, in seconds.")] = (
        None
    )


class SecurityContext(Settings, defer_build=False):
    """The security context of a step's container."""

    privileged: Annotated[Omissible[bool], Setting("Whether the container runs privileged.")] = None
    allow_privilege_escalation: Annotated[Omissible[bool], Setting("Whether a process may gain more privileges.")] = (
        None
    )
    run_as_user: Annotated[Omissible[int], Setting("The user id that the container runs as.")] = None
    run_as_group: Annotated[Omissible[int], Setting("The group id that the container runs as.")] = None
    run_as_non_root: Annotated[Omissible[bool], Setting("Whether the container must not run as root.")] = None


class PodAttributes(Settings):
    """A step's pod: the attributes of Metaflow's @kubernetes. What is absent is as the flow's code says."""

    cpu: Annotated[Omissible[Cpus], Setting("CPUs.")] = None
    memory: Annotated[Omissible[Positive], Setting("Memory in MB.")] = None
    disk: Annotated[Omissible[Positive], Setting("Disk in MB.")] = None
    image: Annotated[Omissible[Text], Setting("The container image.")] = None
    image_pull_policy: Annotated[
        Omissible[Literal["Always", "IfNotPresent", "Never"]], Setting("When the image is pulled.")
    ] = None
    image_pull_secrets: Annotated[Omissible[Texts], Setting("Kubernetes secrets that the image is pulled with.")] = None
    service_account: Annotated[Omissible[Text], Setting("The Kubernetes service account.")] = None
    secrets: Annotated[
        Omissible[Texts], Setting("Kubernetes secrets that become environment variables of the pod.")
    ] = None
    node_selector: Annotated[Omissible[ByName[str]], Setting("Labels of the nodes that the pod may run on.")] = None
    namespace: Annotated[Omissible[Text], Setting("The Kubernetes namespace.")] = None
    gpu: Annotated[Omissible[NotNegative], Setting("GPUs; 0 for a node without any.")] = None
    gpu_vendor: Annotated[Omissible[Literal["nvidia", "amd"]], Setting("The GPUs' vendor.")] = None
    tolerations: Annotated[Omissible[Items[Toleration]], Setting("Taints of nodes that the pod tolerates.")] = None
    labels: Annotated[Omissible[ByName[str]], Setting("Labels of the pod.")] = None
    annotations: Annotated[Omissible[ByName[str]], Setting("Annotations of the pod.")] = None
    use_tmpfs: Annotated[Omissible[bool], Setting("Whether a tmpfs is mounted.")] = None
    tmpfs_tempdir: Annotated[Omissible[bool], Setting("Whether METAFLOW_TEMPDIR is the tmpfs.")] = None
    tmpfs_size: Annotated[
        Omissible[Positive], Setting("The size of the tmpfs in MiB. Default: half of the memory.")
    ] = None
    tmpfs_path: Annotated[Omissible[Text], Setting("Where the tmpfs is mounted.")] = None
    persistent_volume_claims: Annotated[
        Omissible[ByName[str]], Setting("Mount paths by name of the persistent volume claim.")
    ] = None
    shared_memory: Annotated[Omissible[Positive], Setting("Shared memory in MiB.")] = None
    port: Annotated[Omissible[Port], Setting("A port that the container opens.")] = None
    qos: Annotated[Omissible[Literal["Guaranteed", "Burstable"]], Setting("The pod's quality of service class.")] = None
    extended_resources: Annotated[
        Omissible[ByName[str]], Setting("Kubernetes extended resources, amounts as quoted text.")
    ] = None
    security_context: Annotated[Omissible[SecurityContext], Setting("The container's security context.")] = None


class PodSettings(PodAttributes, defer_build=False):
    """A step's pod, and what Airflow does with it."""

    startup_timeout_seconds: Annotated[
        Omissible[Positive],
        Setting("Seconds that a pod may wait for a node, and then for its image, before the try fails. Default: 3600."),
    ] = None
    on_finish_action: Annotated[
        Omissible[Literal["delete_pod", "delete_succeeded_pod", "keep_pod"]],
        Setting("What becomes of a pod that has ended. Default: delete_pod."),
    ] = None

    def attributes(self) -> dict[str, JsonValue]:
        """The attributes of @kubernetes that were given, as in a manifest."""
        return {key: value for key, value in self.written().items() if key in PodAttributes.model_fields}

    def handling(self) -> dict[str, JsonValue]:
        """What was given beside them, as in a manifest."""
        return {key: value for key, value in self.written().items() if key not in PodAttributes.model_fields}


class ClusterAccess(Settings):
    """How Airflow reaches the cluster that runs the pods."""

    context: Annotated[Omissible[Text], Setting("The context in the kubeconfig that the Airflow worker uses.")] = None
    kubeconfig: Annotated[Omissible[Text], Setting("The path of the kubeconfig on the Airflow worker.")] = None
    connection: Annotated[Omissible[Text], Setting("The Airflow connection to the cluster.")] = None
    in_cluster: Annotated[
        Omissible[bool], Setting("Whether the Airflow worker runs in the cluster that runs the pods.")
    ] = None


class ClusterSettings(ClusterAccess, PodSettings):
    """All pods of an environment, and how Airflow reaches the cluster."""

    check: Annotated[
        bool, Setting("Whether each plan and apply asks the cluster for the pods, as --check-cluster does.")
    ] = False
    check_context: Annotated[
        Omissible[Text],
        Setting(
            "The context in the kubeconfig of whoever plans, for that check. Default: `context`.", may_be_secret=True
        ),
    ] = None
