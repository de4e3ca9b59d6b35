"""How a run was configured: command lines, configuration files, code, printed arguments."""
