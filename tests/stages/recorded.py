"""A store that keeps results in memory: what a stage says of its items."""

from lorabuild.core.digest import digest


class Recorded:
    def __init__(self):
        self.facts, self.records, self.problems, self.blobs, self.events = {}, {}, {}, {}, []

    def read(self, name):
        return self.blobs[name]

    def read_each(self, names):
        return map(self.read, names)

    def write(self, data):
        name = digest(data)
        self.blobs[name] = data
        return name

    def done(self, item, outputs=None, *, facts=None, record=None):
        assert not outputs
        self.facts[item.id] = dict(facts or {})
        self.records[item.id] = dict(record or {})

    def aside(self, item, problem):
        self.problems[item.id] = problem

    def scratch(self, key):
        raise NotImplementedError(key)

    def emit(self, event):
        self.events.append(event)

    def progress(self):
        return [event.data["done"] for event in self.events if event.kind == "progress"]

    def notes(self):
        return [event.data["item"] for event in self.events if event.kind == "note"]
