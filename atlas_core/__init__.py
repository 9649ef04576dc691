"""Atlas Desk's core: talks to Atlas, keeps what it said, and says what it means."""

__version__ = "0.1.0"
