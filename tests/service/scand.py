# SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
"""A scan service for a test, in a directory of its own, on ports of loopback that the kernel gives.

Every test program is called with the build directory and the source directory.
"""

import atexit
import hashlib
import http.client
import json
import pathlib
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "e2e"))
import harness  # noqa: E402  pylint: disable=wrong-import-position

PROGRAM = harness.BUILD / "src" / "scan-service" / "vt-scand"
START_TIMEOUT_S = 120
EICAR = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-STANDARD-" rb"ANTIVIRUS-TEST-FILE!$H+H*"
UNKNOWN, CLEAN, INFECTED, INCOMPLETE = range(4)


def sha256(content):
    return hashlib.sha256(content).hexdigest()


class Service:
    """A vt-scand with an authority and certificates; start() runs it."""

    def __init__(self, name, **settings):
        self.dir = harness.scratch / name
        self.state = self.dir / "state"
        self.database = self.dir / "database"
        self.authority = self.state / "ca" / "authority.pem"
        self.process = None
        self.lines = []
        self.port = self.local_port = None
        self.state.mkdir(parents=True)
        self.database.mkdir()
        for file in harness.SIGNATURES.glob("*.h?b"):
            shutil.copy(file, self.database)
        self.configure(**settings)
        self.verb("ca", "init")
        self.verb("ca", "issue", "service", "--service", "--address", "localhost", "--address",
                  "127.0.0.1", "--out", self.make_dir("state/tls"))
        self.issue("agent")

    def make_dir(self, name):
        path = self.dir / name
        path.mkdir(exist_ok=True)
        return path

    def configure(self, **settings):
        """Settings by "group.key", with underscores for hyphens in the keys."""
        groups = {"service": {"state-dir": self.state},
                  "listen": {"addresses": "127.0.0.1:0", "local": "127.0.0.1:0"},
                  "engine": {"database": self.database, "workers": 2}}
        for name, value in settings.items():
            group, key = name.split("__")
            groups.setdefault(group, {})[key.replace("_", "-")] = value
        text = "".join(f"[{group}]\n" + "".join(f"{key}={value}\n" for key, value in keys.items())
                       for group, keys in groups.items())
        (self.dir / "scand.conf").write_text(text)

    def verb(self, *words, status=0):
        done = subprocess.run([PROGRAM, *map(str, words), "--state-dir", str(self.state)],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              check=False, timeout=60)
        harness.equal(done.returncode, status, f"{words}: {done.stderr}")
        return done.stdout if status == 0 else done.stderr

    def issue(self, name, *options):
        self.verb("ca", "issue", name, *options, "--out", self.make_dir("agents"))

    def agent_files(self, name):
        return self.dir / "agents" / f"{name}.pem", self.dir / "agents" / f"{name}.key"

    # The process.

    def read_log(self, stream):
        for line in stream:
            self.lines.append(line.rstrip("\n"))

    def logged(self, pattern):
        return next((match for match in (re.search(pattern, line) for line in list(self.lines))
                     if match), None)

    def wait_for_log(self, pattern, timeout=START_TIMEOUT_S):
        harness.wait_until(lambda: self.logged(pattern) or self.process.poll() is not None,
                           f"{pattern} in the log", timeout)
        harness.true(self.logged(pattern), f"{pattern} in {self.lines}")
        return self.logged(pattern)

    def launch(self, **options):
        """Starts the program, and waits for no more than that it listens."""
        self.lines = []
        self.process = subprocess.Popen([PROGRAM, "--config", self.dir / "scand.conf"], text=True,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                        **options)
        atexit.register(self.process.kill)
        threading.Thread(target=self.read_log, args=(self.process.stderr,), daemon=True).start()
        ports = self.wait_for_log(r"port (\d+), local port (\d+)")
        self.port, self.local_port = int(ports[1]), int(ports[2])

    def start(self, **options):
        self.launch(**options)
        self.wait_for_log("in force")
        return self

    def kill(self):
        self.process.kill()
        self.process.wait(harness.END_TIMEOUT_S)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        harness.equal(self.process.wait(harness.END_TIMEOUT_S), 0, f"exit status: {self.lines}")

    # Requests.

    def context(self, agent="agent"):
        context = ssl.create_default_context(cafile=str(self.authority))
        if agent is not None:
            context.load_cert_chain(*map(str, self.agent_files(agent)))
        return context

    def connect(self, agent="agent", timeout=60):
        """A connection for several requests."""
        return http.client.HTTPSConnection("localhost", self.port, timeout=timeout,
                                           context=self.context(agent))

    def ask(self, method, path, body=None, agent="agent", connection=None, headers=None):
        """Status, headers and body of the answer."""
        own = connection or self.connect(agent)
        own.request(method, path, body, headers or {})
        answer = own.getresponse()
        content = answer.read()
        if connection is None:
            own.close()
        return answer.status, answer.headers, content

    def lookup(self, *contents, **options):
        digests = b"".join(hashlib.sha256(content).digest() for content in contents)
        status, _, body = self.ask("POST", "/v1/lookup", digests, **options)
        harness.equal(status, 200, body)
        return list(body)

    def send(self, content, name=None, status=200, **options):
        """The answer to a content, as an object."""
        got, _, body = self.ask("PUT", f"/v1/objects/{name or sha256(content)}", content, **options)
        harness.equal(got, status, body)
        return json.loads(body)

    def changes(self, since, **options):
        status, _, body = self.ask("GET", f"/v1/changes?since={since}", **options)
        harness.equal(status, 200, body)
        return json.loads(body)

    def raw(self, agent="agent", timeout=60):
        """A TLS socket."""
        plain = socket.create_connection(("127.0.0.1", self.port), timeout)
        return self.context(agent).wrap_socket(plain, server_hostname="localhost")

    def local(self, path):
        """Status and text of the local listener's answer."""
        url = f"http://127.0.0.1:{self.local_port}{path}"
        try:
            with urllib.request.urlopen(url, timeout=30) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def health(self):
        return json.loads(self.local("/healthz")[1])

    def metric(self, name):
        for line in self.local("/metrics")[1].splitlines():
            if line.startswith(name + " "):
                return int(line.split()[1])
        raise AssertionError(f"there is no metric {name}")
