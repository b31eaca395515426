//! Text to trees of nodes that know where and how they were written.
//!
//! A strict subset: no tags, no merge keys, no directives, no keys that are lists or maps, bounded
//! depth, size, anchors and aliases. What breaks the subset is reported and read on from, so that
//! the rest of the document is checked, too; what breaks a bound ends the file.

use super::findings::{Findings, Spot};
use super::{
    ALIASES_MAX, ANCHORS_MAX, COPIES_MAX, DOCUMENTS_MAX, NODES_MAX, YAML_DEPTH_MAX, syntax,
};
use serde_yaml::granit_parser::{Event, Parser, ScalarStyle, Span};
use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};

/// Most documents of one file that may be broken before the rest is not looked at.
const BROKEN_MAX: usize = 20;

/// One value, where and how it was written.
#[derive(Debug, Clone)]
pub(super) struct Node<'t> {
    pub spot: Spot,
    pub data: Data<'t>,
}

#[derive(Debug, Clone)]
pub(super) enum Data<'t> {
    /// `plain` is neither quoted nor a block.
    Scalar {
        text: Cow<'t, str>,
        plain: bool,
    },
    Sequence(Vec<Node<'t>>),
    Mapping(Vec<Entry<'t>>),
    /// Something stands there and was reported already.
    Refused,
}

/// A key with its value; no key twice in one map.
#[derive(Debug, Clone)]
pub(super) struct Entry<'t> {
    pub key: Cow<'t, str>,
    pub spot: Spot,
    pub value: Node<'t>,
}

/// Reads every document; `each` gets the whole ones, with the line where they begin.
pub(super) fn read<'t>(
    text: &'t str,
    findings: &mut Findings,
    mut each: impl FnMut(&Node<'t>, &mut Findings),
) {
    let options = serde_yaml::granit_parser::options! {
        strict_indentation: true,
        disallow_directives: true,
        emit_unresolved_aliases: true,
        emit_comments: false,
        flow_nesting_limit: 64,
        block_nesting_limit: 64,
    };
    let mut parser = Parser::new_from_str_with_options(text, options);
    let mut reader = Reader::new(text);
    let mut broken = 0_usize;
    loop {
        match parser.next_event() {
            None => return,
            Some(Ok((event, span))) => match reader.take(event, span, findings) {
                Step::More => {}
                Step::Document(node) => each(&node, findings),
                Step::Stop => return,
            },
            Some(Err(error)) => {
                syntax::report(&error, text, findings);
                reader.abandon();
                broken = broken.saturating_add(1);
                let more = broken < BROKEN_MAX && parser.proceed_next_document().unwrap_or(false);
                if !more {
                    return;
                }
            }
        }
    }
}

enum Step<'t> {
    More,
    Document(Node<'t>),
    Stop,
}

/// A list or map whose end has not come yet.
enum Open<'t> {
    Sequence {
        spot: Spot,
        anchor: usize,
        items: Vec<Node<'t>>,
    },
    Mapping {
        spot: Spot,
        anchor: usize,
        entries: Vec<Entry<'t>>,
        key: Option<Key<'t>>,
        refused: bool,
    },
}

enum Key<'t> {
    Named(Cow<'t, str>, Spot),
    /// Reported; its value is dropped.
    Refused,
}

struct Reader<'t> {
    text: &'t str,
    stack: Vec<Open<'t>>,
    root: Option<Node<'t>>,
    anchored: HashMap<usize, Node<'t>>,
    documents: usize,
    nodes: usize,
    anchors: usize,
    aliases: usize,
    copies: usize,
}

impl<'t> Reader<'t> {
    fn new(text: &'t str) -> Self {
        Self {
            text,
            stack: Vec::new(),
            root: None,
            anchored: HashMap::new(),
            documents: 0,
            nodes: 0,
            anchors: 0,
            aliases: 0,
            copies: 0,
        }
    }

    /// Forgets the document that turned out to be broken.
    fn abandon(&mut self) {
        self.stack.clear();
        self.root = None;
        self.anchored.clear();
    }

