"""A hub on loopback: the paths of the Hugging Face hub that its library asks for, over repositories in memory."""

import base64
import hashlib
import json
import re
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

API = re.compile(r"/api/models/([^/]+/[^/]+)/(revision|tree)/([^/?]+)")
FILE = re.compile(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)")
WRITE = re.compile(r"/api/models/([^/]+/[^/]+)/(preupload|commit)/main")
BATCH = re.compile(r"/([^/]+/[^/]+)\.git/info/lfs/objects/batch")
LARGE = (".safetensors", ".png")
TOKEN = "hf_test"


class Hub:
    """Repositories by id: branch → commit, and commit → files by name. ``asked`` is what was asked for.

    ``large`` is what was uploaded under its sha256, ``visible`` how each repository was made; only ``TOKEN`` may write.
    """

    def __init__(self):
        self.branches, self.commits, self.asked = {}, {}, []
        self.large, self.visible, self.address = {}, {}, ""

    def push(self, repo, files, branch="main"):
        """A new commit on a branch; its id."""
        commit = hashlib.sha1(repr((repo, branch, sorted(files.items()))).encode()).hexdigest()
        self.branches[repo, branch] = commit
        self.commits[repo, commit] = dict(files)
        return commit

    def push_folder(self, repo, folder, **more):
        """A folder's files, and others by name, as a new commit."""
        files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        return self.push(repo, files | {name.replace("__", "/"): data for name, data in more.items()})

    def at(self, repo, revision):
        """Commit and files of a revision; None where there is none."""
        commit = self.branches.get((repo, revision), revision)
        files = self.commits.get((repo, commit))
        return None if files is None else (commit, files)

    def downloads(self):
        """Names of the files whose bytes were asked for."""
        return [path.rpartition("/")[2] for way, path in self.asked if way == "GET" and "/resolve/" in path]


class _Answers(BaseHTTPRequestHandler):
    hub: Hub

    def do_GET(self):
        self._answer(body=True)

    def do_HEAD(self):
        self._answer(body=False)

    def do_POST(self):
        data = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        path = self.path.partition("?")[0]
        self.hub.asked.append((self.command, path))
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            self._say(401, b"{}", {}, body=True)
            return
        code, answer = self._written(path, data)
        self._say(code, json.dumps(answer).encode(), {}, body=True)

    def do_PUT(self):
        data = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.hub.asked.append((self.command, self.path))
        self.hub.large[hashlib.sha256(data).hexdigest()] = data
        self._say(200, b"", {}, body=True)

    def _written(self, path, data):
        write, batch = WRITE.fullmatch(path), BATCH.fullmatch(path)
        if path == "/api/repos/create":
            asked = json.loads(data)
            repo = f"{asked['organization']}/{asked['name']}"
            known = repo in self.hub.visible or (repo, "main") in self.hub.branches
            if not known:
                self.hub.visible[repo] = asked.get("visibility")
                self.hub.push(repo, {})
            return (409 if known else 200), {"url": f"{self.hub.address}/{repo}"}
        if path == "/api/validate-yaml":
            return 200, {"errors": [], "warnings": []}
        if batch:
            objects = [self._place(one) for one in json.loads(data)["objects"]]
            return 200, {"transfer": "basic", "objects": objects}
        if write and write[2] == "preupload":
            named = [one["path"] for one in json.loads(data)["files"]]
            modes = {name: "lfs" if name.endswith(LARGE) else "regular" for name in named}
            return 200, {"files": [{"path": name, "uploadMode": modes[name], "shouldIgnore": False} for name in named]}
        if write:
            return 200, self._commit(write[1], [json.loads(line) for line in data.splitlines()])
        return 404, {}

    def _place(self, one):
        known = one["oid"] in self.hub.large
        upload = {"upload": {"href": f"{self.hub.address}/large/{one['oid']}", "header": {}}}
        return {**one, **({} if known else {"actions": upload})}

    def _commit(self, repo, lines):
        _, files = self.hub.at(repo, "main")
        files = dict(files)
        for line in lines[1:]:
            value = line["value"]
            small = line["key"] == "file"
            files[value["path"]] = base64.b64decode(value["content"]) if small else self.hub.large[value["oid"]]
        commit = self.hub.push(repo, files)
        return {"commitUrl": f"{self.hub.address}/{repo}/commit/{commit}", "commitOid": commit, "hookOutput": ""}

    def log_message(self, *_words):
        pass

    def _answer(self, *, body):
        path = self.path.partition("?")[0]
        self.hub.asked.append((self.command, path))
        api, file = API.fullmatch(path), FILE.fullmatch(path)
        repo, revision = (api[1], api[3]) if api else (file[1], file[2]) if file else ("", "")
        found = self.hub.at(repo, revision)
        if found is None:
            known = any(name == repo for name, _ in self.hub.branches)
            self._say(404, b"{}", {"X-Error-Code": "RevisionNotFound" if known else "RepoNotFound"}, body=body)
        elif api:
            self._say(200, json.dumps(_info(repo, *found, api[2])).encode(), {}, body=body)
        elif file[3] not in found[1]:
            self._say(404, b"{}", {"X-Error-Code": "EntryNotFound"}, body=body)
        else:
            data = found[1][file[3]]
            self._say(200, data, {"X-Repo-Commit": found[0], "ETag": f'"{hashlib.sha1(data).hexdigest()}"'}, body=body)

    def _say(self, code, data, headers, *, body):
        self.send_response(code)
        for name, value in {**headers, "Content-Length": str(len(data)), "Content-Type": "application/json"}.items():
            self.send_header(name, value)
        self.end_headers()
        if body:
            self.wfile.write(data)


def _info(repo, commit, files, kind):
    if kind == "revision":
        return {"id": repo, "modelId": repo, "sha": commit, "siblings": [{"rfilename": name} for name in files]}
    return [_file(name, data) for name, data in files.items()]


def _file(name, data):
    told = {
        "type": "file",
        "path": name,
        "size": len(data),
        "oid": hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest(),
    }
    large = {"oid": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 134}
    return told | ({"lfs": large} if name.endswith(LARGE) else {})


@contextmanager
def serving():
    """A running hub and its address."""
    hub = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Answers", (_Answers,), {"hub": hub}))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        hub.address = f"http://127.0.0.1:{server.server_address[1]}"
        yield hub, hub.address
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def at_home(monkeypatch, cache):
    """This process asks a fake hub and keeps what it downloads in a folder of its own."""
    from huggingface_hub import constants
    from huggingface_hub.utils import close_session

    with serving() as (hub, address):
        monkeypatch.setattr(constants, "ENDPOINT", address)
        monkeypatch.setattr(
            constants, "HUGGINGFACE_CO_URL_TEMPLATE", address + "/{repo_id}/resolve/{revision}/{filename}"
        )
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_PROGRESS_BARS", True)
        yield hub
        close_session()
