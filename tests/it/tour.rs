//! The tour of the README, replayed.

use crate::docs::{blocks, text};
use crate::harness::{Cloud, Place};
use std::fs;

/// The commands of the README's tour, each with what it prints.
fn tour() -> Vec<(String, String)> {
    let mut steps: Vec<(String, String)> = Vec::new();
    for (_, body) in blocks(&text("README.md")).iter().filter(|(of, _)| of == "console") {
        for line in body.lines() {
            match (line.strip_prefix("$ "), steps.last_mut()) {
                (Some(command), _) => steps.push((command.to_owned(), String::new())),
                (None, Some((_, printed))) => printed.push_str(&format!("{line}\n")),
                (None, None) => panic!("no command before `{line}`"),
            }
        }
    }
    steps.retain(|(command, _)| command.starts_with("classiclinkd "));
    steps
}

/// Without lines that say when, or who, which differ from run to run.
fn timeless(text: &str) -> Vec<&str> {
    text.lines().filter(|line| !line.contains("until 20") && !line.contains("since 20")).collect()
}

#[test]
fn the_tour_of_the_readme_prints_what_it_says() {
    let ids: Vec<String> = (1..=20).map(|number| format!("0001-{number:04}")).collect();
    let links: Vec<_> = ids.iter().map(|id| ("0001", id.as_str())).collect();
    let (place, cloud) = (Place::new(), Cloud::with(&links));
    let file = place.path().join("links/web.yaml");
    fs::create_dir(file.parent().unwrap()).unwrap();
    let edit = |change: &dyn Fn(String) -> String| {
        fs::write(&file, change(fs::read_to_string(&file).unwrap())).unwrap();
    };
    let without = |text: &str, gone: &[&str]| -> String {
        let stays = |line: &&str| !gone.iter().any(|id| line.ends_with(id));
        text.lines().filter(stays).map(|line| format!("{line}\n")).collect()
    };
    let (mut plans, mut applied, mut ran_any) = (0, 0, 0);
    for (command, printed) in tour() {
        let mut words: Vec<&str> = command.split_whitespace().skip(1).collect();
        let mut expected = printed.as_str();
        match words[0] {
            "simulate" => continue,
            "import" => {
                let imported = place.run(&cloud, &words[..words.len() - 2]);
                assert_eq!(imported.err, printed, "{command}");
                fs::write(&file, imported.out).unwrap();
                continue;
            }
            "plan" => {
                plans += 1;
                if plans == 2 {
                    edit(&|text| without(&text, &["0020"]).replace(": observe", ": detach"));
                }
            }
            "apply" => {
                applied += 1;
                let gone = ["0015", "0016", "0017", "0018", "0019"];
                if applied == 2 {
                    edit(&|text| without(&text, &gone));
                }
                // Nobody can be asked here: what is printed after the answer counts.
                if !words.contains(&"--yes") {
                    words.push("--yes");
                    expected = printed.split_once("consent: yes\n").unwrap().1;
                }
            }
            _ => (),
        }
        ran_any += 1;
        let printed = place.run(&cloud, &words).out;
        assert_eq!(timeless(&printed), timeless(expected), "{command}");
    }
    assert_eq!((plans, applied, ran_any), (2, 3, 8));
    assert_eq!(cloud.links("0001").len(), 15);
}
