"""A store in memory, for running a stage by itself."""

from lorabuild.core.digest import digest
from lorabuild.core.errors import BlobError


class Kept:
    def __init__(self, folder=None):
        self.blobs, self.finished, self.facts, self.records, self.problems = {}, {}, {}, {}, {}
        self.folder = folder

    def read(self, name):
        if name not in self.blobs:
            raise BlobError(f"no blob {name}")
        return self.blobs[name]

    def read_each(self, names):
        return map(self.read, names)

    def write(self, data):
        name = digest(data)
        self.blobs[name] = data
        return name

    def done(self, item, outputs=None, *, facts=None, record=None):
        self.finished[item.id] = dict(outputs or {})
        self.facts[item.id] = dict(facts or {})
        self.records[item.id] = dict(record or {})

    def aside(self, item, problem):
        self.problems[item.id] = problem

    def scratch(self, key):
        return self.folder / key

    def made(self, item_id, name):
        return self.blobs[self.finished[item_id][name]]
