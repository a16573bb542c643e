//! What a client is answered: pages and redirects of ours, refusals, and the body that carries the
//! log line of its request to its end.

pub(crate) mod body;
pub(crate) mod evidence;
pub(crate) mod refusal;
pub(crate) mod respond;
