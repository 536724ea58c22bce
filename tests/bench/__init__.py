"""How fast, and at what cost: `python -m tests.bench`. No test asserts a time; this prints them."""
