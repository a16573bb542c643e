//! How a command ended, as a number that scripts rely on.

use std::process::ExitCode;

/// How a command ended; scripts rely on the numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 0: fine.
    Fine,
    /// 1: failed.
    Failed,
    /// 2: the command line makes no sense.
    Usage,
    /// 3: the configuration is wrong.
    Configuration,
    /// 4: a policy test failed; or a difference was found that was asked about.
    PolicyTest,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Fine => 0,
            Exit::Failed => 1,
            Exit::Usage => 2,
            Exit::Configuration => 3,
            Exit::PolicyTest => 4,
        })
    }
}
