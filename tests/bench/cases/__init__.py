"""One module per case. Each has ABOUT (one line) and run(bench) -> rows."""