    fn take(&mut self, event: Event<'t>, span: Span, findings: &mut Findings) -> Step<'t> {
        let spot = spot_of(&span);
        if event.tag().is_some() {
            let spot = span.tag_span().map_or(spot, |tag| spot_of(&tag));
            findings.add(spot, "a tag: manifests have none", "remove the word with the `!`");
        }
        let within = match event {
            Event::DocumentStart(..) => {
                self.abandon();
                bounded(&mut self.documents, DOCUMENTS_MAX, "documents", spot, findings)
            }
            Event::DocumentEnd => {
                return self.root.take().map_or(Step::More, Step::Document);
            }
            Event::Scalar(text, style, anchor, _) => {
                let plain = style == ScalarStyle::Plain;
                // The parser says `~` where nothing stands.
                let text = if plain && span.is_empty() { Cow::Borrowed("") } else { text };
                let data = Data::Scalar { text, plain };
                self.counts(anchor, spot, findings)
                    && self.put(Node { spot, data }, anchor, findings)
            }
            Event::SequenceStart(_, anchor, _) => {
                let open = Open::Sequence { spot: spot.word(), anchor, items: Vec::new() };
                self.counts(anchor, spot, findings) && self.enter(open, spot, findings)
            }
            Event::MappingStart(_, anchor, _) => {
                let entries = Vec::new();
                let open =
                    Open::Mapping { spot: spot.word(), anchor, entries, key: None, refused: false };
                self.counts(anchor, spot, findings) && self.enter(open, spot, findings)
            }
            Event::SequenceEnd | Event::MappingEnd => self.leave(findings),
            Event::Alias(id) => self.alias(id, spot, findings),
            Event::UnresolvedAlias(name) => {
                let message = format!("`*{}` refers to nothing above it", shorten(&name));
                findings.add(spot, message, "write the value itself");
                self.put(Node { spot, data: Data::Refused }, 0, findings)
            }
            _ => true,
        };
        if within { Step::More } else { Step::Stop }
    }

    fn counts(&mut self, anchor: usize, spot: Spot, findings: &mut Findings) -> bool {
        bounded(&mut self.nodes, NODES_MAX, "YAML nodes", spot, findings)
            && (anchor == 0 || bounded(&mut self.anchors, ANCHORS_MAX, "anchors", spot, findings))
    }

    fn enter(&mut self, open: Open<'t>, spot: Spot, findings: &mut Findings) -> bool {
        self.stack.push(open);
        self.not_deeper(self.stack.len(), spot, findings)
    }

    fn not_deeper(&self, depth: usize, spot: Spot, findings: &mut Findings) -> bool {
        if depth <= YAML_DEPTH_MAX {
            return true;
        }
        let message = format!("more than {YAML_DEPTH_MAX} lists and maps within each other");
        findings.add(spot.word(), message, "a manifest needs no more than four: unnest it");
        false
    }

    fn leave(&mut self, findings: &mut Findings) -> bool {
        match self.stack.pop() {
            Some(Open::Sequence { spot, anchor, items }) => {
                self.put(Node { spot, data: Data::Sequence(items) }, anchor, findings)
            }
            Some(Open::Mapping { spot, anchor, entries, refused, .. }) => {
                let entries = without_repeated(entries, findings);
                let empty = refused && entries.is_empty();
                let data = if empty { Data::Refused } else { Data::Mapping(entries) };
                self.put(Node { spot, data }, anchor, findings)
            }
            None => true,
        }
    }

    fn put(&mut self, node: Node<'t>, anchor: usize, findings: &mut Findings) -> bool {
        if anchor != 0 {
            if !self.may_copy(&node, findings) {
                return false;
            }
            self.anchored.insert(anchor, node.clone());
        }
        match self.stack.last_mut() {
            None => self.root = Some(node),
            Some(Open::Sequence { items, .. }) => items.push(node),
            Some(Open::Mapping { entries, key, refused, .. }) => match key.take() {
                None => {
                    let name = as_key(node, self.text, findings);
                    *refused |= matches!(name, Key::Refused);
                    *key = Some(name);
                }
                Some(Key::Refused) => {}
                Some(Key::Named(name, spot)) => {
                    entries.push(Entry { key: name, spot, value: node });
                }
            },
        }
        true
    }

    fn alias(&mut self, id: usize, spot: Spot, findings: &mut Findings) -> bool {
        let within = bounded(&mut self.nodes, NODES_MAX, "YAML nodes", spot, findings)
            && bounded(&mut self.aliases, ALIASES_MAX, "aliases", spot, findings);
        if !within {
            return false;
        }
        let Some(target) = self.anchored.remove(&id) else {
            findings.add(spot, "an alias inside what it refers to", "write the value itself");
            return self.put(Node { spot, data: Data::Refused }, 0, findings);
        };
        let depth = self.stack.len().saturating_add(depth_of(&target));
        if !self.not_deeper(depth, spot, findings) || !self.may_copy(&target, findings) {
            return false;
        }
        let copy = Node { spot, data: target.data.clone() };
        self.anchored.insert(id, target);
        self.put(copy, 0, findings)
    }

    fn may_copy(&mut self, node: &Node<'t>, findings: &mut Findings) -> bool {
        self.copies = self.copies.saturating_add(size_of_node(node));
        if self.copies <= COPIES_MAX {
            return true;
        }
        let message = format!("anchors and aliases copy more than {COPIES_MAX} nodes");
        findings.add(node.spot, message, "write the values themselves");
        false
    }
}

impl Spot {
    /// The same beginning, but only the word there: a list or map ends many lines below.
    fn word(self) -> Self {
        Self { length: 0, ..self }
    }
}

fn bounded(
    count: &mut usize,
    most: usize,
    what: &str,
    spot: Spot,
    findings: &mut Findings,
) -> bool {
    *count = count.saturating_add(1);
    if *count > most {
        let message = format!("more than {most} {what} in one file");
        findings.add(spot.word(), message, "split the file");
    }
    *count <= most
}

fn as_key<'t>(node: Node<'t>, text: &str, findings: &mut Findings) -> Key<'t> {
    match node.data {
        Data::Scalar { text, plain } if plain && text == "<<" => {
            findings.add(
                node.spot,
                "a merge key: manifests have none",
                "write the fields themselves",
            );
            Key::Refused
        }
        Data::Scalar { text, .. } => Key::Named(text, node.spot),
        Data::Refused => Key::Refused,
        Data::Sequence(_) | Data::Mapping(_) => {
            // Looking for the line costs a walk over the text: not for each of a million keys.
            if findings.count() < BROKEN_MAX && syntax::line_has(text, node.spot.line, "{{") {
                syntax::report_template(node.spot, findings);
            } else {
                let help = "write a field's name, then `:`";
                findings.add(node.spot, "a list or map where a field's name belongs", help);
            }
            Key::Refused
        }
    }
}

