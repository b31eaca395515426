//! The example repository: its manifests, and the script that comments on a pull or merge request, run against the
//! simulator with a `gh` and a `curl` that only write down what they are asked.

use super::yaml;
use crate::docs::text;
use crate::harness::{Cloud, Place, Ran, binary, manifest};
use classiclinkd::cli::Exit;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const EXAMPLE: &str = "deploy/gitops-example";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(EXAMPLE)
}

#[test]
fn the_manifests_of_the_example_are_valid_by_its_own_hook_and_jobs() {
    let line = "classiclinkd validate --config classiclinkd.yaml manifests/";
    let hook = &yaml(&format!("{EXAMPLE}/.pre-commit-config.yaml"))["repos"][0]["hooks"][0];
    assert_eq!(hook["entry"], line);
    for job in [".gitlab-ci.yml", ".github/workflows/links.yaml"] {
        assert!(
            text(&format!("{EXAMPLE}/{job}")).contains(&format!("- {line}\n"))
                || text(&format!("{EXAMPLE}/{job}")).contains(&format!("run: {line}\n")),
            "{job}"
        );
    }
    let arguments: Vec<&str> = line.split(' ').skip(1).collect();
    let ran = Ran::of(binary(&arguments).current_dir(root()).output().unwrap());
    assert_eq!((ran.code, ran.out.as_str()), (0, "valid: 2 files, 2 VPCs, 5 links\n"), "{ran:?}");
}

#[test]
fn the_jobs_are_readable_and_give_no_stranger_a_key() {
    let github = yaml(&format!("{EXAMPLE}/.github/workflows/links.yaml"));
    assert_eq!(github["permissions"], serde_json::json!({}));
    assert_eq!(github["on"], "pull_request", "without `paths`, which a required check cannot have");
    let plan = &github["jobs"]["plan"];
    assert!(plan["if"].as_str().unwrap().contains("head.repo.full_name == github.repository"));
    assert!(!github["jobs"]["validate"].to_string().contains("secrets."));
    for job in github["jobs"].as_object().unwrap().values() {
        assert!(job["timeout-minutes"].is_u64());
        for step in job["steps"].as_array().unwrap() {
            let Some(uses) = step["uses"].as_str() else { continue };
            let pinned = uses.split('@').nth(1).unwrap();
            assert!(pinned.len() == 40, "{uses} is not pinned to a commit");
        }
    }
    let gitlab = yaml(&format!("{EXAMPLE}/.gitlab-ci.yml"));
    let partial = Exit::Partial.code();
    assert_eq!(gitlab["plan"]["retry"]["exit_codes"], serde_json::json!([partial]));
    let rules = gitlab["plan"]["rules"].as_array().unwrap();
    let own = "$CI_MERGE_REQUEST_SOURCE_PROJECT_ID == $CI_PROJECT_ID";
    assert!(!rules.is_empty() && gitlab["plan"].get("extends").is_none());
    assert!(rules.iter().all(|rule| rule["if"].as_str().unwrap().contains(own)), "{rules:?}");
}

#[test]
fn the_required_check_is_green_only_with_a_plan_or_for_a_fork() {
    let job = &yaml(&format!("{EXAMPLE}/.github/workflows/links.yaml"))["jobs"]["links"];
    assert_eq!(job["if"], "always()", "a check that is skipped counts as passed");
    assert_eq!(job["needs"], serde_json::json!(["validate", "plan"]));
    let script = job["steps"][0]["run"].as_str().unwrap();
    for (validate, plan, fork, green) in [
        ("success", "success", "false", true),
        ("success", "skipped", "true", true),
        ("success", "skipped", "false", false),
        ("success", "failure", "false", false),
        ("success", "cancelled", "true", false),
        ("failure", "skipped", "true", false),
        ("cancelled", "skipped", "true", false),
    ] {
        let mut command = Command::new("bash");
        command.args(["-e", "-c", script]).env("VALIDATE", validate).env("PLAN", plan);
        let ran = Ran::of(command.env("FORK", fork).output().unwrap());
        assert_eq!(ran.code == 0, green, "{validate} {plan} {fork}: {ran:?}");
    }
}

