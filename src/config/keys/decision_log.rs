//! Keys inside `decision_log`.

use std::time::Duration;

use super::key::*;
use super::row::Scope;
use crate::decision::record::Redact;

const MIB: u64 = 1 << 20;
const TEN_YEARS: u64 = 3_650 * 86_400;

family! {
    FIELD_KEYS = "Decision log: its keys", Scope::DecisionLog;

    PATH: Text = text("path", "",
        "The file that decisions are written to; `-` is standard output.").ours();
    ROTATE: Tree = tree("rotate", &[],
        "When a new file is begun, and what becomes of the old ones; a map of the keys below.").ours();
    REDACT: Word<Redact> = word("redact",
        &[("none", Redact::Nothing), ("hash", Redact::Hash), ("omit", Redact::LeaveOut)], ("none", Redact::Nothing),
        "`none` writes people's addresses in clear, `hash` their SHA-256 and domain, `omit` nothing of them.").ours();
}

family! {
    ROTATION_KEYS = "Decision log: `rotate`", Scope::Rotation;

    SIZE: Size = size("size", (64 << 10, "no limit"), 128 * MIB,
        "How large a file becomes before the next one is begun.").ours();
    AGE: Time = time("age", (60, TEN_YEARS, Some("no limit")), Duration::from_secs(24 * 3_600),
        "How long a file is written to before the next one is begun.").ours();
    KEEP: Count = count("keep", (0, 100_000, Some("all of them")), 14,
        "How many old files are kept.").ours();
    COMPRESS: Flag = flag("compress", true,
        "Whether old files are compressed with gzip.").ours();
}
