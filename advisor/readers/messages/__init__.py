"""What runtimes, servers and operating systems print when memory, or something else, runs out."""
