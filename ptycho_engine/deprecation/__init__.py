"""What goes when: one table, the warning at the caller's line, the timeline."""
