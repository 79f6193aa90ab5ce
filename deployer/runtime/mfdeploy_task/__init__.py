"""Runs one task of a deployed flow: ``python -m mfdeploy_task FLOW_FILE`` inside a pod or a worker process.

This package travels in every code package, beside Metaflow. It imports Metaflow and the standard library only, takes
everything from environment variables and ends with the exit code of the step: with 0 only where Metaflow finished it.
What the step's code sees of all this is on the page docs/tasks.md.

The bash script of a task (``Package.scripts``, the same text for every step) starts it. The script and this package
together read these variables, all of them strings:

==================================  ==================================================================================
From ``Flow.environment``           METAFLOW_FLOW_NAME, METAFLOW_OWNER, METAFLOW_USER, USER, METAFLOW_RUNTIME_NAME,
                                    METAFLOW_DEFAULT_DATASTORE, METAFLOW_DEFAULT_METADATA, METAFLOW_VERSION, ...
From ``Package.environment``        METAFLOW_CODE_METADATA, METAFLOW_CODE_SHA, METAFLOW_CODE_URL, METAFLOW_CODE_DS and
                                    (local datastore) METAFLOW_DATASTORE_SYSROOT_LOCAL
From ``Step.environment``           what ``@environment`` says
METAFLOW_STEP_NAME                  the step's name
METAFLOW_TASK_OPTIONS               JSON list: ``Step.options``
METAFLOW_RUN_ID                     ``airflow-<12 hex digits>``
METAFLOW_TASK_ID                    the task's id, without slashes, commas, colons or spaces
METAFLOW_RETRY_COUNT                0 for the first attempt (Airflow's try number less 1). May be more than Metaflow
                                    counts to (MAX_ATTEMPTS): a task that is cleared often goes on counting
METAFLOW_MAX_USER_CODE_RETRIES      ``Step.retries.times``; attempts beyond it do not run the step's code but only let
                                    ``@catch`` record the failure. After a task was cleared Airflow's try number goes
                                    on, so give ``max_tries - Step.retries.fallback`` of the task instance
METAFLOW_INPUT_PATHS                ``run/step/task`` of each task before this one, separated by commas (or as
                                    ``run/step/:task,task``). Not set, or empty, for the start step
METAFLOW_JOINED_ITEMS               in place of METAFLOW_INPUT_PATHS, for a step that joins a whole foreach, of which
                                    100,000 paths would be more than a process can be given: JSON ``{"dag_id",
                                    "steps", "index", "items"}``, the steps before this one, the index path of what
                                    holds the foreach ("" where nothing does) and the number of its items
METAFLOW_SPLIT_INDEX                the index within the foreach, for steps right after a foreach step; else not set or
                                    empty
MFDEPLOY_PARALLEL                   a ``@parallel`` step: ``0``, and in its workers, which this package starts itself
                                    (see ``parallel.py``), the index of the node
METAFLOW_PARAMETERS                 start step: JSON object of parameter values by name, default ``{}``. A parameter
                                    that is null or absent keeps the flow's own default; a deploy-time default is known
                                    to Airflow alone and must be given. A JSONType's value is its decoded document; a
                                    list is joined by the parameter's separator
MFDEPLOY_INCLUDES                   start step of a flow with IncludeFiles: JSON object of ``deployed``, their deployed
                                    values by name, and ``allowed``, the patterns of what else a run may give them
MFDEPLOY_PARAMETERS                 in place of METAFLOW_PARAMETERS, for more than a process or a pod takes: the path of
                                    a file, or the address of an object (s3, gs, azure), that
                                    has the same JSON
MFDEPLOY_TRIGGERS                   a run that events started: JSON list of them, newest first, for `current.trigger`:
                                    maps of ``timestamp``, ``id``, ``name`` and ``type`` (``run`` or ``event``)
METAFLOW_TAGS                       JSON list of tags, default ``[]``
METAFLOW_TASK_NAMESPACE             optional: Metaflow's namespace for the task (``step --namespace``)
METAFLOW_PRODUCTION_TOKEN           optional: read by Metaflow itself, which tags runs with ``production:<token>``
NAME_0, NAME_1, ...                 the pieces of METAFLOW_INPUT_PATHS, METAFLOW_PARAMETERS, MFDEPLOY_TRIGGERS, where
                                    that is longer than one variable may be
METAFLOW_AIRFLOW_DAG_RUN_ID         Airflow's run id, becomes task metadata ``airflow-dag-run-id``
METAFLOW_AIRFLOW_JOB_ID             Airflow's job id, becomes task metadata ``airflow-job-id``
MFDEPLOY_RESULT_FILE                where a foreach step writes ``{"splits": N}`` and a switch ``{"next": "step"}``,
                                    after it succeeded, a ``@parallel`` step ``{"nodes": N}``; other steps write
                                    nothing. Folders are made. With kubernetes ``/dev/termination-log``, which Airflow
                                    reads with the pod
MFDEPLOY_SCRIPT                     local compute only: the script, which ``bash`` evaluates
MFDEPLOY_SHOW_ITEMS                 not empty: a foreach step also writes ``"values"``: what Airflow is to show of its
                                    items, as text by index (see ``items.py``)
MFDEPLOY_EVENTS                     not empty: Airflow publishes what the step's code publishes by ArgoEvent, which is
                                    in the result as ``{"events": [{"name", "id", "timestamp", "payload"}]}``
MFDEPLOY_HOOK                       in place of a step: the function of `@exit_hook` that is to be called
MFDEPLOY_TMPFS                      kubernetes only, with a tmpfs: JSON object of ``tmpfs_path`` and ``tmpfs_tempdir``
                                    as the pod has them, for the `@kubernetes` of the step
MFDEPLOY_PYTHON                     local compute only: the interpreter (manifest ``python:``, or the worker's own). The
                                    script is run with ``bash -c`` in a fresh, empty folder
METAFLOW_KUBERNETES_POD_NAME, ...   kubernetes only, from the downward API, as Metaflow's own schedulers set them:
                                    also METAFLOW_KUBERNETES_POD_NAMESPACE, METAFLOW_KUBERNETES_POD_ID,
                                    METAFLOW_KUBERNETES_SERVICE_ACCOUNT_NAME, METAFLOW_KUBERNETES_NODE_IP
METAFLOW_SERVICE_AUTH_KEY, ...      credentials: from Kubernetes secrets or the worker's environment
==================================  ==================================================================================
"""
