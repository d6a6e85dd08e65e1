"""Pictures: reading them whatever they are, and fitting them to a bucket. Originals are never altered."""
