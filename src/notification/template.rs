//! How the generic form words an event, as configured: text with names in braces.

use super::news::News;

/// Longest template, in bytes.
const BYTES_MAX: usize = 1000;
/// What stands for what.
const NAMES: [&str; 9] =
    ["event", "severity", "at", "scope", "title", "text", "wayOut", "links", "revision"];

/// A checked template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(Vec<Piece>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Name(&'static str),
}

impl Template {
    /// Reads a template: `{name}` stands for a value, `{{` and `}}` for braces.
    ///
    /// # Errors
    /// What is wrong, and what to write.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.len() > BYTES_MAX {
            return Err(format!("is longer than {BYTES_MAX} bytes"));
        }
        let (mut pieces, mut plain) = (Vec::new(), String::new());
        let mut rest = text.chars().peekable();
        while let Some(c) = rest.next() {
            match c {
                '{' | '}' if rest.next_if_eq(&c).is_some() => plain.push(c),
                '{' => {
                    let mut name = String::new();
                    while let Some(c) = rest.next_if(|c| c.is_ascii_alphanumeric()) {
                        name.push(c);
                    }
                    let known = NAMES.into_iter().find(|known| *known == name);
                    let (Some(known), Some('}')) = (known, rest.next()) else {
                        let names = NAMES.join("}, {");
                        return Err(format!(
                            "has a `{{` that begins no name; the names are {{{names}}}, and a brace \
                             is written twice"
                        ));
                    };
                    pieces.push(Piece::Text(std::mem::take(&mut plain)));
                    pieces.push(Piece::Name(known));
                }
                '}' => {
                    return Err("has a `}` that ends nothing; a brace is written twice".to_owned());
                }
                c => plain.push(c),
            }
        }
        pieces.push(Piece::Text(plain));
        Ok(Self(pieces))
    }

    /// The text for an event.
    pub(super) fn render(&self, news: &News) -> String {
        let value = |name: &str| match name {
            "event" => news.event.as_str().to_owned(),
            "severity" => news.severity.as_str().to_owned(),
            "at" => news.at.to_string(),
            "scope" => news.scope.as_ref().map(ToString::to_string).unwrap_or_default(),
            "title" => news.title.clone(),
            "text" => news.text.clone(),
            "wayOut" => news.way_out.clone().unwrap_or_default(),
            "links" => news.links_text().unwrap_or_default(),
            "revision" => news.revision.as_ref().map(ToString::to_string).unwrap_or_default(),
            _ => String::new(),
        };
        self.0
            .iter()
            .map(|piece| match piece {
                Piece::Text(text) => text.clone(),
                Piece::Name(name) => value(name),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notification::news::Event;
    use crate::plan::tests::{moment, scope};

    #[test]
    fn names_stand_for_values_and_nothing_in_a_value_stands_for_anything() {
        let template = Template::parse("{{{severity}}} {event} {scope}: {title}{wayOut}").unwrap();
        let mut news = News::new(Event::Hold, moment(0), "{event} {{");
        news.scope = Some(scope());
        assert_eq!(template.render(&news), "{warning} hold default/cn-hangzhou/vpc-a: {event} {{");
    }

    #[test]
    fn a_misspelt_name_is_a_mistake() {
        for bad in ["{evnt}", "{", "{event", "}", "{event }", "a}b", &"x".repeat(1001)] {
            assert!(Template::parse(bad).is_err(), "{bad}");
        }
        for name in NAMES {
            assert!(Template::parse(&format!("{{{name}}}")).is_ok());
        }
    }
}
