"""How are submitted notebooks marked? The course's checkpoints, on answers that run in a process each, shut off."""
