"""What is measured, one module per section.

Each has ``run(settings)``, which collects plain data, ``report(result)``, which makes a text of
it, and ``work(task)``, which measures in a process of its own.
"""
