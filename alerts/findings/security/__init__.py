"""Security: rights that are larger than they have to be, and passwords that expire."""
