//! Keys of what is kept.

use super::key::*;
use super::row::{Scope, Type};

const STORE: &str = "leave it out: sessions are sealed into their cookies and survive a restart, ended ones are remembered in memory, and one Russet serves alone";
const CLUSTER: &str = "Russet has no cluster of its own; run one";

family! {
    FAMILY = "Storage", Scope::Top;

    STATE_DIR: File = file("state_dir", Content::Public,
        "Where made secrets are kept, mode 0700; without it `$STATE_DIRECTORY`, else `/var/lib/russet` if that can be written, else `$XDG_STATE_HOME/russet`.")
        .ours();
    ALLOW_READABLE_SECRET_FILES: Flag = flag("allow_readable_secret_files", false,
        "Accept files with secrets that everybody on the machine can read, for platforms that mount them so.")
        .ours();
    _ = unread("databroker_storage_type", Type::Choice(&["memory", "file", "postgres", "redis"]), "memory",
        "What keeps accounts and ended sessions.").not_yet(STORE);
    _ = unread("databroker_storage_connection_string", Type::Text, "",
        "Where that is.").not_yet(STORE).secret();
    _ = unread("databroker_storage_connection_string_file", Type::Path, "",
        "The file that says where that is.").not_yet(STORE);
    _ = unread("databroker_cluster_*", Type::Tree(&[]), "",
        "A cluster of databrokers.").refused(CLUSTER);
    _ = unread("databroker_raft_bind_address", Type::Text, "",
        "A cluster of databrokers.").refused(CLUSTER);
}
