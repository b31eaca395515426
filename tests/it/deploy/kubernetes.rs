//! The Kustomize base, as far as its files can be read without kubectl; `.ci/deploy` builds it.

use super::yaml;
use serde_json::{Value, json};

const BASE: &str = "deploy/kubernetes/base";

fn containers(path: &str) -> Vec<Value> {
    yaml(path).pointer("/spec/template/spec/containers").unwrap().as_array().unwrap().clone()
}

#[test]
fn there_is_one_daemon_and_the_old_one_ends_before_the_new_one_begins() {
    let spec = &yaml(&format!("{BASE}/deployment.yaml"))["spec"];
    assert_eq!((&spec["replicas"], &spec["strategy"]), (&json!(1), &json!({"type": "Recreate"})));
    let grace = spec["template"]["spec"]["terminationGracePeriodSeconds"].as_u64().unwrap();
    assert!(grace > classiclinkd::daemon::DRAIN.as_secs());
    let state = yaml(&format!("{BASE}/state.yaml"));
    assert_eq!(state["spec"]["accessModes"], json!(["ReadWriteOncePod"]));
    let volumes = spec["template"]["spec"]["volumes"].as_array().unwrap();
    let held = volumes.iter().find(|volume| volume["name"] == "state").unwrap();
    assert_eq!(held["persistentVolumeClaim"]["claimName"], state["metadata"]["name"]);
}

#[test]
fn every_container_keeps_to_the_restricted_profile_with_a_read_only_root() {
    let pod = &yaml(&format!("{BASE}/deployment.yaml"))["spec"]["template"]["spec"];
    let context = &pod["securityContext"];
    assert_eq!(context["runAsNonRoot"], true);
    assert_eq!(context["runAsUser"], 65532);
    assert_eq!(context["seccompProfile"]["type"], "RuntimeDefault");
    assert_eq!(pod["automountServiceAccountToken"], false);
    let all = [
        containers(&format!("{BASE}/deployment.yaml")),
        containers("deploy/kubernetes/git-sync/git-sync.yaml"),
    ];
    let mut seen = 0;
    for container in all.concat().iter().filter(|found| found["image"].is_string()) {
        seen += 1;
        let context = &container["securityContext"];
        assert_eq!(context["allowPrivilegeEscalation"], false, "{container}");
        assert_eq!(context["readOnlyRootFilesystem"], true, "{container}");
        assert_eq!(context["capabilities"]["drop"], json!(["ALL"]), "{container}");
        assert!(container["resources"]["limits"]["memory"].is_string(), "{container}");
        let image = container["image"].as_str().unwrap();
        assert!(!image.ends_with(":latest"), "{image}");
    }
    assert_eq!(seen, 2);
}

#[test]
fn what_the_pod_runs_is_what_the_binary_takes() {
    let config = yaml(&format!("{BASE}/config.yaml"));
    let parsed = classiclinkd::config::Config::from_value(&config).unwrap();
    let container = &containers(&format!("{BASE}/deployment.yaml"))[0];
    let mounts = container["volumeMounts"].as_array().unwrap();
    let at = |volume: &str| {
        let mount = mounts.iter().find(|mount| mount["name"] == volume).unwrap();
        mount["mountPath"].as_str().unwrap()
    };
    // A folder of its own in the volume, whose root belongs to the group of the pod.
    assert_eq!(parsed.state.unwrap().parent().unwrap().to_str(), Some(at("state")));
    let key = parsed.accounts.values().find_map(|account| match &account.credentials.from {
        classiclinkd::config::accounts::From::File { path, .. } => Some(path.clone()),
        _ => None,
    });
    assert_eq!(key.unwrap().parent().unwrap().to_str(), Some(at("access-key")));
    for path in
        [format!("{BASE}/deployment.yaml"), "deploy/kubernetes/git-sync/git-sync.yaml".into()]
    {
        let arguments = containers(&path)[0]["args"].clone();
        let arguments =
            arguments.as_array().unwrap().iter().map(|argument| argument.as_str().unwrap());
        let line = std::iter::once("classiclinkd").chain(arguments);
        classiclinkd::cli::command().try_get_matches_from(line).unwrap();
    }
    for (probe, path) in
        [("startupProbe", "/livez"), ("livenessProbe", "/livez"), ("readinessProbe", "/readyz")]
    {
        assert_eq!(container[probe]["httpGet"]["path"], path);
    }
}

#[test]
fn the_sample_manifest_is_valid_and_changes_nothing() {
    let path = format!("{}/{BASE}/manifests", env!("CARGO_MANIFEST_DIR"));
    let mut command = crate::harness::binary(&["validate", &path]);
    assert!(command.output().unwrap().status.success());
    let sample = yaml(&format!("{BASE}/manifests/shop-web.yaml"));
    assert_eq!(sample["spec"]["mode"], "observe");
    let listed = &yaml(&format!("{BASE}/kustomization.yaml"))["configMapGenerator"][1]["files"];
    assert_eq!(*listed, json!(["manifests/shop-web.yaml"]));
}
