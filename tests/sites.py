"""A project around a base model."""

from lorabuild.schema.project import Project
from lorabuild.schema.site import Site


def site(root, model, **sections):
    base = {"model": str(model), **sections.pop("base", {})}
    settings = {"name": "t", "base": base, "concepts": {"a": {"folder": "a"}}, "device": {"type": "cpu", "threads": 1}}
    return Site(Project.model_validate(settings | sections), root)
