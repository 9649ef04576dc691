"""Results as files for other programs: whole, inert, and masked as the books are."""
