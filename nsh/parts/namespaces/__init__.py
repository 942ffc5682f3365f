"""The namespaces: which of the eight kinds a run gets new. See namespaces(7), unshare(2)."""
