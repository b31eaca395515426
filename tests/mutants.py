#!/usr/bin/env python3
"""Makes each seeded mistake of testdata/mutants.md and demands that its test notices.

mutants.py [--only N]... [--list] [--target DIR] [--timeout SECONDS] [--build-timeout SECONDS]
           [--simulate FILE]

The tree is copied once; each mistake is made in the copy, its test is built and run, and the mistake
is taken back. One line each: caught, hangs (the test did not end in time, which is noticed, too),
SURVIVES, or BROKEN where the mistake does not fit or does not compile: that shows nothing. The exit
code is 1 unless every one is noticed. Python 3.9 or later, standard library only.

With --simulate the simulation takes the place of the tests: it is built with each mistake, without the
command line, and has a minute on one core to break a rule; what it found is added to FILE, a table.
"""

import argparse
import dataclasses
import os
import pathlib
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
CATALOGUE = ROOT / "tests" / "testdata" / "mutants.md"
LEFT_OUT = shutil.ignore_patterns("target", ".git", "__pycache__")
# The simulation and nothing else, because it is built again and again.
BARE = """//! Runs schedules until one breaks a rule, or for so many seconds.

use classiclinkd::simulation::{Size, Which, run};

fn main() {
    let seconds = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(60);
    let begun = std::time::Instant::now();
    let enough = || begun.elapsed().as_secs() >= seconds;
    let tally = run(&Which::Seeds(0, u64::MAX), 1, Size::default(), 1, 1, enough).unwrap();
    println!("{} schedules", tally.trials);
    for (trial, said) in &tally.failed {
        said.iter().for_each(|said| println!("seed {}: {said}", trial.seed));
    }
    std::process::exit(i32::from(!tally.failed.is_empty()));
}
"""
HEAD = re.compile(r"# (\d+) (.+)")
PLACE = re.compile(r"# (\S+) (lib|it) (\S+)")


@dataclasses.dataclass
class Mutant:
    number: int
    mistake: str
    file: str
    kind: str
    test: str
    before: str
    after: str


def parse(text):
    mutants = []
    for fence in re.findall(r"^```diff\n(.*?)^```$", text, re.M | re.S):
        for block in fence.strip("\n").split("\n\n"):
            head, place, *lines = block.split("\n")
            number, mistake = HEAD.fullmatch(head).groups()
            file, kind, test = PLACE.fullmatch(place).groups()
            before = "\n".join(line[1:] for line in lines if line[0] in " -")
            after = "\n".join(line[1:] for line in lines if line[0] in " +")
            mutants.append(Mutant(int(number), mistake, file, kind, test, before, after))
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
        path = self.tree / mutant.file
        whole = path.read_text()
        if whole.count(mutant.before) != 1 or mutant.before == mutant.after:
            return "BROKEN", f"its text occurs {whole.count(mutant.before)} times"
        path.write_text(whole.replace(mutant.before, mutant.after))
        try:
            word, out = self.test(mutant.kind, [mutant.test])
        finally:
            path.write_text(whole)
        verdict = {"fails": "caught", "hangs": "hangs", "passes": "SURVIVES"}.get(word, "BROKEN")
        return verdict, f"{word}\n{out[-3000:]}" if verdict == "BROKEN" else ""


    def simulate(self, mutant, seconds=60):
        """What the simulation makes of one mistake: a word, after how long, and what it said."""
        path = self.tree / mutant.file
        whole = path.read_text()
        if whole.count(mutant.before) != 1:
            return "BROKEN", 0, f"its text occurs {whole.count(mutant.before)} times"
        path.write_text(whole.replace(mutant.before, mutant.after))
        try:
            return self.simtest(seconds)
        finally:
            path.write_text(whole)

    def simtest(self, seconds):
        # Fast enough to see something in a minute, and built in less.
        env = dict(self.env, CARGO_PROFILE_DEV_OPT_LEVEL="1")
        built = subprocess.run(["cargo", "build", "--bin", "classiclinkd", "--features", "simtest"], cwd=self.tree, env=env,
                               capture_output=True, text=True, errors="replace")
        if built.returncode != 0:
            return "BROKEN", 0, built.stderr[-3000:]
        program = self.options.target / "debug" / "classiclinkd"
        # Time on a core, and not by the clock: others may be working on the machine.
        limited = ["sh", "-c", f'ulimit -t {seconds}; exec "$0" "$@"', program, str(20 * seconds)]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        try:
            ran = subprocess.run(limited, capture_output=True, text=True, errors="replace", timeout=20 * seconds + 120)
        except subprocess.TimeoutExpired:
            return "found", seconds, "a schedule does not end"
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        took = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        if ran.returncode in (-signal.SIGXCPU, -signal.SIGKILL):
            return "not seen", took, ""
        said = re.search(r"^seed (\d+): at \S+ s: ([^(\n]+)", ran.stdout, re.M)
        if ran.returncode == 0:
            return "not seen", took, ""
        said = f"{said[2].strip()} (seed {said[1]})" if said else (ran.stderr.strip()[-200:] or "?")
        return "found", took, said


def simulated(bench, mutants, file):
    """Runs the simulation with each mistake, and writes the table."""
    library = bench.tree / "src" / "lib.rs"
    library.write_text(re.sub(r"^pub mod (cli|config);\n", "", library.read_text(), flags=re.M))
    (bench.tree / "src" / "main.rs").write_text(BARE)
    word, _, said = bench.simtest(20)
    if word != "not seen":
        sys.exit(f"without any mistake the simulation says: {word} {said}")
    rows = {}
    for mutant in mutants:
        word, took, said = bench.simulate(mutant)
        rows[mutant.number] = f"| {mutant.number} | {mutant.mistake} | {word} | {took:.1f} s | {said} |"
        print(f"{mutant.number:4}  {word:8}  {took:5.1f} s  {mutant.mistake}: {said}", flush=True)
        with open(file, "a", encoding="utf-8") as table:
            print(rows[mutant.number], file=table)
    return 0 if not any("| BROKEN |" in row for row in rows.values()) else 1


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
    parser.add_argument("--simulate", type=pathlib.Path, metavar="FILE",
                        help="by simulation; rows are added to FILE")
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
            print(f"{mutant.number:4}  {mutant.file}: {mutant.mistake}")
        return 0 if mutants else 2
    counts = {}
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        tree = pathlib.Path(folder) / "tree"
        # With new times: cargo would take what was last built of another copy for what is here.
        shutil.copytree(ROOT, tree, ignore=LEFT_OUT, symlinks=True, copy_function=shutil.copy)
        bench = Bench(tree, options)
        if options.simulate:
            return simulated(bench, mutants, options.simulate.resolve())
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
