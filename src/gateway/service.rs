//! The gateway as the edge sees it: one worker's answer to every request of its connections.

use std::borrow::Cow;
use std::sync::Arc;

use http::{Request, Response};

use super::answer::body::{AnswerBody, Source};
use super::answer::refusal;
use super::answer::respond::Visitor;
use super::state::worker::Worker;
use super::{external_auth, pipeline};
use crate::edge::{ConnectionInfo, EarlyRefusal, RefusedHead, RequestBody, Service};
use crate::telemetry::Record;
use crate::wire::accept::Format;

/// One worker's service.
#[derive(Debug)]
pub struct Gateway {
    worker: Arc<Worker>,
}

impl Gateway {
    /// The service of one worker.
    pub fn new(worker: Arc<Worker>) -> Self {
        Self { worker }
    }
}

impl Service for Gateway {
    type Body = AnswerBody;

    async fn call(
        &self,
        request: Request<RequestBody>,
        connection: ConnectionInfo,
    ) -> Response<AnswerBody> {
        pipeline::handle(request, &connection, &self.worker).await
    }

    fn refuse(
        &self,
        refused: EarlyRefusal,
        head: &RefusedHead,
        connection: &ConnectionInfo,
    ) -> Response<AnswerBody> {
        let plan = self.worker.plan();
        let mut record = refused_record(Some(head), connection);
        let visitor = Visitor { plan: &plan, id: record.id, host: "", preference: Format::Html };
        let refused = refusal::early(refused);
        let response = pipeline::refuse_and_close(refused, &visitor, &mut record);
        pipeline::log_at_end(response.map(Source::Ours), record, &self.worker)
    }

    fn refused(&self, refused: EarlyRefusal, connection: &ConnectionInfo) {
        log_refused(refused, refused_record(None, connection), &self.worker);
    }
}

/// The record of a request that the edge refuses. What the client sent is unchecked; the log writes
/// it as safe text.
fn refused_record(head: Option<&RefusedHead>, connection: &ConnectionInfo) -> Record {
    let record = pipeline::empty_record(connection.peer.ip());
    match head {
        None => record,
        Some(head) => Record {
            method: head.method().clone(),
            host: Cow::Owned(head.host().unwrap_or_default().to_owned()),
            path: head.path().to_owned(),
            ..record
        },
    }
}

/// Logs a request that nobody above the edge answers.
fn log_refused(refused: EarlyRefusal, mut record: Record, worker: &Worker) {
    record.reasons.push(refusal::early_code(refused).word());
    if refused.is_answered() {
        record.status = refused.status().as_u16();
    }
    worker.shared.logs.request(&record);
}

/// One worker's answers to Envoy over gRPC (`external_auth.grpc_address`).
#[derive(Debug)]
pub struct EnvoyAuthorization {
    worker: Arc<Worker>,
}

impl EnvoyAuthorization {
    /// The service of one worker.
    pub fn new(worker: Arc<Worker>) -> Self {
        Self { worker }
    }
}

impl Service for EnvoyAuthorization {
    type Body = tonic::body::Body;

    async fn call(
        &self,
        request: Request<RequestBody>,
        connection: ConnectionInfo,
    ) -> Response<Self::Body> {
        external_auth::grpc::serve(request, connection.peer.ip(), &self.worker).await
    }

    fn refuse(
        &self,
        refused: EarlyRefusal,
        head: &RefusedHead,
        connection: &ConnectionInfo,
    ) -> Response<Self::Body> {
        log_refused(refused, envoy_record(Some(head), connection), &self.worker);
        let mut response = Response::new(tonic::body::Body::empty());
        *response.status_mut() = refused.status();
        response
    }

    fn refused(&self, refused: EarlyRefusal, connection: &ConnectionInfo) {
        log_refused(refused, envoy_record(None, connection), &self.worker);
    }
}

fn envoy_record(head: Option<&RefusedHead>, connection: &ConnectionInfo) -> Record {
    let detail = Some("asked by envoy-grpc".to_owned());
    Record { detail, ..refused_record(head, connection) }
}
