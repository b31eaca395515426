#!/usr/bin/env python3
"""Makes each seeded mistake of testdata/mutants.md and demands that its test notices.

mutants.py [--only N]... [--list] [--target DIR] [--timeout SECONDS] [--build-timeout SECONDS]

The tree is copied once; each mistake is made in the copy, its test is built and run, and the mistake
is taken back. One line each: caught, hangs (the test did not end in time, which is noticed, too),
SURVIVES, or BROKEN where the mistake does not fit or does not compile: that shows nothing. The exit
code is 1 unless every one is noticed. Python 3.9 or later, standard library only.
"""

import argparse
import dataclasses
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
CATALOGUE = ROOT / "tests" / "testdata" / "mutants.md"
LEFT_OUT = shutil.ignore_patterns("target", ".git", "__pycache__")
HEAD = re.compile(r"# (\d+) (.+)")
PLACE = re.compile(r"# (\S+) (lib|it) (\S+)")
# Of a mistake in several places, the next one.
NEXT = re.compile(r"# (\S+)")


@dataclasses.dataclass
class Mutant:
    number: int
    mistake: str
    kind: str
    test: str
    changes: list


@dataclasses.dataclass
class Change:
    file: str
    before: str
    after: str


def change(file, lines):
    before = "\n".join(line[1:] for line in lines if line[0] in " -")
    after = "\n".join(line[1:] for line in lines if line[0] in " +")
    return Change(file, before, after)


def parse(text):
    mutants = []
    for fence in re.findall(r"^```diff\n(.*?)^```$", text, re.M | re.S):
        for block in fence.strip("\n").split("\n\n"):
            head, place, *rest = block.split("\n")
            number, mistake = HEAD.fullmatch(head).groups()
            file, kind, test = PLACE.fullmatch(place).groups()
            hunks = [(file, [])]
            for line in rest:
                following = NEXT.fullmatch(line)
                if following:
                    hunks.append((following[1], []))
                else:
                    hunks[-1][1].append(line)
            mutants.append(Mutant(int(number), mistake, kind, test, [change(*hunk) for hunk in hunks]))
    return mutants


class Bench:
    """A copy of the tree in which mistakes are made."""

    def __init__(self, tree, options):
        self.tree = tree
        self.options = options
        # Nobody debugs a mutant, and what changes is one crate.
        self.env = dict(os.environ, CARGO_TARGET_DIR=str(options.target), CARGO_INCREMENTAL="1",
                        CARGO_PROFILE_DEV_DEBUG="0", CARGO_TERM_COLOR="never", RUST_BACKTRACE="0")
        # A mistake may leave something unused.
        self.env.pop("RUSTFLAGS", None)

    def cargo(self, arguments, timeout):
        """Output and exit code; no exit code where it did not end in time."""
        process = subprocess.Popen(["cargo", "test", *arguments], cwd=self.tree, env=self.env,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                   errors="replace", start_new_session=True)
        try:
            out, _ = process.communicate(timeout=timeout)
            return out, process.returncode
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            return process.communicate()[0], None

    @staticmethod
    def target_of(kind):
        return ["--lib"] if kind == "lib" else ["--test", "it"]

    def test(self, kind, names):
        """One word, and what was said."""
        target = self.target_of(kind)
        out, code = self.cargo([*target, "--no-run"], self.options.build_timeout)
        if code != 0:
            return "does not compile" if code else "is not built in time", out
        out, code = self.cargo([*target, "--", "--exact", *names], self.options.timeout)
        if code is None:
            return "hangs", out
        if f"running {len(names)} test" not in out:
            return "no such test", out
        return ("passes" if code == 0 else "fails"), out

    def make(self, mutant):
        """What became of one mistake."""
        paths = {change.file: self.tree / change.file for change in mutant.changes}
        whole = {file: path.read_text() for file, path in paths.items()}
        made = dict(whole)
        for change in mutant.changes:
            count = made[change.file].count(change.before)
            if count != 1 or change.before == change.after:
                return "BROKEN", f"its text occurs {count} times in {change.file}"
            made[change.file] = made[change.file].replace(change.before, change.after)
        for file, path in paths.items():
            path.write_text(made[file])
        try:
            word, out = self.test(mutant.kind, [mutant.test])
        finally:
            for file, path in paths.items():
                path.write_text(whole[file])
        verdict = {"fails": "caught", "hangs": "hangs", "passes": "SURVIVES"}.get(word, "BROKEN")
        return verdict, f"{word}\n{out[-3000:]}" if verdict == "BROKEN" else ""


def baseline(bench, mutants):
    """The tests have to pass where no mistake is made."""
    for kind in ("lib", "it"):
        names = sorted({mutant.test for mutant in mutants if mutant.kind == kind})
        if names:
            word, out = bench.test(kind, names)
            if word != "passes":
                sys.exit(f"without any mistake, the {kind} tests: {word}\n{out[-6000:]}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", type=int, action="append", metavar="N", help="may be repeated")
    parser.add_argument("--list", action="store_true", help="print the catalogue and end")
    parser.add_argument("--target", type=pathlib.Path, default=ROOT / "target" / "mutants",
                        help="what is built, kept between runs")
    parser.add_argument("--timeout", type=float, default=120, help="of one test")
    parser.add_argument("--build-timeout", type=float, default=1200, help="of one build")
    options = parser.parse_args()
    options.target = options.target.resolve()
    mutants = parse(CATALOGUE.read_text())
    if options.only:
        mutants = [mutant for mutant in mutants if mutant.number in options.only]
        mutants.sort(key=lambda mutant: options.only.index(mutant.number))
    if options.list or not mutants:
        for mutant in mutants:
            files = ", ".join(dict.fromkeys(change.file for change in mutant.changes))
            print(f"{mutant.number:4}  {files}: {mutant.mistake}")
        return 0 if mutants else 2
    counts = {}
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        tree = pathlib.Path(folder) / "tree"
        # With new times: cargo would take what was last built of another copy for what is here.
        shutil.copytree(ROOT, tree, ignore=LEFT_OUT, symlinks=True, copy_function=shutil.copy)
        bench = Bench(tree, options)
        baseline(bench, mutants)
        for mutant in mutants:
            began = time.monotonic()
            verdict, why = bench.make(mutant)
            counts[verdict] = counts.get(verdict, 0) + 1
            took = time.monotonic() - began
            print(f"{mutant.number:4}  {verdict:8}  {took:4.0f} s  {mutant.mistake}", flush=True)
            if why:
                print(why, flush=True)
    print(", ".join(f"{count} {verdict}" for verdict, count in sorted(counts.items())))
    return 0 if set(counts) <= {"caught", "hangs"} else 1


if __name__ == "__main__":
    sys.exit(main())