/// Writes down the arguments and the text, and answers with what is in the file `comments`.
const GH: &str = r#"#!/bin/bash
printf '%s\n' "$*" >>"$FAKE/asked"
for argument; do
  case $argument in body=@*) cp "${argument#body=@}" "$FAKE/body"; exit 0 ;; esac
done
cat "$FAKE/comments"
"#;

const CURL: &str = r#"#!/bin/bash
printf '%s\n' "$*" >>"$FAKE/asked"
while [ $# -gt 0 ]; do
  case $1 in
    --config) grep -q "PRIVATE-TOKEN: $GITLAB_TOKEN" "$2" && stat -c %a "$2" >"$FAKE/token-mode" ;;
    body@*) cp "${1#body@}" "$FAKE/body" ;;
    */api/v4/user) echo '{"id": 42, "username": "project_5_bot"}'; exit 0 ;;
    *page=1) cat "$FAKE/comments"; exit 0 ;;
    *page=*) echo '[]'; exit 0 ;;
  esac
  shift
done
"#;

struct Job {
    place: Place,
    cloud: Cloud,
}

impl Job {
    fn new(manifests: &str) -> Self {
        let links = [("a", "one"), ("a", "two"), ("a", "stray")];
        let (place, cloud) = (Place::new(), Cloud::with(&links));
        place.write("a.yaml", manifests);
        fs::write(place.path().join("classiclinkd.yaml"), "workers: 1\n").unwrap();
        let bin = place.path().join("bin");
        fs::create_dir(&bin).unwrap();
        for (name, script) in [("gh", GH), ("curl", CURL)] {
            fs::write(bin.join(name), script).unwrap();
            fs::set_permissions(bin.join(name), fs::Permissions::from_mode(0o755)).unwrap();
        }
        let job = Self { place, cloud };
        job.comments("");
        job
    }

    fn comments(&self, text: &str) {
        fs::write(self.place.path().join("comments"), text).unwrap();
    }

