//! A strict reader of OpenMetrics text (version 1.0.0), as far as the daemon may use it: what is not
//! exactly as the specification has it is a failure.

use std::collections::{BTreeMap, BTreeSet};

/// Name and value, in the order they stand.
type Labels = Vec<(String, String)>;

#[derive(Debug, Default)]
struct Announced {
    kind: String,
    unit: String,
    help: bool,
}

/// What one scrape said.
#[derive(Debug, Default)]
pub struct Exposition {
    pub text: String,
    families: BTreeMap<String, Announced>,
    samples: Vec<(String, Labels, f64)>,
}

impl Exposition {
    pub fn of(text: &str) -> Self {
        let mut read = Self { text: text.to_owned(), ..Self::default() };
        let body = text.strip_suffix("# EOF\n").unwrap_or_else(|| panic!("no end: {text}"));
        assert!(body.ends_with('\n') && !body.contains("# EOF"));
        let mut current = String::new();
        let mut seen = BTreeSet::new();
        for line in body.lines() {
            assert!(!line.contains('\r') && !line.is_empty(), "`{line}`");
            match line.strip_prefix("# ") {
                Some(comment) => read.comment(comment, &mut current),
                None => {
                    let (name, labels, value) = sample(line);
                    read.fits(&current, &name, &labels, value);
                    let mut key = labels.clone();
                    key.sort();
                    assert!(seen.insert((name.clone(), key)), "twice: {line}");
                    read.samples.push((name, labels, value));
                }
            }
        }
        read.histograms_add_up();
        read
    }

    fn comment(&mut self, comment: &str, current: &mut String) {
        let mut words = comment.splitn(3, ' ');
        let (what, name, rest) =
            (words.next().unwrap(), words.next().unwrap(), words.next().unwrap());
        assert!(is_name(name), "{name}");
        if name != current {
            assert!(!self.families.contains_key(name), "{name} is not in one piece");
            current.clear();
            current.push_str(name);
        }
        let family = self.families.entry(name.to_owned()).or_default();
        match what {
            "HELP" => {
                assert!(!family.help && !rest.is_empty(), "{comment}");
                family.help = true;
            }
            "TYPE" => {
                let kinds = ["counter", "gauge", "histogram", "info"];
                assert!(family.kind.is_empty() && kinds.contains(&rest), "{comment}");
                rest.clone_into(&mut family.kind);
            }
            "UNIT" => {
                assert!(family.unit.is_empty() && name.ends_with(&format!("_{rest}")), "{comment}");
                rest.clone_into(&mut family.unit);
            }
            _ => panic!("neither HELP, TYPE nor UNIT: {comment}"),
        }
    }

    /// Whether a sample may stand in the family that was announced last.
    fn fits(&self, current: &str, name: &str, labels: &Labels, value: f64) {
        let family = self.families.get(current).unwrap();
        assert!(family.help && !family.kind.is_empty(), "{current} is announced by HELP and TYPE");
        let suffix = name.strip_prefix(current).unwrap_or_else(|| panic!("{name} in {current}"));
        let allowed: &[&str] = match family.kind.as_str() {
            "counter" => &["_total"],
            "histogram" => &["_bucket", "_count", "_sum"],
            "info" => &["_info"],
            _ => &[""],
        };
        assert!(allowed.contains(&suffix), "{name} in the {} {current}", family.kind);
        assert_eq!(suffix == "_bucket", labels.iter().any(|(name, _)| name == "le"), "{name}");
        assert!(value.is_finite(), "{name}");
        assert!(family.kind == "gauge" || value >= 0.0, "{name}");
        assert!(family.kind != "info" || value == 1.0, "{name}");
        let names: BTreeSet<_> = labels.iter().map(|(name, _)| name).collect();
        assert_eq!(names.len(), labels.len(), "a label of {name} stands twice");
    }

    fn histograms_add_up(&self) {
        let histograms = self.families.iter().filter(|(_, family)| family.kind == "histogram");
        for (name, _) in histograms {
            let mut buckets: BTreeMap<Labels, Vec<(f64, f64)>> = BTreeMap::new();
            for (labels, count) in self.all(&format!("{name}_bucket")) {
                let (le, rest): (Labels, Labels) =
                    labels.into_iter().partition(|(name, _)| name == "le");
                let [(_, le)] = le.as_slice() else { panic!("{name}: {le:?}") };
                let bound: f64 = le.replace("+Inf", "inf").parse().unwrap();
                buckets.entry(rest).or_default().push((bound, count));
            }
            for (labels, buckets) in buckets {
                let next = buckets.iter().skip(1);
                let rises = buckets.iter().zip(next).all(|(a, b)| a.0 < b.0 && a.1 <= b.1);
                assert!(rises, "{name}: {buckets:?}");
                let (last, all) = *buckets.last().unwrap();
                assert!(last.is_infinite(), "{name}");
                let count = self.all(&format!("{name}_count"));
                let of = count.iter().find(|(of, _)| *of == labels).unwrap();
                assert_eq!(of.1, all, "{name}");
            }
        }
    }

    fn all(&self, name: &str) -> Vec<(Labels, f64)> {
        let of = self.samples.iter().filter(|(of, _, _)| of == name);
        of.map(|(_, labels, value)| (labels.clone(), *value)).collect()
    }

