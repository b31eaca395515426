//! What a fuzzer does to an input, without one: for `cargo test`, with any compiler.

use std::ops::Range;

/// Pieces that mean something to one reader or another.
const PIECES: [&str; 24] = [
    "\n",
    "  ",
    "- ",
    ": ",
    "---\n",
    "[]",
    "{}",
    "\"",
    "'",
    "|-\n",
    "&a ",
    "*a",
    "#",
    "null",
    "0",
    "-1",
    "18446744073709551615",
    "\u{1b}",
    "\u{202e}",
    "\u{1c}",
    "@K",
    "\\u0000",
    "vpc-a",
    "i-a",
];

/// `input` with one to six things wrong in it; `other` is where a foreign piece comes from.
pub fn damaged(input: &[u8], other: &[u8], random: &mut fastrand::Rng) -> Vec<u8> {
    let mut data = input.to_vec();
    for _ in 0..random.usize(1..=6) {
        let place = part(&data, random);
        match random.u8(..6) {
            0 => data.truncate(place.start),
            1 => drop(data.drain(place)),
            2 => {
                let piece = data[place.clone()].to_vec();
                data.splice(place.start..place.start, piece);
            }
            3 => drop(data.splice(place, random.choice(PIECES).unwrap_or_default().bytes())),
            4 => drop(data.splice(place, other[part(other, random)].to_vec())),
            _ => data[place].iter_mut().for_each(|byte| *byte ^= 1 << random.u8(..8)),
        }
    }
    data
}

/// A part of it, mostly a short one.
fn part(data: &[u8], random: &mut fastrand::Rng) -> Range<usize> {
    let from = random.usize(..=data.len());
    let most = if random.bool() { 4 } else { data.len() };
    from..(from + random.usize(..=most)).min(data.len())
}
