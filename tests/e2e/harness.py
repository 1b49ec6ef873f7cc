# SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
"""What the end-to-end tests share: TAP, the program under test, its reports.

Every test program is called with the build directory and the source directory. Tests run the real
program on real images; none has an environment variable that a user would not have, but for the
cache directory, which is the test's own.
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import traceback

BUILD = pathlib.Path(sys.argv[1])
SOURCE = pathlib.Path(sys.argv[2])
PROGRAM = BUILD / "src" / "templater" / "vtemplater"
IMAGES = pathlib.Path(os.environ.get("VT_TEST_IMAGES", BUILD / "test-images"))
SIGNATURES = SOURCE / "data" / "demo-signatures"
TIMEOUT_S = 900
# How long processes may take to end once they have to; it takes milliseconds.
END_TIMEOUT_S = 30

scratch = pathlib.Path(tempfile.mkdtemp(prefix="vt-e2e-"))
# One cache for a test program: what is learnt of /dev/kvm is learnt once.
environment = dict(os.environ, XDG_CACHE_HOME=str(scratch / "cache"))
environment.pop("LIBGUESTFS_BACKEND_SETTINGS", None)


class Skip(Exception):
    """Raised with the name of what is missing."""


def run(*words, **options):
    """Runs vtemplater; the result has returncode, stdout and stderr."""
    options.setdefault("env", environment)
    return subprocess.run([PROGRAM, *map(str, words)], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=TIMEOUT_S, check=False,
                          **options)


def start(*words, **options):
    options.setdefault("stderr", subprocess.PIPE)
    return subprocess.Popen([PROGRAM, *map(str, words)], env=environment, text=True,
                            stdout=subprocess.PIPE, **options)


def scan(image, *options, status=None, store="none", database=SIGNATURES, env=None):
    """Scans, holds report and manifest against their schemas, and gives both back."""
    report = scratch / "report.json"
    manifest = scratch / "manifest.jsonl"
    done = run("scan", "--database", database, "--store", store, "--format", "json", "--output",
               report, "--manifest", manifest, *options, image, env=env or environment)
    print(f"# {done.stderr.strip()!r}")
    if status is not None:
        equal(done.returncode, status, "exit status")
    validate("vtemplater-report.schema.json", report)
    # Without files there are no lines, and the validator wants at least one document.
    if manifest.stat().st_size > 0:
        validate("vtemplater-manifest.schema.json", manifest)
    lines = manifest.read_text(encoding="utf-8").split("\n")[:-1]
    files = [json.loads(line) for line in lines]
    return json.loads(report.read_text(encoding="utf-8")), files, done


def scan_several(images, *options, status=None, store="none", database=SIGNATURES, env=None):
    """Scans images in one run, as many at a time as there may be; their reports and the run."""
    report = scratch / "reports.json"
    done = run("scan", "--database", database, "--store", store, "--jobs", "4", "--format", "json",
               "--output", report, *options, *images, env=env)
    print(f"# {done.stderr.strip()!r}")
    if status is not None:
        equal(done.returncode, status, "exit status")
    validate("vtemplater-report.schema.json", report)
    return json.loads(report.read_text(encoding="utf-8"))["reports"], done


def paths_of(reports):
    return [report["image"]["path"] for report in reports]


def validate(schema, path):
    validator = SOURCE / "tests" / "cli" / "validate.py"
    done = subprocess.run([validator, SOURCE / "data" / schema, path], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)
    equal(done.returncode, 0, f"{schema}: {done.stdout}")


def image(name):
    path = IMAGES / name
    if not path.exists():
        raise AssertionError(f"{path} is missing: tests/images/make-test-images makes it")
    return path


def processes():
    """Process id to (parent, start time, command name) of all processes."""
    found = {}
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            text = (entry / "stat").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        name = text[text.index("(") + 1:text.rindex(")")]
        fields = text[text.rindex(")") + 2:].split()
        if fields[0] != "Z":
            found[int(entry.name)] = (int(fields[1]), fields[19], name)
    return found


def descendants(root):
    """Identities (id, start time) to names of all that ROOT has started, directly or not."""
    table = processes()
    tree = {root}
    grown = True
    while grown:
        more = {pid for pid, (parent, _, _) in table.items() if parent in tree} - tree
        tree |= more
        grown = bool(more)
    return {(pid, table[pid][1]): table[pid][2] for pid in tree - {root} if pid in table}


def wait_until(condition, what, timeout=TIMEOUT_S):
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError(f"not within {timeout} s: {what}")


def assert_all_end(identities):
    def gone():
        table = processes()
        return not any(pid in table and table[pid][1] == start for pid, start in identities)
    wait_until(gone, f"the end of {sorted(identities.values())}", END_TIMEOUT_S)


def equal(actual, expected, what):
    if actual != expected:
        raise AssertionError(f"{what}: {actual!r}, not {expected!r}")


def true(condition, what):
    if not condition:
        raise AssertionError(what)


def main(*tests):
    """Runs the tests in order, and says in TAP how they went."""
    print(f"1..{len(tests)}", flush=True)
    failed = 0
    for number, test in enumerate(tests, 1):
        name = test.__name__.removeprefix("test_").replace("_", "-")
        try:
            test()
            print(f"ok {number} - {name}", flush=True)
        except Skip as why:
            print(f"ok {number} - {name} # SKIP {why}", flush=True)
        except Exception:  # pylint: disable=broad-except
            failed += 1
            print(f"not ok {number} - {name}", flush=True)
            for line in traceback.format_exc().splitlines():
                print(f"# {line}", flush=True)
    shutil.rmtree(scratch, ignore_errors=True)
    sys.exit(1 if failed else 0)
