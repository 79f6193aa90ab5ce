"""What is deployed: the survey of targets, the index beside the DAG files, the cache, the history."""
