"""What the pages share: the server, the frame, cached reads and parts of a screen."""
