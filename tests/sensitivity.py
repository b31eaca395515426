#!/usr/bin/env python3
"""Gives the simulation a minute for each seeded mistake, and writes which of them it notices.

sensitivity.py [--only N]... [--beside N] [--target DIR] [--seconds N] [--jobs N] [--write]

All mistakes of testdata/switches.md are built into one copy of the program, each switched on at run time. A
mistake counts as noticed only by a schedule that breaks no rule without it, nor with the mistake that --beside
names: what another one adds to that. Prints a table; with --write it
takes the place of the one in docs/sensitivity.md. Python 3.9 or later, standard library only; Linux.
"""

import argparse
import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import mutants

ROOT = pathlib.Path(__file__).resolve().parent.parent
SWITCHES = ROOT / "tests" / "testdata" / "switches.md"
MAIN = ROOT / "tests" / "testdata" / "sensitivity.rs"
TABLE = ROOT / "docs" / "sensitivity.md"
HEAD = "| No. | Mistake | Simulation | After | What it said |\n|---|---|---|---|---|\n"
# What the simulation has no part of, and what is refused in code that ships.
LEFT_OUT = re.compile(r'^(?:#\[cfg\(feature = "otlp"\)\]\n)?pub mod (?:cli|config|traces);\n', re.M)
LINTS = re.compile(r"^\[lints[^\]]*\]\n.*?(?=^\[|\Z)", re.M | re.S)
SWITCH = """
/// The mistake that is made now.
pub static MUTANT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);

#[inline]
fn mutant(number: u32) -> bool {
    MUTANT.load(std::sync::atomic::Ordering::Relaxed) == number
}
"""


def switches():
    """File, text that goes, text that comes."""
    text = SWITCHES.read_text()
    for fence in re.findall(r"^```diff\n(.*?)^```$", text, re.M | re.S):
        for entry in fence.strip("\n").split("\n\n"):
            head, *lines = entry.split("\n")
            gone = "\n".join(line[1:] for line in lines if line[0] == "-")
            come = "\n".join(line[1:] for line in lines if line[0] == "+")
            yield head.split(" ")[2], gone, come


def seed(tree):
    """Makes every mistake in the tree, none of them switched on."""
    for file, gone, come in switches():
        path = tree / file
        whole = path.read_text()
        if whole.count(gone) != 1:
            sys.exit(f"{file}: a text of {SWITCHES.name} occurs {whole.count(gone)} times:\n{gone}")
        path.write_text(whole.replace(gone, come))
    library = tree / "src" / "lib.rs"
    library.write_text(LEFT_OUT.sub("", library.read_text()) + SWITCH)
    manifest = tree / "Cargo.toml"
    manifest.write_text(LINTS.sub("", manifest.read_text()))
    shutil.copy(MAIN, tree / "src" / "main.rs")


def program(tree, target):
    env = dict(os.environ, CARGO_TARGET_DIR=str(target), CARGO_TERM_COLOR="never")
    env.pop("RUSTFLAGS", None)
    arguments = ["cargo", "build", "--profile", "simulation", "--quiet", "--bin", "classiclinkd", "--features", "simtest"]
    built = subprocess.run(arguments, cwd=tree, env=env, capture_output=True, text=True, errors="replace")
    if built.returncode != 0:
        sys.exit(built.stderr[-6000:])
    return target / "simulation" / "classiclinkd"


def noticed(command, beside, numbers, mistakes):
    """A row for each mistake."""
    # None first: what it says of no mistake, it says of each.
    first = [] if beside else ["0"]
    running = subprocess.Popen([*command, str(beside), *first, *map(str, numbers)], stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL, text=True)
    rows = {}
    for line in running.stdout:
        number, took, schedule, said = line.rstrip("\n").split("\t")
        if number == "0":
            if schedule:
                running.kill()
                sys.exit(f"without any mistake, seed {schedule}: {said}")
            continue
        said = re.sub(r"^at \S+ s: | \(.*", "", said)
        seen = f"found | {took} s | {said} (seed {schedule}) |" if schedule else f"not seen | {took} s | |"
        rows[int(number)] = f"| {number} | {mistakes[int(number)]} | {seen}\n"
        print(rows[int(number)], end="", flush=True)
    if running.wait() != 0 or len(rows) != len(numbers):
        sys.exit("it ended early")
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", type=int, action="append", metavar="N", help="may be repeated")
    parser.add_argument("--beside", type=int, default=0, metavar="N", help="what is noticed of that one does not count")
    parser.add_argument("--seconds", type=int, default=60, help="of one processor, for each")
    parser.add_argument("--target", type=pathlib.Path, default=ROOT / "target" / "sensitivity",
                        help="what is built, kept between runs")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="mistakes at the same time")
    parser.add_argument("--write", action="store_true", help="put the table into docs/sensitivity.md")
    options = parser.parse_args()
    mistakes = {mutant.number: mutant.mistake for mutant in mutants.parse(mutants.CATALOGUE.read_text())}
    known = re.findall(r"crate::mutant\((\d+)\)", SWITCHES.read_text())
    numbers = options.only or list(dict.fromkeys(map(int, known)))
    with tempfile.TemporaryDirectory(prefix="sensitivity-") as folder:
        tree = pathlib.Path(folder) / "tree"
        shutil.copytree(ROOT, tree, ignore=mutants.LEFT_OUT, symlinks=True, copy_function=shutil.copy)
        seed(tree)
        command = [program(tree, options.target.resolve()), str(options.seconds)]
        with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
            shares = [numbers[share::options.jobs] for share in range(options.jobs)]
            rows = {}
            for part in pool.map(lambda share: noticed(command, options.beside, share, mistakes), filter(None, shares)):
                rows.update(part)
    rows = [rows[number] for number in numbers]
    print(f"{sum('| found |' in row for row in rows)} of {len(rows)} noticed")
    if options.write:
        before = TABLE.read_text()
        TABLE.write_text(before[:before.index(HEAD)] + HEAD + "".join(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
