"""The way from manifests to described deployments."""
