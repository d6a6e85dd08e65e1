"""Plan, tasks, explanation, lock: what has to be done and why."""
