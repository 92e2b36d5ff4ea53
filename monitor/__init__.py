"""The daemon: asks the servers on a schedule, remembers, and shows what was found."""
