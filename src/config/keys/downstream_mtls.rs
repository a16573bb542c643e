//! Keys inside `downstream_mtls`, as far as they decide who may pass.

use super::key::*;
use super::row::{Scope, Type};

/// What is done about a client without a valid certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) enum Enforcement {
    /// Policies say what.
    Policy,
    /// Every route refuses it.
    Refuse,
}

family! {
    FAMILY = "Certificates of clients: the keys of `downstream_mtls`, which is not served yet", Scope::DownstreamMtls;

    CA: Text = text("ca", "", "Whose certificates clients may show.").decides();
    CA_FILE: Text = text("ca_file", "", "The file of those authorities.").decides();
    _ = checked("crl", Type::Text, "", "Certificates that were withdrawn.").decides();
    _ = checked("crl_file", Type::Path, "", "The file of certificates that were withdrawn.").decides();
    ENFORCEMENT: Word<Enforcement> = word("enforcement",
        &[
            ("policy", Enforcement::Policy),
            ("policy_with_default_deny", Enforcement::Refuse),
            ("reject_connection", Enforcement::Refuse),
        ], ("policy_with_default_deny", Enforcement::Refuse),
        "What is done about clients without a valid certificate.").decides();
    _ = checked("match_subject_alt_names", Type::Tree(&[]), "",
        "Which names certificates must hold.").decides();
    _ = checked("max_verify_depth", Type::Text, "",
        "How long a chain may be.").decides();
}
