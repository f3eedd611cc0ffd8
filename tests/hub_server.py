"""A small hub on 127.0.0.1: the requests of huggingface_hub that create, upload and download."""

import base64
import hashlib
import json
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlparse

TOKEN = "hf_of_the_test"


@dataclass
class Repository:
    """A repository: its commits, the last one being that of the branch main."""

    private: bool
    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)

    def find(self, revision: str) -> tuple[str, dict[str, bytes]] | None:
        name = next(reversed(self.commits), "") if revision == "main" else revision
        return (name, self.commits[name]) if name in self.commits else None

    def commit(self, files: dict[str, bytes], deleted: Collection[str] = ()) -> str:
        found = self.find("main")
        whole = (found[1] if found else {}) | files
        whole = {name: content for name, content in whole.items() if name not in deleted}
        name = hashlib.sha1(repr((len(self.commits), sorted(whole))).encode()).hexdigest()
        self.commits[name] = whole
        return name


@dataclass
class Hub:
    """The state of the server."""

    address: str = ""
    repositories: dict[str, Repository] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)


@contextmanager
def serve() -> Iterator[Hub]:
    """Serve an empty hub on a free port."""
    hub = Hub()

    class Handler(_Handler):
        state = hub

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    state: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, format, *args):
        self.state.requests.append(f"{self.command} {self.path}")

    def do_HEAD(self):
        self._resolve(body=False)

    def do_GET(self):
        if urlparse(self.path).path.endswith("/tree/main"):
            self._list()
        else:
            self._resolve(body=True)

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        path = urlparse(self.path).path.strip("/").split("/")
        if path == ["api", "validate-yaml"]:
            return self._answer({"warnings": [], "errors": []})
        if not self._authorized():
            return self._answer({"error": "Invalid credentials"}, 401)
        if path == ["api", "repos", "create"]:
            return self._create(json.loads(body))
        repository = self.state.repositories["/".join(path[2:4])]
        if path[4] == "preupload":
            files = [
                {"path": file["path"], "uploadMode": "regular", "shouldIgnore": False}
                for file in json.loads(body)["files"]
            ]
            return self._answer({"files": files})
        lines = [json.loads(line) for line in body.splitlines()]
        added = [line["value"] for line in lines if line["key"] == "file"]
        name = repository.commit(
            {each["path"]: base64.b64decode(each["content"]) for each in added},
            [line["value"]["path"] for line in lines if line["key"] == "deletedFile"],
        )
        url = f"{self.state.address}/{'/'.join(path[2:4])}/commit/{name}"
        return self._answer({"success": True, "commitOid": name, "commitUrl": url})

    def _list(self) -> None:
        """Answer with the files of the branch main."""
        path = urlparse(self.path).path.strip("/").split("/")
        found = self.state.repositories["/".join(path[2:4])].find("main")
        files = found[1] if found else {}
        self._answer(
            [
                {"type": "file", "path": name, "size": len(x), "oid": ""}
                for name, x in files.items()
            ]
        )

    def _create(self, wanted: dict) -> None:
        name = f"{wanted['organization']}/{wanted['name']}"
        if wanted["organization"] != "jane":
            return self._answer({"error": "You don't have the rights to create a model"}, 403)
        url = f"{self.state.address}/{name}"
        if name in self.state.repositories:
            return self._answer({"error": "You already created this model", "url": url}, 409)
        private = wanted.get("private") or wanted.get("visibility") == "private"
        self.state.repositories[name] = Repository(bool(private))
        return self._answer({"url": url})

    def _resolve(self, body: bool) -> None:
        path = urlparse(self.path).path.strip("/").split("/")
        repository = self.state.repositories.get("/".join(path[:2]))
        if repository is None or (repository.private and not self._authorized()):
            return self._answer({}, 401 if repository else 404, "RepoNotFound", body)
        found = repository.find(path[3])
        if found is None:
            return self._answer({}, 404, "RevisionNotFound", body)
        content = found[1].get("/".join(path[4:]))
        if content is None:
            return self._answer({}, 404, "EntryNotFound", body)
        self.send_response(200)
        self.send_header("X-Repo-Commit", found[0])
        self.send_header("ETag", f'"{hashlib.sha1(content).hexdigest()}"')
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if body:
            self.wfile.write(content)

    def _authorized(self) -> bool:
        return self.headers.get("Authorization") == f"Bearer {TOKEN}"

    def _answer(
        self, value: dict | list, status: int = 200, error: str = "", body: bool = True
    ) -> None:
        content = json.dumps(value).encode()
        self.send_response(status)
        if error:
            self.send_header("X-Error-Code", error)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if body:
            self.wfile.write(content)
