//! What is shown before anything went wrong, and while it does.

use super::*;
use crate::notification::{Address, Kind as Form, Notifier, Place, Sender, Sink};

#[tokio::test(start_paused = true)]
async fn what_can_happen_is_there_at_0_before_the_first_pass() {
    let world = World::new();
    let (actions, calls) = ("classiclinkd_actions_total", "classiclinkd_calls_total");
    assert_eq!(samples(&world.text(), actions), BTreeMap::new(), "nothing is declared");
    let wanted = Arc::new(desired(Mode::Detach, &[1]));
    let revision = crate::model::Revision::of_content(crate::model::Digest::of([b"x".as_slice()]));
    let tree = Tree { revision: Arc::new(revision), scopes: [(scope(), wanted)].into() };
    world.board.accepted(&Arc::new(tree), world.clock.now());
    let text = world.text();
    let of = |labels: &str| sample(&text, actions, &format!("verb=\"detach\",outcome=\"{labels}"));
    assert_eq!(of("converged\",class=\"none\""), Some(0.0));
    for outcome in ["failed", "blocked", "unknown"] {
        for class in Class::ALL {
            let labels = format!("{outcome}\",class=\"{}\"", class.as_str());
            assert_eq!(of(&labels), Some(0.0), "{labels}");
        }
    }
    assert_eq!(sample(&text, actions, "verb=\"attach\""), None, "nothing is attached in this mode");
    let detached = sample(&text, calls, "action=\"DetachClassicLinkVpc\",code=\"ok\"");
    assert_eq!(detached, Some(0.0));
    let mut report = pass(&[1], &[1, 2]);
    ended(&mut report, vec![Outcome::Converged(How::Detached)]);
    world.passed(report);
    let converged = sample(&world.text(), actions, "outcome=\"converged\"");
    assert_eq!(converged, Some(1.0), "what happened is not hidden");
    assert_eq!(sample(&world.text(), "classiclinkd_mode", "mode=\"detach\""), Some(1.0));
}

#[tokio::test(start_paused = true)]
async fn a_read_that_is_refused_shows_until_one_succeeds() {
    let world = World::new();
    let fails = |class, code: &str| Err(CloudError::new(class, code, "text of the cloud"));
    let answers = vec![
        fails(Class::Throttled, "Throttling.User"),
        fails(Class::Unauthenticated, "InvalidAccessKeyId.NotFound"),
        fails(Class::Throttled, "Throttling.User"),
        Ok(()),
        fails(Class::Denied, "Forbidden.RAM"),
        Ok(()),
    ];
    let clock: Arc<dyn Clock> = Arc::<TokioClock>::clone(&world.clock);
    let metered = Metered::new(Script(Mutex::new(answers)), scope().account, clock);
    let metered = metered.counted_by(&world.counts);
    let query = Query::OfInstances { region: scope().region, instances: vec![id(1)] };
    for refused in [0.0, 1.0, 1.0, 0.0, 1.0, 0.0] {
        let _answer = metered.describe(&query).await;
        let shown = sample(&world.text(), "classiclinkd_credential_refused", "");
        assert_eq!(shown, Some(refused));
        assert_eq!(world.counts.refusing().len() as f64, refused);
    }
    let read = |error: &CloudError| {
        let region = Some(scope().region);
        world.counts.judged(&scope().account, region, Operation::Detach, Some((error, "x")));
        world.counts.refusing().len()
    };
    assert_eq!(
        read(&CloudError::new(Class::Denied, "x", "x")),
        0,
        "a change may be denied by itself"
    );
    assert_eq!(read(&CloudError::new(Class::Unauthenticated, "x", "x")), 1);
    world.counts.keep_only(&BTreeMap::<_, ()>::new());
    assert_eq!(world.counts.refusing().len(), 0, "nobody asks there any more");
}

#[tokio::test(start_paused = true)]
async fn what_became_of_news_is_shown_by_sink() {
    let mut world = World::new();
    let clock: Arc<dyn Clock> = Arc::<TokioClock>::clone(&world.clock);
    // Nobody listens there: at the end what is left gets one attempt, and is given up.
    let sinks = [Sink {
        name: "ops".to_owned(),
        kind: Form::Json,
        place: Place::Here(Address::parse("http://127.0.0.1:1/").unwrap()),
        secret_file: None,
        events: BTreeSet::new(),
        accounts: BTreeSet::new(),
        scopes: BTreeSet::new(),
        template: None,
        batch: Sink::BATCH,
        per_minute: Sink::PER_MINUTE,
    }];
    let notifier = Notifier::start(&sinks, &world.board, &Sender::default(), &clock, 1).unwrap();
    world.notifications = notifier.counters();
    let of = |world: &World, outcome: &str| {
        let labels = format!("outcome=\"{outcome}\"");
        sample(&world.text(), "classiclinkd_notifications_total", &labels)
    };
    for outcome in ["sent", "failed", "dropped"] {
        assert_eq!(of(&world, outcome), Some(0.0), "{outcome}");
    }
    world.board.trouble(Some("no".to_owned()), world.clock.now());
    notifier.end().await;
    assert_eq!((of(&world, "failed"), of(&world, "sent")), (Some(1.0), Some(0.0)));
}
