"""What can go wrong, played out at length: each a command of its own, and all of them `make faults`."""
