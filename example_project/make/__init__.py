"""Everything that made the example: its drawings, its little base model, its tagger and judge."""
