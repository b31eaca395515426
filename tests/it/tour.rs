//! The tour of the README and the ways of the operations guide, replayed.

use crate::docs::{blocks, text};
use crate::harness::{Cloud, Place};
use std::fs;

/// The commands on a page, each with what it prints.
fn commands(page: &str) -> Vec<(String, String)> {
    let mut steps: Vec<(String, String)> = Vec::new();
    for (_, body) in blocks(page).iter().filter(|(of, _)| of == "console") {
        // A block in a list is indented with it.
        let indent = body.len() - body.trim_start().len();
        for line in body.lines().map(|line| line.get(indent..).unwrap_or_default()) {
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

fn without(text: &str, gone: &[&str]) -> String {
    let stays = |line: &&str| !gone.iter().any(|id| line.ends_with(id));
    text.lines().filter(stays).map(|line| format!("{line}\n")).collect()
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
    let (mut plans, mut applied, mut ran_any) = (0, 0, 0);
    for (command, printed) in commands(&text("README.md")) {
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

/// A section of a page, with those below it.
fn section<'p>(page: &'p str, heading: &str) -> &'p str {
    let rest = page.split_once(&format!("\n{heading}\n")).unwrap().1;
    let next = rest.match_indices("\n#").map(|(at, _)| at);
    let level = |at: &usize| rest[at + 1..].find(' ').unwrap() <= heading.find(' ').unwrap();
    &rest[..next.into_iter().find(level).unwrap_or(rest.len())]
}

const MANIFESTS: &str = "/etc/classiclinkd/manifests";

#[test]
fn the_ways_of_the_guide_print_what_it_says() {
    let ids: Vec<String> = (1..=20).map(|number| format!("0001-{number:04}")).collect();
    let mut links: Vec<_> = ids.iter().map(|id| ("0001", id.as_str())).collect();
    links.push(("0002", "0002-0001"));
    let (place, cloud) = (Place::new(), Cloud::with(&links));
    let folder = place.path().join("links");
    let (folder, file) = (folder.to_str().unwrap().to_owned(), folder.join("web.yaml"));
    fs::create_dir(&folder).unwrap();
    let edit = |gone: &[&str]| {
        let text = fs::read_to_string(&file).unwrap();
        fs::write(&file, without(&text, gone).replace(": observe", ": detach")).unwrap();
    };
    let guide = text("docs/operations.md");
    let replay = |heading: &str, before: &mut dyn FnMut(&str)| {
        for (command, printed) in commands(section(&guide, heading)) {
            let command = command.replace(MANIFESTS, &folder);
            let words: Vec<&str> = command.split_whitespace().skip(1).collect();
            before(words[0]);
            match words[0] {
                "import" => {
                    let imported = place.run(&cloud, &words[..words.len() - 2]);
                    assert_eq!(imported.err, printed, "{command}");
                    fs::write(&file, imported.out).unwrap();
                }
                // They say when, and are held by their own tests.
                "history" | "explain" => (),
                // The number of a run is that of its entry: here `apply` wrote it.
                "undo" => {
                    let links = ["--instance", "i-0001-0018", "--instance", "i-0001-0019"];
                    let words = [&["undo", "--since", "15m", "--yes"][..], &links[..]].concat();
                    let since = place.run(&cloud, &words);
                    let undone = |text: &str| text.lines().skip(1).map(str::to_owned).collect();
                    let (was, says): (Vec<String>, Vec<String>) =
                        (undone(&since.out), undone(&printed));
                    assert_eq!(was, says, "{command}");
                }
                _ => {
                    // Whoever runs this is not always root.
                    let anybody = |text: &str| -> Vec<String> {
                        let lines = text.lines().filter(|line| !line.contains(" by "));
                        lines.map(str::to_owned).collect()
                    };
                    let was = place.run(&cloud, &words).out;
                    assert_eq!(anybody(&was), anybody(&printed), "{command}");
                }
            }
        }
    };
    let mut plans = 0;
    replay("## First run: observe", &mut |command| {
        plans += usize::from(command == "plan");
        if plans == 2 {
            cloud.attach_by_hand("0001", "0002-0001");
        }
    });
    edit(&["0001-0020"]);
    replay("## Going to detach", &mut |command| plans += usize::from(command == "plan"));
    let apply = ["apply", "--manifests", folder.as_str(), "--yes"];
    assert_eq!(place.run(&cloud, &apply).code, 0);
    edit(&["0001-0018", "0001-0019"]);
    assert_eq!((place.run(&cloud, &apply).code, cloud.links("0001").len()), (0, 17));
    let mut incident = Vec::new();
    replay("## Wrong links cut", &mut |command| incident.push(command.to_owned()));
    assert_eq!((plans, incident.len(), cloud.links("0001").len()), (3, 4, 19));
    // What the guide warns of: before they are listed, only the hold keeps them.
    let plan = place.run(&cloud, &["plan", "--manifests", &folder]);
    assert!(plan.code == 3 && plan.out.contains("[undone]"), "{plan:?}");
}
