"""Adapters put on a model from outside and taken off again."""
