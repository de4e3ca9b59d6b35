"""Readers of what a log shows beside facts: where the stack trace struck, which look-alike it is, what the server complained of."""
