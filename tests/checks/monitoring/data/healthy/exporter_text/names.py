"""Parts of names."""

PREFIX = "bot"
WAITING: str = "waiting"
