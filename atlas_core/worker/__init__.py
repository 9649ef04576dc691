"""What moves: the receiver, the courier and the watcher, in one process."""
