"""What people say of their runs in English and Chinese sentences: one kind of evidence per file."""