/// The first of each; reports the others.
fn without_repeated<'t>(entries: Vec<Entry<'t>>, findings: &mut Findings) -> Vec<Entry<'t>> {
    let mut first: HashMap<Cow<'t, str>, Spot> = HashMap::with_capacity(entries.len());
    let mut repeated = BTreeSet::new();
    for (index, entry) in entries.iter().enumerate() {
        match first.get(&entry.key) {
            None => {
                first.insert(entry.key.clone(), entry.spot);
            }
            Some(earlier) => {
                let message = format!("`{}` is said twice here", shorten(&entry.key));
                let other = (*earlier, "said first here");
                findings.add_with(entry.spot, message, "keep one of the two", other);
                repeated.insert(index);
            }
        }
    }
    if repeated.is_empty() {
        return entries;
    }
    let kept = entries.into_iter().enumerate().filter(|(index, _)| !repeated.contains(index));
    kept.map(|(_, entry)| entry).collect()
}

fn size_of_node(node: &Node<'_>) -> usize {
    let within: usize = match &node.data {
        Data::Scalar { text, .. } => text.len() / 64,
        Data::Refused => 0,
        Data::Sequence(items) => items.iter().map(size_of_node).sum(),
        Data::Mapping(entries) => entries.iter().map(|entry| size_of_node(&entry.value)).sum(),
    };
    within.saturating_add(1)
}

fn depth_of(node: &Node<'_>) -> usize {
    match &node.data {
        Data::Scalar { .. } | Data::Refused => 0,
        Data::Sequence(items) => 1 + items.iter().map(depth_of).max().unwrap_or(0),
        Data::Mapping(entries) => {
            1 + entries.iter().map(|entry| depth_of(&entry.value)).max().unwrap_or(0)
        }
    }
}

/// Somebody else's word, fit for a message.
pub(super) fn shorten(text: &str) -> String {
    crate::model::printable(text)
}

fn spot_of(span: &Span) -> Spot {
    let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    let one_line = span.start.line() == span.end.line();
    let length = span.end.index().saturating_sub(span.start.index());
    Spot {
        line: number(span.start.line()),
        column: number(span.start.col().saturating_add(1)),
        length: if one_line { number(length) } else { 0 },
    }
}
