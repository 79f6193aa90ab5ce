"""What is deployed: the survey of the targets, the index beside the DAG files, the cache and the history."""
