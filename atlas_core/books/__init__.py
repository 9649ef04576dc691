"""What is kept: the two books, every write to them and every question put to them."""
