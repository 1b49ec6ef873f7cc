#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
"""What data/ci and docs/ci.md say, held against what --help says.

Usage: ci-files.py PROGRAM SOURCE-DIRECTORY CHECK [FILE]; the checks are the functions below.
"""

import collections
import pathlib
import re
import shlex
import subprocess
import sys

PROGRAM = sys.argv[1]
SOURCE = pathlib.Path(sys.argv[2])
DIRECTORY = SOURCE / "data" / "ci"
DOCUMENT = SOURCE / "docs" / "ci.md"
PIPELINE = DIRECTORY / "pipeline.sh"
sys.path.insert(0, str(SOURCE / "tests"))

# What a project has to bring along.
OWN_SCRIPTS = {"ci/build-image", "ci/publish", "ci/fetch", "ci/fetch-clone"}
OTHER_COMMANDS = {"export", "meson", "ninja", "rm", "tools/bootstrap"}
# What each step of pipeline.sh gives its options to.
VERBS_OF_STEP = {"scan": ["scan"], "scan-and-seed": ["scan", "seed", "verify"],
                 "verify": ["verify"], "refresh": ["verify", "scan", "refresh"],
                 "scan-clone": ["scan"]}
# Variables that the jobs have for themselves.
JOB_VARIABLES = {"VTEMPLATER_CI", "VTEMPLATER_CONTAINER"}


class Anything(dict):
    def __missing__(self, key):
        return "something"


def output_of(*words):
    return subprocess.run(words, stdout=subprocess.PIPE, check=True, text=True).stdout


def options_of(verb):
    """The long options of a verb; True for those with a value."""
    found = re.findall(r"^ *(?:-\w, )?(--[a-z-]+)(=)?", output_of(PROGRAM, verb, "--help"),
                       re.MULTILINE)
    return {name: bool(value) for name, value in found}


def verbs():
    section = output_of(PROGRAM, "--help").split("Verbs:\n")[1].split("\n\n")[0]
    return [line.split()[0] for line in section.splitlines()]


def steps():
    section = output_of("sh", PIPELINE, "--help").split("Steps:\n")[1].split("\n\n")[0]
    return [line.split()[0] for line in section.splitlines()]


def pipeline_variables():
    section = output_of("sh", PIPELINE, "--help").split("Environment:\n")[1].split("\n\n")[0]
    return [line.split()[0] for line in section.splitlines()]


def check_words(verb, words):
    """Each option must be one of the verb's; what is beside them are arguments."""
    known = options_of(verb)
    for word in words:
        name = word.split("=")[0]
        if name.startswith("--") and name not in known:
            raise AssertionError(f"{verb} has no {name}: {words}")


def check_pipeline_words(words):
    step, rest = words[0], words[1:]
    if step not in VERBS_OF_STEP:
        raise AssertionError(f"pipeline.sh has no step {step}")
    for verb in VERBS_OF_STEP[step]:
        check_words(verb, rest)


def check_line(line):
    """A command line; gives what it runs."""
    words = shlex.split(line)
    while words and re.fullmatch(r"\w+=.*", words[0]):
        words = words[1:]
    if not words:
        return ""
    if words[0] == "sh":
        words = words[1:]
    script = pathlib.PurePath(words[0]).name
    if script == "vtemplater":
        if words[1] not in verbs():
            raise AssertionError(f"vtemplater has no verb {words[1]}")
        check_words(words[1], words[2:])
    elif script == "pipeline.sh":
        check_pipeline_words(words[1:])
    elif script == "packer-post-processor.sh":
        check_pipeline_words(["scan-and-seed", *words[1:]])
    elif words[0] not in OWN_SCRIPTS | OTHER_COMMANDS:
        raise AssertionError(f"what is {words[0]}?")
    return script


def check_steps(jobs):
    seen = collections.Counter()
    for job, parts in jobs.items():
        if not parts:
            raise AssertionError(f"{job} runs nothing")
        for script, environment in parts:
            known = set(pipeline_variables()) | JOB_VARIABLES
            unknown = {name for name in environment if name.startswith("VTEMPLATER")} - known
            if unknown:
                raise AssertionError(f"{job}: nobody reads {unknown}")
            for name in re.findall(r"\$(\w+)", script):
                # CLONE may be set by who starts the job.
                if name not in environment and name != "CLONE":
                    raise AssertionError(f"{job}: nothing sets {name}")
            for line in re.split(r"\n|&&", script):
                seen[check_line(line)] += 1
    if not seen["pipeline.sh"] + seen["packer-post-processor.sh"]:
        raise AssertionError("nothing is scanned")


