//! Keys inside one of `certificates`.

use super::key::*;
use super::row::Scope;

family! {
    FAMILY = "Certificates: the keys of each", Scope::Certificate;

    CERT: File = file("cert", Content::Public,
        "The file of the certificate with its chain, PEM.");
    KEY: File = file("key", Content::Secret,
        "The file of its private key, PEM.");
}
