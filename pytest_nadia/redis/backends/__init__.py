"""Real servers behind the front: one that it starts itself, or a database of an existing one."""
