"""What stands beside the desk's own pages: one that only says hello, and the desk without queries."""
