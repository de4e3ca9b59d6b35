"""Alembic's scripts, shipped with the program: one file in versions/ for each change of the tables."""
