"""Many texts at once: judged by several processes, counted exactly, put together in one report."""
