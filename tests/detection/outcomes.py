# SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
"""Makes the probes and lets them be scanned; what is said of each."""

import json
import pathlib
import subprocess

import content
import probes

EXPECTATIONS = pathlib.Path(__file__).parent / "expectations.tsv"
_IMAGE_SIZE = "160M"


class Corpus:
    """The probes as files in a directory, a set of them in each folder."""

    def __init__(self, directory):
        self.root = pathlib.Path(directory)
        self.signatures = self.root / "signatures"
        content.write_signatures(self.signatures)
        for name in probes.SETS:
            probes.write(name, self.root / name)

    def image(self, name):
        """A set as an ext4 file system in a raw image."""
        image = self.root / f"{name}.raw"
        content.run("mke2fs", "-q", "-F", "-t", "ext4", "-N", "8000", "-d", self.root / name,
                    image, _IMAGE_SIZE, cwd=self.root)
        return image

    def scan(self, program):
        """Probe to outcome, by the vtemplater PROGRAM."""
        found = {}
        for name, (_, limits, _) in probes.SETS.items():
            manifest = self.root / "manifest.jsonl"
            done = subprocess.run(
                [program, "scan", "--quiet", "--backend", "direct", "--database",
                 self.signatures, "--store", "none", "--manifest", manifest, *limits,
                 self.image(name)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                check=False)
            if done.returncode not in (0, 1, 3):
                raise RuntimeError(f"scan of the set {name}: {done.stderr}")
            for line in manifest.read_text(encoding="utf-8").splitlines():
                entry = json.loads(line)
                found[entry["path"].lstrip("/")] = _outcome(entry)
        return found

    def clamscan(self, *options):
        """Probe to outcome, by clamscan with OPTIONS beside the same limits."""
        found = {}
        for name, (_, _, limits) in probes.SETS.items():
            folder = self.root / name
            done = subprocess.run(
                ["clamscan", "--no-summary", "--recursive", f"--database={self.signatures}",
                 *limits, *options, folder], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                text=True, check=False)
            for line in done.stdout.splitlines():
                path, _, words = line.rpartition(": ")
                if path.startswith(str(folder)):
                    found[path[len(str(folder)) + 1:]] = _clamscan_outcome(words)
        return found


def _outcome(entry):
    if entry["verdict"] == "infected":
        return "found" if entry["threat"].startswith("Probe.") else entry["threat"]
    return entry["verdict"] + (f" {entry['reason']}" if entry["verdict"] == "incomplete" else "")


def _clamscan_outcome(words):
    if words.startswith("Probe."):
        return "found"
    return words.removesuffix(" FOUND")


def is_empty(probe):
    """Whether nothing that would be found was ever in it."""
    return probe.endswith("/without")


def is_another(probe):
    """Whether the damage has made another content of what would be found."""
    return probe in probes.SCANNED_AS_ANOTHER


def wrongly_clean(outcomes):
    return sorted(probe for probe, outcome in outcomes.items()
                  if outcome == "clean" and not is_empty(probe) and not is_another(probe))


def read_expectations():
    lines = EXPECTATIONS.read_text(encoding="utf-8").splitlines()
    return dict(line.split("\t") for line in lines if not line.startswith("#"))


def write_expectations(outcomes):
    text = "# Written by tests/detection/update. The probe, and what vtemplater says of it.\n"
    text += "".join(f"{probe}\t{outcomes[probe]}\n" for probe in sorted(outcomes))
    EXPECTATIONS.write_text(text, encoding="utf-8")
