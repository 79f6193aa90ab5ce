# A file that the manifests of these cases name; nothing runs it.
