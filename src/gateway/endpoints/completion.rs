//! The page for a sign-in that began no session.

use crate::accounts::FailureCause;
use crate::pages::{Href, View};

/// What the browser is told; the log says more.
pub(super) fn page(cause: FailureCause, start_again: Href) -> View {
    match cause {
        FailureCause::Cancelled => View::Cancelled { retry: start_again },
        FailureCause::Refused => View::AppleRefused { start_again },
        FailureCause::CodeUsed => View::CodeUsed { start_again },
        FailureCause::AppleUnavailable => View::AppleUnavailable { start_again },
        FailureCause::KeysUnavailable => View::KeysUnavailable { start_again },
    }
}
