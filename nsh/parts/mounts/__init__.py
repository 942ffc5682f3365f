"""The mounts of a new mnt namespace, and how they propagate. See mount(2), mount_namespaces(7)."""
