"""Peers that print a report: text for terminals, JSON for programs, Markdown for issues. They compute nothing."""