    fn run(&self, more: &[(&str, &str)]) -> Ran {
        let ours = Path::new(env!("CARGO_BIN_EXE_classiclinkd")).parent().unwrap();
        let path = std::env::var("PATH").unwrap();
        let path = format!("{}/bin:{}:{path}", self.place.path().display(), ours.display());
        let template = self.place.command(&self.cloud, &[]);
        let mut command = Command::new("bash");
        command.arg(root().join("ci/comment-plan.sh")).env_clear().env("PATH", path);
        command.envs(template.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.env("FAKE", self.place.path()).envs(more.iter().copied());
        command.current_dir(self.place.path()).stdin(Stdio::null());
        Ran::of(command.output().unwrap())
    }

    fn on_github(&self, more: &[(&str, &str)]) -> Ran {
        let usual =
            [("GITHUB_REPOSITORY", "example/links"), ("PULL_REQUEST", "7"), ("GH_TOKEN", "t")];
        self.run(&[&usual[..], more].concat())
    }

    fn file(&self, name: &str) -> String {
        fs::read_to_string(self.place.path().join(name)).unwrap_or_default()
    }
}

fn tree(mode: &str, instances: &[&str]) -> String {
    manifest("a", mode, instances, "")
}

#[test]
fn each_exit_code_makes_a_comment_and_ends_the_job_as_it_should() {
    let all = ["one", "two", "stray"];
    for (manifests, more, code, ends, says) in [
        (tree("detach", &all), None, 0, 0, "nothing to do"),
        (tree("detach", &["one", "two"]), None, 2, 0, "`i-stray`"),
        (tree("observe", &["one", "two"]), None, 3, 0, "observeMode"),
        (tree("observe", &["one", "two"]), Some(("HELD_FAILS", "true")), 3, 3, "observeMode"),
        ("kind: [\n".to_owned(), None, 1, 1, "    error"),
    ] {
        let job = Job::new(&manifests);
        let ran = job.on_github(more.as_slice());
        assert_eq!(ran.code, ends, "{code}: {ran:?}");
        let body = job.file("body");
        assert!(body.starts_with("<!-- classiclinkd plan -->\n### Links: "), "{body}");
        assert!(body.contains(says), "{code}: {body}");
        assert_eq!(job.cloud.writes(), 0);
    }
}

#[test]
fn an_observation_that_is_incomplete_fails_the_job_with_its_code() {
    let job = Job::new(&tree("detach", &["one", "two"]));
    job.cloud.set("foreign-link", "100%");
    let ran = job.on_github(&[]);
    assert_eq!(ran.code, 4, "{ran:?}");
    assert!(job.file("body").contains("could not be read completely"), "{}", job.file("body"));
}

#[test]
fn a_comment_is_made_once_and_then_rewritten() {
    let job = Job::new(&tree("detach", &["one", "two"]));
    assert_eq!(job.on_github(&[]).code, 0);
    assert!(job.file("asked").contains("--method POST repos/example/links/issues/7/comments"));
    job.comments("81\n93\n");
    assert_eq!(job.on_github(&[]).code, 0);
    let asked = job.file("asked");
    assert!(asked.contains("--method PATCH repos/example/links/issues/comments/81 "), "{asked}");
    assert_eq!(asked.matches("--method").count(), 2, "{asked}");
}

#[test]
fn a_comment_is_cut_to_what_fits_at_the_end_of_a_line() {
    let many: Vec<String> = (0..990).map(|number| format!("n{number:04}")).collect();
    let vpcs = ["a", "b", "c", "d", "e"];
    let of = |vpc: &'static str| many.iter().map(move |name| (vpc, format!("{vpc}{name}")));
    let links: Vec<(&str, String)> = vpcs.into_iter().flat_map(of).collect();
    let links: Vec<(&str, &str)> = links.iter().map(|(vpc, name)| (*vpc, name.as_str())).collect();
    let job = Job { cloud: Cloud::with(&links), ..Job::new(&tree("detach", &["an0000"])) };
    for vpc in &vpcs[1..] {
        let kept = format!("{vpc}n0000");
        job.place.write(&format!("{vpc}.yaml"), &manifest(vpc, "detach", &[kept.as_str()], ""));
    }
    let ran = job.on_github(&[]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let body = job.file("body");
    assert!(body.len() < 65_000 && body.len() > 50_000, "{}", body.len());
    let (kept, note) = body.split_once("\n_The rest does not fit").unwrap();
    assert!(note.starts_with("; the log of the job has all of it._\n"), "{note}");
    let last = kept.lines().next_back().unwrap();
    assert!(ran.out.lines().any(|line| line == last), "a whole line: {last}");
    assert!(ran.out.len() > body.len() && ran.out.contains("vpc-e") && !body.contains("vpc-e"));
}

#[test]
fn gitlab_gets_a_note_and_its_token_is_in_no_argument() {
    let has_jq = Command::new("jq").arg("--version").stdout(Stdio::null()).status().is_ok();
    if !has_jq && std::env::var_os("CLASSICLINKD_TOOLS").is_none() {
        eprintln!("SKIPPED: there is no jq here; .ci/deploy runs this with one");
        return;
    }
    assert!(has_jq, "CLASSICLINKD_TOOLS asks for jq");
    let job = Job::new(&tree("detach", &["one", "two"]));
    let gitlab = [
        ("CI_API_V4_URL", "https://git.example/api/v4"),
        ("CI_PROJECT_ID", "5"),
        ("CI_MERGE_REQUEST_IID", "7"),
        ("GITLAB_TOKEN", "glpat-hidden"),
    ];
    job.comments("[]");
    let ran = job.run(&gitlab);
    assert_eq!(ran.code, 0, "{ran:?}");
    let notes = "https://git.example/api/v4/projects/5/merge_requests/7/notes";
    assert!(
        job.file("asked").contains(&format!("--request POST {notes} ")),
        "{}",
        job.file("asked")
    );
    assert!(job.file("body").contains("`i-stray`"));
    job.comments(
        r#"[{"id": 2, "author": {"id": 9}, "body": "<!-- classiclinkd plan -->\nforged"},
            {"id": 3, "author": {"id": 42}, "body": "by the way"},
            {"id": 4, "author": {"id": 42}, "body": "<!-- classiclinkd plan -->\nold"}]"#,
    );
    assert_eq!(job.run(&gitlab).code, 0);
    let asked = job.file("asked");
    assert!(asked.contains(&format!("--request PUT {notes}/4 ")), "{asked}");
    assert!(
        !asked.contains("hidden") && !ran.out.contains("hidden") && !ran.err.contains("hidden")
    );
    assert_eq!(job.file("token-mode"), "600\n");
}
