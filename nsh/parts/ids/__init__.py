"""The id maps of a new user namespace. See user_namespaces(7)."""
