"""WAL: archiving, checkpoints, durability, and the disks below."""
