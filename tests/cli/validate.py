#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
"""Holds JSON files, or JSON Lines files (*.jsonl), against a JSON schema.

    validate.py SCHEMA FILE...
    validate.py --npm NAME@VERSION:MEMBER:SHA256 CACHE FILE...

The second form takes the schema out of an npm package, which it keeps in the directory CACHE.
Exit status: 0 valid, 1 not valid, 77 (skipped) when jsonschema or the package cannot be had.
"""
import base64
import binascii
import datetime
import hashlib
import json
import pathlib
import re
import subprocess
import sys
import tarfile
import tempfile
import urllib.parse

SKIP = 77
NPM_TIMEOUT_S = 60

try:
    import jsonschema
except ImportError:
    print("skipped: python3-jsonschema is not installed")
    sys.exit(SKIP)

# The formats our schemas and SARIF's use; without a checker, jsonschema would pass anything.
formats = jsonschema.FormatChecker(formats=())


@formats.checks("date-time", raises=ValueError)
def is_date_time(value):
    if not isinstance(value, str):
        return True
    datetime.datetime.fromisoformat(value.replace("Z", "+00:00"))
    return re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", value)


@formats.checks("uri-reference", raises=ValueError)
def is_uri_reference(value):
    if not isinstance(value, str):
        return True
    urllib.parse.urlsplit(value)
    allowed = r"([A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*"
    return re.fullmatch(allowed, value)


@formats.checks("uri", raises=ValueError)
def is_uri(value):
    if not isinstance(value, str):
        return True
    return is_uri_reference(value) and urllib.parse.urlsplit(value).scheme != ""


def skip(why):
    print(f"skipped: {why}")
    sys.exit(SKIP)


def fetch_npm_package(package, cache):
    """Path of the package's archive in the directory CACHE."""
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as fresh:
        try:
            done = subprocess.run(
                ["npm", "pack", "--silent", "--pack-destination", fresh, package],
                cwd=fresh,
                timeout=NPM_TIMEOUT_S,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            skip(f"{package}: {error}")
        archives = list(pathlib.Path(fresh).glob("*.tgz"))
        if done.returncode != 0 or len(archives) != 1:
            skip(f"npm cannot fetch {package}")
        return archives[0].read_bytes()


def load_npm_schema(where, cache):
    package, member, digest = where.rsplit(":", 2)
    kept = pathlib.Path(cache) / (digest + ".json")
    if not kept.exists():
        archive = pathlib.Path(cache) / (digest + ".tgz")
        archive.parent.mkdir(parents=True, exist_ok=True)
        archive.write_bytes(fetch_npm_package(package, archive.parent))
        with tarfile.open(archive) as tar:
            content = tar.extractfile(member).read()
        if hashlib.sha256(content).hexdigest() != digest:
            sys.exit(f"{package}: {member}: not the expected schema")
        kept.write_bytes(content)
    return json.loads(kept.read_bytes())


def no_duplicates(pairs):
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError(f"a member stands twice: {[name for name, _ in pairs]}")
    return members


def no_constant(name):
    raise ValueError(f"{name} is no JSON")


def load_documents(path):
    """(where, document) for each in the file."""
    text = pathlib.Path(path).read_bytes().decode("utf-8")
    pieces = text.removesuffix("\n").split("\n") if path.endswith(".jsonl") else [text]
    for number, piece in enumerate(pieces, 1):
        where = f"{path}:{number}" if path.endswith(".jsonl") else path
        yield where, json.loads(
            piece, object_pairs_hook=no_duplicates, parse_constant=no_constant
        )


def is_utf8(exact):
    try:
        exact.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def check_exact(where, name, exact, readable):
    """A name, or a list of names, in base64, of which one at least needs it."""
    exact = exact if isinstance(exact, list) else [exact]
    readable = readable if isinstance(readable, list) else [readable]
    if len(exact) != len(readable):
        raise ValueError(f"{where}: {name} is of another list")
    pairs = [(base64.b64decode(item, validate=True), text) for item, text in zip(exact, readable)]
    if all(is_utf8(item) for item, _ in pairs):
        raise ValueError(f"{where}: {name} without need")
    for item, text in pairs:
        if is_utf8(item) != ("\N{REPLACEMENT CHARACTER}" not in text):
            raise ValueError(f"{where}: {name} is of another text")


def check_base64(where, value):
    """What JSON Schema cannot say: NAME_base64 is canonical, and NAME is its readable form."""
    if isinstance(value, list):
        for item in value:
            check_base64(where, item)
    elif isinstance(value, dict):
        for name, item in value.items():
            if name.endswith("_base64"):
                check_exact(where, name, item, value[name.removesuffix("_base64")])
            else:
                check_base64(where, item)


def main(arguments):
    if arguments[0] == "--npm":
        schema = load_npm_schema(arguments[1], arguments[2])
        files = arguments[3:]
    else:
        schema = json.loads(pathlib.Path(arguments[0]).read_text(encoding="utf-8"))
        files = arguments[1:]
    validator_class = jsonschema.validators.validator_for(schema)
    validator_class.check_schema(schema)
    validator = validator_class(schema, format_checker=formats)
    failures = 0
    documents = 0
    for path in files:
        try:
            for where, document in load_documents(path):
                documents += 1
                errors = list(validator.iter_errors(document))
                failures += len(errors)
                for error in errors:
                    best = jsonschema.exceptions.best_match([error])
                    print(f"{where}: {best.json_path}: {best.message[:1000]}")
                if not errors:
                    check_base64(where, document)
        except (ValueError, binascii.Error) as error:
            failures += 1
            print(f"{path}: {error}")
    print(f"{documents} documents, {failures} errors")
    return 1 if failures > 0 or documents == 0 else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
