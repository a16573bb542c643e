//! A panic while a request is answered.

use std::sync::Arc;

use crate::support::{Multiplexed, Site, Wire};
use http::{Request, Response};
use russet::edge::{
    self, ConnectionInfo, EarlyRefusal, Limits, RefusedHead, RequestBody, Service, Slots, Workers,
};
use russet::gateway::{AnswerBody, Gateway, Worker};
use serde_json::json;

/// The gateway, but for one path that panics.
struct Touchy(Gateway);

impl Service for Touchy {
    type Body = AnswerBody;

    async fn call(
        &self,
        request: Request<RequestBody>,
        connection: ConnectionInfo,
    ) -> Response<AnswerBody> {
        assert_ne!(request.uri().path(), "/panic", "secret-of-the-panic");
        self.0.call(request, connection).await
    }

    fn refuse(
        &self,
        refusal: EarlyRefusal,
        head: &RefusedHead,
        connection: &ConnectionInfo,
    ) -> Response<AnswerBody> {
        self.0.refuse(refusal, head, connection)
    }

    fn refused(&self, refusal: EarlyRefusal, connection: &ConnectionInfo) {
        self.0.refused(refusal, connection);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn t86_a_panic_ends_one_request_and_hurts_no_other() {
    let site = Site::plain().await;
    let shared = Arc::clone(site.running.shared());
    let listeners = edge::bind("127.0.0.1:0".parse().unwrap(), 1).unwrap();
    let address = listeners[0].local_addr().unwrap();
    let workers = Workers::start(
        listeners,
        None,
        &Arc::new(Limits::default()),
        &Slots::from_system(),
        move |worker| {
            Touchy(Gateway::new(Arc::new(Worker::new(Arc::clone(&shared), worker.tasks))))
        },
    );
    let _workers = workers.unwrap();
    let (host, cookie) = (site.host("wiki"), site.cookie("wiki", json!({})));
    let headers = [("Host", host.as_str()), ("Cookie", cookie.as_str())];
    let mut neighbour = Wire::to(address).await;
    neighbour
        .send(format!(
            "POST /slow HTTP/1.1\r\nHost: {host}\r\nCookie: {cookie}\r\nContent-Length: 4\r\n\r\nab"
        ))
        .await;
    for _ in 0..3 {
        let answer = Wire::to(address).await.ask("GET /panic HTTP/1.1", &headers).await;
        assert_eq!(answer.status, 500);
        assert!(!answer.body.contains("secret-of-the-panic") && !answer.body.contains(".rs"));
        assert_eq!(answer.one("cache-control"), Some("no-store"));
        assert_eq!(Wire::to(address).await.ask("GET / HTTP/1.1", &headers).await.status, 200);
    }
    // Streams of one connection are neighbours too.
    let mut client = Multiplexed::to(address).await;
    for (path, status) in [("/", 200), ("/panic", 500), ("/", 200)] {
        let answer = client
            .ask("GET", &format!("http://{host}{path}"), &[("cookie", &cookie)])
            .await
            .unwrap();
        assert_eq!(answer.status, status, "{path}");
    }
    neighbour.send("cd").await;
    assert_eq!(neighbour.answer(false).await.unwrap().status, 200);
    assert!(site.app.requests().iter().all(|request| request.target() != "/panic"));
}
