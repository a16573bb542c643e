//! The gateway as the edge sees it: one worker's answer to every request of its connections.

use std::sync::Arc;

use http::{HeaderValue, Request, Response};

use crate::base::ids::RequestId;
use crate::edge::{ConnectionInfo, EarlyRefusal, RefusedHead, RequestBody, Service};
use crate::gateway::answer::body::AnswerBody;
use crate::gateway::answer::refusal;
use crate::gateway::answer::respond::Visitor;
use crate::gateway::external_auth;
use crate::gateway::forward::headers;
use crate::gateway::pipeline;
use crate::gateway::state::shared::Worker;
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
        _head: &RefusedHead,
        connection: &ConnectionInfo,
    ) -> Response<AnswerBody> {
        let plan = self.worker.plan();
        let id = RequestId::fresh();
        tracing::warn!(id = %id.short(), ip = %connection.peer.ip(), reason = refused.text(),
            "request refused before it was read");
        let visitor = Visitor { plan: &plan, id, host: "", preference: Format::Html };
        let mut response = refusal::at_the_edge(refused, &visitor);
        headers::on_ours(&mut response, &plan, id);
        response.headers_mut().insert(http::header::CONNECTION, HeaderValue::from_static("close"));
        response.map(AnswerBody::unlogged)
    }

    fn refused(&self, _refused: EarlyRefusal, _connection: &ConnectionInfo) {}
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
        _head: &RefusedHead,
        connection: &ConnectionInfo,
    ) -> Response<Self::Body> {
        tracing::warn!(ip = %connection.peer.ip(), reason = refused.text(),
            "request for external auth refused before it was read");
        let mut response = Response::new(tonic::body::Body::empty());
        *response.status_mut() = refused.status();
        response
    }

    fn refused(&self, _refused: EarlyRefusal, _connection: &ConnectionInfo) {}
}
