"""Small parts that several blocks share."""
