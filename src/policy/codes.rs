//! The codes of this room's messages, R300 to R329. Errors first, warnings from R320 on.

/// Not of the form that the grammar asks for.
pub(super) const SHAPE: &str = "R300";
/// A key that is neither `allow` nor `deny`, or no operator.
pub(super) const UNKNOWN_KEY: &str = "R301";
/// A criterion that nobody knows.
pub(super) const UNKNOWN_CRITERION: &str = "R302";
/// Something of Pomerium's that Russet does not have.
pub(super) const NOT_HERE: &str = "R303";
/// A matcher operator that nobody knows.
pub(super) const UNKNOWN_MATCHER: &str = "R304";
/// Data that a criterion cannot use.
pub(super) const DATA: &str = "R305";
/// Shortcut keys that exclude each other.
pub(super) const CONFLICT: &str = "R306";
/// A group, or a member of one, that cannot be read or is not there.
pub(super) const GROUP: &str = "R310";
/// A named policy that is not there, or uses itself.
pub(super) const NAMED: &str = "R311";

/// Operators side by side in one body.
pub(super) const MIXED: &str = "R320";
/// `nor` over several criteria.
pub(super) const NOR: &str = "R321";
/// Data that reads as a denial and is not looked at.
pub(super) const IGNORED: &str = "R322";
/// A claim that Apple does not send.
pub(super) const NEVER_SENT: &str = "R323";
/// A value that can never match.
pub(super) const NEVER_EQUAL: &str = "R324";
/// A pattern that admits more than it seems to.
pub(super) const TOO_OPEN: &str = "R325";
/// Nobody is admitted, or an operator has nothing under it.
pub(super) const ADMITS_NOBODY: &str = "R326";
/// A time of a day without its zone.
pub(super) const NO_ZONE: &str = "R327";
/// A group that holds nobody, somebody twice, or probably somebody else.
pub(super) const ODD_GROUP: &str = "R330";
/// A named policy that nothing uses.
pub(super) const UNUSED: &str = "R331";
