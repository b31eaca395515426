use super::*;

const DETACH: &str = "DetachClassicLinkVpc";
const OWN: [(&str, &str); 2] = [("InstanceId", "i-linked"), ("VpcId", "vpc-a")];

#[tokio::test]
async fn a_lost_answer_closes_the_connection_and_the_call_counts() {
    let served = Served::new().await;
    served.sim.set("lost", "next:1").unwrap();
    assert!(served.call(DETACH, "1", &OWN).await.is_none(), "no whole answer arrives");
    assert!(served.sim.links(&region(), &vpc("vpc-a")).is_empty());
    let got = served.call(DETACH, "2", &OWN).await.unwrap();
    assert_eq!(got.code(), "403 InvalidOperation.InvalidVpc");
}

#[tokio::test]
async fn a_reset_closes_the_connection_and_the_call_does_not_count() {
    let served = Served::new().await;
    served.sim.set("reset", "next:1").unwrap();
    assert!(served.call(DETACH, "1", &OWN).await.is_none());
    assert_eq!(served.sim.links(&region(), &vpc("vpc-a")).len(), 1);
    assert_eq!(served.call(DETACH, "2", &OWN).await.unwrap().code(), "200 ");
}

#[tokio::test]
async fn a_kept_connection_ends_with_a_lost_answer() {
    let served = Served::new().await;
    served.sim.set("lost", "100%").unwrap();
    let query = v1_query("GET", "sim-secret", v1_pairs(DETACH, "1", &OWN));
    // Without `connection: close`: the read ends only because the server hangs up.
    let request = format!("GET /?{query} HTTP/1.1\r\nhost: {}\r\n\r\n", served.host());
    assert!(Got::parse(&served.raw(&request).await).is_none());
}

#[tokio::test]
async fn a_proxy_answers_html() {
    let served = Served::new().await;
    served.sim.set("html", "next:1").unwrap();
    served.sim.set("html-status", "503").unwrap();
    let got = served.call(DETACH, "1", &OWN).await.unwrap();
    assert_eq!((got.status, got.header("content-type")), (503, "text/html"));
    assert!(got.body.starts_with("<html>"));
    assert_eq!(served.sim.links(&region(), &vpc("vpc-a")).len(), 1);
}

#[tokio::test]
async fn a_throttled_answer_says_how_long() {
    let served = Served::new().await;
    served.clock.advance(Duration::from_secs(15));
    for pair in ["limit-per-minute=0", "throttle-status=429", "throttle-code=Throttling.User"] {
        served.sim.with(|state, _| state.switches.set_pair(pair)).unwrap();
    }
    let got = served.call(DETACH, "1", &OWN).await.unwrap();
    assert_eq!(got.code(), "429 Throttling.User");
    assert_eq!(got.header("x-acs-retry-after"), "45000");
    served.sim.set("throttle-hint", "rate-limit").unwrap();
    let got = served.call(DETACH, "2", &OWN).await.unwrap();
    assert_eq!(got.header("x-acs-retry-after"), "");
    assert!(got.header("x-ratelimit-user-api").contains("timeleft:45000"));
    served.sim.set("throttle-hint", "none").unwrap();
    let got = served.call(DETACH, "3", &OWN).await.unwrap();
    assert!(!got.head.contains("x-ratelimit") && !got.head.contains("x-acs-retry-after"));
}

#[tokio::test]
async fn the_date_is_the_cloud_s() {
    let served = Served::new().await;
    served.sim.set("clock-skew", "10m").unwrap();
    let got = served.call(DETACH, "1", &OWN).await.unwrap();
    assert_eq!(got.header("date"), "wed, 01 may 2024 12:10:00 gmt");
}

#[tokio::test]
async fn serving_ends_when_it_is_told_to() {
    let (sim, _) = sim(&one_of_each());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let server = tokio::spawn(serve(sim, listener, stop.clone()));
    // A connection that says nothing must not hold it up.
    let _idle = TcpStream::connect(address).await.unwrap();
    stop.cancel();
    let ended = tokio::time::timeout(Duration::from_secs(10), server).await;
    assert!(ended.expect("in time").unwrap().is_ok());
}

#[tokio::test]
async fn a_slow_answer_does_not_hold_up_the_end() {
    let (sim, _) = sim(&one_of_each());
    sim.set("slow", "100%").unwrap();
    sim.set("slow-by", "10m").unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let stop = CancellationToken::new();
    let server = tokio::spawn(serve(sim.clone(), listener, stop.clone()));
    let query = v1_query("GET", "sim-secret", v1_pairs(DETACH, "1", &OWN));
    let request = format!("GET /?{query} HTTP/1.1\r\nhost: localhost\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let arrived = async {
        while sim.calls().is_empty() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), arrived).await.expect("the call arrives");
    stop.cancel();
    let ended = tokio::time::timeout(Duration::from_secs(10), server).await;
    assert!(ended.expect("in time").unwrap().is_ok());
}

#[tokio::test]
async fn no_bytes_of_a_stranger_break_the_server() {
    let served = Served::new().await;
    let mut rng = fastrand::Rng::with_seed(1);
    for _ in 0..50 {
        let noise: String = (0..200).map(|_| rng.char('\u{20}'..'\u{ff}')).collect();
        let target = crate::signature::encode(&noise).replace("%3D", "=").replace("%26", "&");
        served.send("GET", &format!("/?{target}"), &[], "").await.unwrap();
        let headers =
            [pair("authorization", &format!("ACS3-HMAC-SHA256 {}", noise.replace('\u{7f}', "")))];
        served.send("POST", "/", &headers, &noise).await;
    }
    assert_eq!(served.call(DETACH, "1", &OWN).await.unwrap().code(), "200 ");
}
