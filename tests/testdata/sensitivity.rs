//! Runs schedules with one seeded mistake after the other, each until it breaks a rule that the same schedule keeps
//! with another one or none, or for so many seconds of one processor. Put in the place of `src/main.rs` by `tests/sensitivity.py`.

use classiclinkd::simulation::{Size, Tally, Trial, Which, run};
use std::panic::AssertUnwindSafe;
use std::sync::atomic::Ordering;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Seconds of a processor so far.
fn processor() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap();
    let ticks: Vec<&str> = text.rsplit(')').next().unwrap().split_whitespace().collect();
    (ticks[11].parse::<f64>().unwrap() + ticks[12].parse::<f64>().unwrap()) / 100.0
}

fn switch(number: u32) {
    classiclinkd::MUTANT.store(number, Ordering::Relaxed);
}

/// The first schedule that the mistake breaks and the other one does not, and what it breaks.
fn found(number: u32, other: u32, enough: impl Fn() -> bool + Sync) -> Option<(u64, String)> {
    let mut from = 0;
    loop {
        switch(number);
        let which = Which::Seeds(from, u64::MAX);
        let one = AssertUnwindSafe(|| run(&which, 1, Size::default(), 1, 1, &enough));
        let ran = std::panic::catch_unwind(one);
        let Ok(tally) = ran else { return Some((from, "a panic".to_owned())) };
        let Tally { failed, .. } = tally.unwrap();
        let (Trial { seed, .. }, said) = failed.first()?;
        switch(other);
        let alone = Trial::of(*seed).run(Size::default(), false).unwrap();
        if number == other || alone.findings.violations.is_empty() {
            return Some((*seed, said[0].clone()));
        }
        from = seed + 1;
    }
}

fn main() {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse::<u32>().unwrap());
    let seconds = f64::from(arguments.next().unwrap());
    let other = arguments.next().unwrap();
    for number in arguments {
        let begun = processor();
        let said = found(number, other, || processor() - begun > seconds);
        let took = processor() - begun;
        match said {
            Some((seed, said)) => println!("{number}\t{took:.1}\t{seed}\t{said}"),
            None => println!("{number}\t{took:.1}\t\t"),
        }
    }
}