    /// The sum of the samples of that name that have these labels, if there are any.
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let wanted = |of: &Labels| {
            labels.iter().all(|(name, value)| of.iter().any(|(n, v)| n == name && v == value))
        };
        let of = self.all(name).into_iter().filter(|(of, _)| wanted(of)).map(|(_, value)| value);
        of.reduce(|sum, value| sum + value)
    }

    /// Every value of every label.
    pub fn label_values(&self) -> BTreeSet<&str> {
        let labels = self.samples.iter().flat_map(|(_, labels, _)| labels);
        labels.map(|(_, value)| value.as_str()).collect()
    }

    /// Names with their types and the names of labels.
    pub fn families(&self) -> BTreeMap<&str, (&str, &str)> {
        let of = self.families.iter();
        of.map(|(name, of)| (name.as_str(), (of.kind.as_str(), of.unit.as_str()))).collect()
    }

    /// The names of the labels of a family's samples, `le` left out; each set once.
    pub fn label_names(&self, family: &str) -> BTreeSet<Vec<&str>> {
        let is_of = |name: &str| {
            let suffix = name.strip_prefix(family);
            suffix
                .is_some_and(|s| ["", "_total", "_info", "_bucket", "_count", "_sum"].contains(&s))
        };
        let of = self.samples.iter().filter(|(name, _, _)| is_of(name));
        let names = of.map(|(_, labels, _)| {
            labels.iter().map(|(name, _)| name.as_str()).filter(|name| *name != "le").collect()
        });
        names.collect()
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && !name.starts_with(|c: char| c.is_ascii_digit())
}

/// `name{label="value",...} number`
fn sample(line: &str) -> (String, Labels, f64) {
    let end = line.find(['{', ' ']).unwrap_or_else(|| panic!("{line}"));
    let (name, mut rest) = line.split_at(end);
    assert!(is_name(name), "{line}");
    let mut labels = Labels::new();
    if let Some(inside) = rest.strip_prefix('{') {
        rest = inside;
        loop {
            let (label, value) = rest.split_once("=\"").unwrap_or_else(|| panic!("{line}"));
            assert!(is_name(label), "{line}");
            let (value, after) = unquoted(value, line);
            labels.push((label.to_owned(), value));
            match after.strip_prefix(',') {
                Some(next) => rest = next,
                None => {
                    rest = after.strip_prefix('}').unwrap_or_else(|| panic!("{line}"));
                    break;
                }
            }
        }
    }
    let number = rest.strip_prefix(' ').unwrap_or_else(|| panic!("{line}"));
    let value = number.parse().unwrap_or_else(|_| panic!("{line}"));
    (name.to_owned(), labels, value)
}

/// A value up to its closing quote, and what follows.
fn unquoted<'a>(text: &'a str, line: &str) -> (String, &'a str) {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, c)) = characters.next() {
        match c {
            '"' => return (value, &text[at + 1..]),
            '\\' => match characters.next().map(|(_, c)| c) {
                Some('n') => value.push('\n'),
                Some(c @ ('\\' | '"')) => value.push(c),
                other => panic!("{other:?} is no escape: {line}"),
            },
            c => value.push(c),
        }
    }
    panic!("a quote is not closed: {line}")
}

#[test]
fn the_reader_reads_what_is_well_formed() {
    let read = Exposition::of(
        "# HELP a_seconds h\n# TYPE a_seconds histogram\n# UNIT a_seconds seconds\n\
         a_seconds_sum 1.5\na_seconds_count 2\na_seconds_bucket{le=\"1.0\"} 1\n\
         a_seconds_bucket{le=\"+Inf\"} 2\n# HELP b h\n# TYPE b counter\n\
         b_total{x=\"a\\\"b\\\\c\\nd}\",y=\"\"} 3\n# EOF\n",
    );
    assert_eq!(read.sum("b_total", &[("x", "a\"b\\c\nd}"), ("y", "")]), Some(3.0));
    assert_eq!(read.families()["a_seconds"], ("histogram", "seconds"));
}

#[test]
fn the_reader_refuses_what_is_not() {
    let head = "# HELP b h\n# TYPE b counter\n";
    for (what, text) in [
        ("no end", format!("{head}b_total 1\n")),
        ("a counter without its suffix", format!("{head}b 1\n# EOF\n")),
        ("twice", format!("{head}b_total 1\nb_total 1\n# EOF\n")),
        (
            "twice in another order",
            format!("{head}b_total{{x=\"1\",y=\"2\"}} 1\nb_total{{y=\"2\",x=\"1\"}} 1\n# EOF\n"),
        ),
        ("without HELP", "# TYPE b counter\nb_total 1\n# EOF\n".to_owned()),
        ("without TYPE", "# HELP b h\nb_total 1\n# EOF\n".to_owned()),
        ("in two pieces", format!("{head}# HELP c h\n# TYPE c gauge\nc 1\n# HELP b h\n# EOF\n")),
        ("a wrong unit", "# HELP b h\n# TYPE b gauge\n# UNIT b seconds\nb 1\n# EOF\n".to_owned()),
        ("a raw quote", format!("{head}b_total{{x=\"a\"b\"}} 1\n# EOF\n")),
        ("an unknown escape", format!("{head}b_total{{x=\"a\\tb\"}} 1\n# EOF\n")),
        ("no number", format!("{head}b_total one\n# EOF\n")),
        ("a counter below zero", format!("{head}b_total -1\n# EOF\n")),
    ] {
        let read = std::panic::catch_unwind(|| Exposition::of(&text));
        assert!(read.is_err(), "{what}");
    }
}
