#!/usr/bin/env python3
"""Writes docs/gallery.md: runs tornwrite on each scenario of this directory and tells what came of it.

usage: gallery.py TORNWRITE [--results DIR] [--output FILE] [NAME...]

The page is a function of the scenarios and of the results, which are JSON reports. With --results
they are kept in DIR, and those that are there are not made again. Names choose scenarios, for a look at
some of them on standard output. Nothing is needed but Python 3 and what the scenarios need.
"""
import argparse
import json
import pathlib
import platform
import subprocess
import sys
import tempfile
import textwrap

HERE = pathlib.Path(__file__).resolve().parent
PROPERTIES = "atomicity", "consistency", "durability"
ADJECTIVES = {"atomicity": "atomic", "consistency": "consistent", "durability": "durable"}
COLUMNS = "kill", "posix", "ext4", "errors"
SIGNS = {"holds": "✓", "violated": "✗", "unknown": "?", "not-tested": "–"}
# The worst of several verdicts is the one of them all.
WORST_FIRST = "violated", "unknown", "holds", "not-tested"
SKIPPED = 77
TIME_LIMIT = "120"  # seconds, of one program; hardly any needs a sixth of it
WIDTH = 100

INTRODUCTION = """\
# Gallery: what well-known programs leave behind

Each program below rewrites files, and was run under `tornwrite check` ([checking.md](checking.md))
with a scenario of `scenarios/programs/`: killed after each of its operations, its power cut in every
state that POSIX allows (`posix`) and in every state of ext4 with its default options (`ext4`), and
with each of its calls failing once (EIO, ENOSPC, a full disk, EINTR, short reads and writes). What
is judged is [verdicts.md](verdicts.md)'s; what the models allow, [models.md](models.md)'s.

A violation is no accusation. `cp` truncates its target since POSIX says so; most programs never
promised anything about power cuts; and what ext4 does for a rename nobody needs to know. Below each
table it says what was found, in which operations, and whether that is documented. `posix` is a
promise on paper, and no file system is as bad as it allows; code that holds there holds everywhere.

The page is generated: `./dev gallery`. This one was made on {system}, Linux {kernel}, by tornwrite
{version}; other versions of the programs may do better, or worse.

In each column the three signs are *atomic*, *consistent*, *durable*: ✓ holds, ✗ violated, ? unknown
(not all was looked at; it says why), – not tested. *Errors* is the worst of all failing calls;
*honest* is ✗ where a call failed, the program said that it was done, and it was not.
"""

GROUPS = (
    ("Safe", "Neither a kill nor a power cut leaves anything but the old state or the new one, and "
     "what was acknowledged is there. The file is synced under another name, and renamed; then the "
     "directory is synced. Or a log does as much."),
    ("Nothing found, and not all looked at", "No violation by a kill or a power cut, but something "
     "stays open."),
    ("Atomic, and durable too late", "The data is synced before the rename, so every crash leaves the "
     "old state or the new one. But the directory is not synced: the program ends with success, and "
     "a power cut brings the old state back."),
    ("Atomic where the file system helps", "A new file is renamed over the old one, and nothing is "
     "synced. A kill cannot hurt. After a power cut POSIX allows the new name with no data; ext4 "
     "writes the data first when a rename replaces a file (auto_da_alloc), xfs does not."),
    ("Atomic against kills only", "A power cut can damage what was there before, on ext4 too."),
    ("Not atomic", "A kill is enough: for a moment there is no whole file under its name."),
)


def read_scenario(path):
    """The keys of [program]; the lines of a value are joined."""
    keys, last = {}, None
    for line in path.read_text().splitlines():
        if not line.strip() or line[0] in "#;[":
            continue
        if line[0].isspace():
            keys[last] += ("\n" if keys[last] else "") + line.strip()
        else:
            last, _, value = (part.strip() for part in line.partition("="))
            keys[last] = value
    return keys


def run(tornwrite, path, scenario, results):
    """The report, or None where the program is not installed."""
    report = results / (path.stem + ".json")
    if report.exists():
        return json.loads(report.read_text())
    done = subprocess.run(
        [tornwrite, "check", "--scenario", path, "--json", report, "--progress", "never",
         "--time-limit", scenario.get("time_limit", TIME_LIMIT),
         "--witness-dir", results / "witness"], capture_output=True, text=True)
    if done.returncode == SKIPPED:
        return None
    if done.returncode not in (0, 1) or not report.exists():
        report.unlink(missing_ok=True)
        sys.exit(f"error: {path.stem}: exit status {done.returncode}\n{done.stderr}{done.stdout}")
    return json.loads(report.read_text())


def version_of(scenario):
    done = subprocess.run(["sh", "-c", scenario["version"]], capture_output=True, text=True)
    return " ".join(done.stdout.split()) if not done.returncode and done.stdout.strip() else "unknown"


def column_of(result):
    if result["fault"] == "kill":
        return "kill"
    return result["model"] if result["fault"] == "power" else "errors"


