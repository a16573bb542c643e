//! What the YAML parser complains about, in an operator's words.

use granit_parser::{ErrorKind, ScanError};

/// What is wrong, and what to do.
pub(super) fn explain(error: &ScanError) -> (String, &'static str) {
    use ErrorKind as Is;
    let (message, help) = match error.kind() {
        Is::TabNotAllowed
        | Is::TabInBlockIndentation
        | Is::TabInIndentation
        | Is::TabAtBlockScalarStart
        | Is::TabInPlainScalar => {
            ("a tab stands where YAML wants spaces", "indent with spaces, two for each level")
        }
        Is::UnclosedQuotedScalar
        | Is::DocumentIndicatorInQuotedScalar
        | Is::InvalidQuotedScalarIndent => (
            "a quote is opened and not closed before this line",
            "close it, or write the text without quotes",
        ),
        Is::UnclosedFlowCollection { .. }
        | Is::UnexpectedEofFlowSequence
        | Is::UnexpectedEofFlowMapping
        | Is::UnexpectedEofImplicitFlowMapping
        | Is::ExpectedFlowMappingSeparator
        | Is::ExpectedFlowSequenceSeparator => (
            "a `[` or `{` is not closed, or a comma is missing",
            "check the brackets; text that holds one goes into quotes",
        ),
        Is::MappingValueNotAllowed | Is::InvalidColonPlacement | Is::MappingKeyNotAllowed => (
            "a `key: value` cannot stand here",
            "text that holds `: ` goes into quotes; otherwise the line is indented wrongly",
        ),
        Is::InvalidIndentation
        | Is::ExpectedBlockMappingKey
        | Is::ExpectedBlockSequenceEntry
        | Is::BlockSequenceEntryNotAllowed
        | Is::ExpectedDocumentStart
        | Is::InvalidBlockScalarIndent
        | Is::InvalidFlowScalarIndent => {
            ("the indentation does not fit the lines above", "keys of one map begin in one column")
        }
        Is::SimpleKeyExpected | Is::InvalidSimpleKey => {
            ("a line without a colon stands among `key: value` lines", "write `key: value`")
        }
        Is::UnexpectedCharacter { .. } => {
            ("this character cannot begin a value", "put the value into quotes")
        }
        Is::UnknownQuotedScalarEscape | Is::InvalidQuotedScalarHexEscape => (
            "a backslash in double quotes begins an escape, and there is no such escape",
            "use single quotes, where a backslash is a backslash",
        ),
        Is::DirectiveDisallowed => ("directives are not used here", "remove the line with the `%`"),
        Is::BomInsideDocument => {
            ("there is a byte order mark inside the text", "remove it; an editor may not show it")
        }
        _ => return (error.info().replace('\n', " "), ""),
    };
    (message.to_owned(), help)
}