def gitlab():
    import cijobs  # pylint: disable=import-outside-toplevel
    path = DIRECTORY / "gitlab-ci.yml"
    check_steps(cijobs.read_gitlab(path, {}))
    document = cijobs.yaml.safe_load(path.read_text(encoding="utf-8"))
    for name in cijobs.read_gitlab(path, {}):
        if document[name]["stage"] not in document["stages"]:
            raise AssertionError(f"{name}: no stage {document[name]['stage']}")


def github():
    import cijobs  # pylint: disable=import-outside-toplevel
    check_steps(cijobs.read_github(DIRECTORY / "github-actions.yml", Anything()))


def jenkins():
    import cijobs  # pylint: disable=import-outside-toplevel
    path = DIRECTORY / "Jenkinsfile"
    balanced(cijobs.strip_groovy(path.read_text(encoding="utf-8")))
    check_steps(cijobs.read_jenkins(path, Anything()))


def packer():
    import cijobs  # pylint: disable=import-outside-toplevel
    path = DIRECTORY / "vtemplater.pkr.hcl"
    balanced(re.sub(r"^ *#.*$", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE))
    check_steps(cijobs.read_packer(path, {}))


def balanced(text):
    """That strings end on their line, and brackets where they should."""
    text = re.sub(r"'[^'\n]*'|\"(?:[^\"\\\n]|\\.)*\"", "", text)
    opened = []
    for sign in text:
        if sign in "([{":
            opened.append(sign)
        elif sign in ")]}" and (not opened or opened.pop() + sign not in ("()", "[]", "{}")):
            raise AssertionError(f"a {sign} too many")
        elif sign in "'\"":
            raise AssertionError("a string without an end")
    if opened:
        raise AssertionError(f"without an end: {opened}")


def document():
    """Command lines in blocks, options and variables anywhere."""
    text = DOCUMENT.read_text(encoding="utf-8")
    count = 0
    for block in re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        for line in block.replace("\\\n", " ").splitlines():
            if line and not line.startswith("#"):
                check_line(line)
                count += 1
    if count == 0:
        raise AssertionError("no command line is in it")
    known = {name for verb in verbs() for name in options_of(verb)} | {"--suite", "--help"}
    for name in re.findall(r"`(--[a-z-]+)", text):
        if name not in known:
            raise AssertionError(f"no verb has {name}")
    for code in re.findall(r"`vtemplater ([a-z][^`]*)`", text):
        words = shlex.split(code)
        if words[0] not in verbs():
            raise AssertionError(f"vtemplater has no verb {words[0]}")
        check_words(words[0], words[1:])
    for code in re.findall(r"`pipeline\.sh ([a-z][^`]*)`", text):
        check_pipeline_words(shlex.split(code))
    unknown = set(re.findall(r"\bVTEMPLATER_[A-Z_]+\b", text)) - set(pipeline_variables())
    if unknown - JOB_VARIABLES:
        raise AssertionError(f"nobody reads {unknown}")


def pipeline():
    """--help names the steps and the variables that the script has."""
    text = PIPELINE.read_text(encoding="utf-8").split("\nUSAGE\n", 2)[-1]
    if sorted(steps()) != sorted(VERBS_OF_STEP):
        raise AssertionError(f"steps: {steps()}")
    read = set(re.findall(r"\$\{(VTEMPLATER\w*):-", text))
    if read != set(pipeline_variables()):
        raise AssertionError(f"in one and not the other: {read ^ set(pipeline_variables())}")


def calls(path):
    """Lines of what pipeline.sh has called vtemplater with."""
    lines = pathlib.Path(path).read_text(encoding="utf-8").splitlines()
    if {line.split()[0] for line in lines} != {"scan", "seed", "verify", "refresh"}:
        raise AssertionError("not all verbs were called")
    for line in lines:
        words = line.split()
        check_words(words[0], words[1:])


if __name__ == "__main__":
    globals()[sys.argv[3]](*sys.argv[4:])
