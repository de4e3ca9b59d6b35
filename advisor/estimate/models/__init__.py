"""Forward passes of published model classes, mirrored on the tape: one file per way of building layers."""
