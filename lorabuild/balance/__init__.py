"""Pure arithmetic: budget to repeats and epochs, exposure per trigger, buckets. No disk, no pictures."""
