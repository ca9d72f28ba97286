"""Web."""

app = object()
