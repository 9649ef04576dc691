"""What it means: named numbers, differences, colours and charts."""
