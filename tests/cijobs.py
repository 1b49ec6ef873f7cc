# SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
"""The shell steps of the jobs in data/ci, as their servers would run them.

Each reader gives, by the name of the job or stage, a list of steps; a step is a pair of the script
and the environment that it would have beyond that of the machine. What comes from a server's own
settings is given to the reader: secrets, credentials, variables.
"""

import json
import re

import yaml


def read_gitlab(path, settings):
    """A job's script is one step: GitLab runs its lines in one shell, which ends at an error."""
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    jobs = {}
    for name, job in document.items():
        if isinstance(job, dict) and "script" in job:
            # A project's settings win over what is in the file.
            environment = dict(document["variables"], **job.get("variables", {}))
            environment.update(settings)
            lines = job.get("before_script", []) + job["script"]
            jobs[name] = [("\n".join(lines), environment)]
    return jobs


def read_github(path, expressions):
    """EXPRESSIONS has what ${{ }} stands for, by what is in it."""
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    if document["defaults"]["run"]["shell"] != "sh":
        raise ValueError("the steps are not for sh")

    def resolve(variables):
        return {name: re.sub(r"\$\{\{ *(.*?) *\}\}", lambda m: expressions[m[1]], str(value))
                for name, value in variables.items()}
    jobs = {}
    for name, job in document["jobs"].items():
        environment = resolve({**document.get("env", {}), **job.get("env", {})})
        steps = [step for step in job["steps"] if "run" in step]
        if any("if" in step or "${{" in step["run"] for step in steps):
            raise ValueError(f"{name}: a step with a condition, or an expression in its script")
        jobs[name] = [(step["run"], {**environment, **resolve(step.get("env", {}))})
                      for step in steps]
    return jobs


def strip_groovy(text):
    """Without comments, which stand on lines of their own."""
    return "\n".join(line for line in text.splitlines() if not line.strip().startswith("//"))


def block_end(text, start):
    """Where the block ends whose first brace is at START or behind it. Braces in strings count."""
    depth = 0
    for match in re.compile(r"[{}]").finditer(text, start):
        depth += 1 if match[0] == "{" else -1
        if depth == 0:
            return match.end()
    raise ValueError("a block without an end")


def blocks(text, pattern):
    """The matches of PATTERN, which ends before a brace, and the blocks that follow them."""
    return [(match, text[match.end():block_end(text, match.end())])
            for match in re.finditer(pattern, text)]


def groovy_environment(text):
    return dict(re.findall(r"(\w+) = '([^']*)'", text))


def groovy_steps(text, environment, credentials):
    """The sh steps in their order; those within withCredentials get what is bound there."""
    steps = []
    bindings = {}
    for match, block in blocks(text, r"withCredentials\(\[([^]]*)\]\) "):
        pairs = re.findall(r"credentialsId: '([^']*)', variable: '([^']*)'", match[1])
        bindings[match.end()] = (match.end() + len(block),
                                 {name: credentials[key] for key, name in pairs})
    for match in re.finditer(r"^ *sh '([^']*)'$", text, re.MULTILINE):
        extra = {}
        for start, (end, values) in bindings.items():
            if start <= match.start() < end:
                extra.update(values)
        steps.append((match[1], {**environment, **extra}))
    return steps


def read_jenkins(path, credentials):
    text = strip_groovy(path.read_text(encoding="utf-8"))
    first_stage = text.index("stages {")
    common = groovy_environment(blocks(text[:first_stage], r"environment ")[0][1])
    stages = {}
    for match, block in blocks(text, r"stage\('([^']*)'\) "):
        own = [groovy_environment(inner) for _, inner in blocks(block, r"environment ")]
        environment = {**common, **(own[0] if own else {})}
        stages[match[1]] = groovy_steps(block, environment, credentials)
    count = len(re.findall(r"^ *(?:sh|bat)\b", text, re.MULTILINE))
    if count != sum(len(steps) for steps in stages.values()):
        raise ValueError("an sh step that was not understood")
    return stages


def read_packer(path, variables):
    """The inline commands of shell-local: one step, since Packer writes them into one script."""
    text = path.read_text(encoding="utf-8")
    values = {}
    for match, block in blocks(text, r'variable "(\w+)" '):
        default = re.search(r"default *= *(\"[^\"]*\")", block)
        values[match[1]] = json.loads(default[1]) if default else None
    values.update(variables)
    jobs = {}
    for _, block in blocks(text, r'post-processor "shell-local" '):
        def strings(name, block=block):
            inner = re.search(rf"\b{name} = \[(.*?)\]$", block, re.DOTALL | re.MULTILINE)[1]
            return [json.loads(found) for found in re.findall(r'"(?:[^"\\]|\\.)*"', inner)]
        pairs = [re.sub(r"\$\{var\.(\w+)\}", lambda m: values[m[1]], pair).split("=", 1)
                 for pair in strings("environment_vars")]
        jobs[f"post-processor-{len(jobs) + 1}"] = [("\n".join(strings("inline")), dict(pairs))]
    return jobs
