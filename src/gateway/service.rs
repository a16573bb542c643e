//! The gateway as the edge sees it: one worker's answer to every request of its connections.

use std::sync::Arc;

use http::{Request, Response};

use super::answer::body::{AnswerBody, Source};
use super::answer::refusal;
use super::answer::respond::Visitor;
use super::state::shared::Worker;
use super::{external_auth, pipeline};
use crate::edge::{ConnectionInfo, Refusal, RequestBody, Service};
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

    fn refuse(&self, refused: Refusal, connection: &ConnectionInfo) -> Response<AnswerBody> {
        let plan = self.worker.plan();
        let mut record = pipeline::empty_record(connection.peer.ip());
        let visitor = Visitor { plan: &plan, id: record.id, host: "", preference: Format::Html };
        let refused = refusal::early(refused);
        let response = pipeline::refuse_and_close(refused, &visitor, &mut record);
        pipeline::logged(response.map(Source::Ours), record, &self.worker)
    }
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

    fn refuse(&self, refused: Refusal, connection: &ConnectionInfo) -> Response<Self::Body> {
        let mut response = Response::new(tonic::body::Body::empty());
        *response.status_mut() = refused.status();
        let mut record = pipeline::empty_record(connection.peer.ip());
        record.reasons.push(refusal::early_code(refused).word());
        record.detail = Some("asked by envoy-grpc".to_owned());
        record.status = response.status().as_u16();
        self.worker.shared.logs.request(&record);
        response
    }
}