class Program:
    def __init__(self, name, scenario, version, report):
        self.name, self.scenario, self.version = name, scenario, version
        self.results = [r for r in report["results"] if r["property"] in PROPERTIES]

    def select(self, column, wanted):
        return [r for r in self.results if column_of(r) == column and r["property"] == wanted]

    def verdict(self, column, wanted):
        found = [r["verdict"] for r in self.select(column, wanted)]
        return next(v for v in WORST_FIRST if v in found)

    def causes(self, column, wanted):
        return [(r, c) for r in self.select(column, wanted) for c in r.get("causes") or []]

    def lies(self):
        return [(r, c) for p in PROPERTIES for r, c in self.causes("errors", p)
                if not c.get("honest", True)]

    def cell(self, column):
        return "".join(SIGNS[self.verdict(column, p)] for p in PROPERTIES)

    def honest(self):
        if self.lies():
            return "✗"
        return "?" if any(self.verdict("errors", p) == "unknown" for p in PROPERTIES) else "✓"

    def group(self):
        crashes = {(c, p): self.verdict(c, p) for c in COLUMNS[:3] for p in PROPERTIES}

        def is_broken(column):
            return "violated" in (crashes[column, "atomicity"], crashes[column, "consistency"])
        if is_broken("kill"):
            return 5
        if is_broken("ext4"):
            return 4
        if is_broken("posix"):
            return 3
        if "violated" in crashes.values():
            return 2
        return 1 if "unknown" in crashes.values() else 0


def quote(text):
    return " ".join(text.split())


def fill(text, indent=""):
    return textwrap.fill(quote(text), WIDTH, subsequent_indent=indent, break_long_words=False,
                         break_on_hyphens=False)


def findings(program):
    """The smallest crash of each kind, in words; one that two columns share is told once."""
    told = {}
    for column in COLUMNS:
        for wanted in PROPERTIES:
            causes = program.causes(column, wanted)
            # What is told as done and is not comes before what is told.
            causes.sort(key=lambda found: found[1].get("honest", True))
            if causes:
                told.setdefault((wanted, quote(causes[0][1]["detail"])), []).append(column)
    for (wanted, detail), columns in told.items():
        where = {"kill": "Kill", "errors": "Failing call"}.get(
            columns[0], f"Power cut ({', '.join(columns)})")
        yield fill(f"- {where}, not {ADJECTIVES[wanted]}: {detail.removeprefix('power cut ')}.", "  ")
    unknown = {}
    for result in program.results:
        if result["verdict"] == "unknown":
            where = result["fault"] if not result["model"] else "power cuts under " + result["model"]
            unknown.setdefault(quote(result["detail"]), {})[where] = True
    for why, where in unknown.items():
        yield fill(f"- Unknown ({', '.join(where)}): {why}.", "  ")


def paragraph(program):
    scenario = program.scenario
    lines = [f"#### {program.name}", "", fill(scenario["summary"] + "."), ""]
    found = list(findings(program))
    lines += found + [""] if found else []
    for key, title in ("note", ""), ("documented", "*Documented?* "):
        if scenario.get(key):
            lines += [fill(title + scenario[key]), ""]
    return lines + [f"`tornwrite check --scenario scenarios/programs/{program.name}.ini`", ""]


def page(programs, skipped, report):
    release = platform.freedesktop_os_release()["PRETTY_NAME"]
    introduction = INTRODUCTION.format(system=release, kernel=report["environment"]["kernel"],
                                       version=report["tool"]["version"])
    lines = ["\n\n".join(fill(text) for text in introduction.split("\n\n")), ""]
    for number, (title, text) in enumerate(GROUPS):
        members = [p for p in programs if p.group() == number]
        if not members:
            continue
        lines += [f"## {title}", "", fill(text), "",
                  "| program | version | kill | posix | ext4 | errors | honest |",
                  "|---|---|---|---|---|---|---|"]
        for program in members:
            cells = " | ".join(program.cell(column) for column in COLUMNS)
            name = f"[{program.scenario['summary']}](#{program.name})"
            lines.append(f"| {name} | {program.version} | {cells} | {program.honest()} |")
        lines.append("")
        for program in members:
            lines += paragraph(program)
    if skipped:
        lines += ["## Not installed here", "", fill(", ".join(skipped) + "."), ""]
    return "\n".join(lines).rstrip() + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tornwrite")
    parser.add_argument("--results", type=pathlib.Path)
    parser.add_argument("--output", type=pathlib.Path)
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    programs, skipped, report = [], [], None
    with tempfile.TemporaryDirectory(prefix="tornwrite-gallery-") as scratch:
        results = options.results or pathlib.Path(scratch)
        results.mkdir(parents=True, exist_ok=True)
        for path in sorted(HERE.glob("*.ini")):
            if options.names and path.stem not in options.names:
                continue
            scenario = read_scenario(path)
            print(path.stem, file=sys.stderr, flush=True)
            found = run(options.tornwrite, path, scenario, results)
            if found is None:
                skipped.append(path.stem)
                continue
            report = found
            programs.append(Program(path.stem, scenario, version_of(scenario), found))
    if not programs:
        sys.exit("error: none of the programs is installed")
    text = page(programs, skipped, report)
    if options.output and not options.names:
        options.output.write_text(text)
    else:
        print(text, end="")


main()
