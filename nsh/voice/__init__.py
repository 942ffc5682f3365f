"""Voice: how what nsh says itself looks. The theme, text with roles, the pager."""
