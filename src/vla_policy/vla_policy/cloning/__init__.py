"""``vla policy train PRESET --data PATH --out RUN``: behaviour cloning of any preset on a LeRobotDataset v3.

The shipped policy has a training of its own, ``vla_policy.training``. Needs torch.
"""
