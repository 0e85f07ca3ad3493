"""What is asked for: validated once, placed in the object, planned within a budget."""
