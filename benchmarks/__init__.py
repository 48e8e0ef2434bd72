"""What the hub costs, in CPU time and queries, on the machine that runs this. It asserts nothing."""
