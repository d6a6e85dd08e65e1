"""The language of lora.yaml: frozen records with their defaults, and nothing else. It imports only core."""
