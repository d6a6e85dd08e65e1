"""What every floor stands on: errors, digests, files, the store, events. It knows nothing of LoRA."""
