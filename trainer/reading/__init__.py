"""What the adapters of ``trainer/datasets/`` share: archives, tables, names, time."""
