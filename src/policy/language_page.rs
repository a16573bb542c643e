//! The reference page of the language, written from the tables of criteria and matchers.

use std::fmt::Write as _;

use super::criteria::{criteria, unsupported};
use super::criterion::{Data, Row};
use super::matchers::{ListOperator, TextOperator};

/// `docs/policy/language.md`.
pub fn language_page() -> String {
    let mut page = String::from(INTRODUCTION);
    for row in criteria() {
        write_criterion(&mut page, row);
    }
    let refused: Vec<String> = unsupported::names().map(|name| format!("`{name}`")).collect();
    let _ = write!(
        page,
        "\nOf Pomerium's criteria these are refused by name, with what to write instead: {}.\n",
        refused.join(", ")
    );
    page.push_str(TEXT_MATCHERS);
    let text = TextOperator::ALL.map(|operator| (operator.word(), operator.described()));
    write_operators(&mut page, &text);
    page.push_str(STRICT);
    page.push_str(LIST_MATCHERS);
    let lists = ListOperator::ALL.map(|operator| (operator.word(), operator.described()));
    write_operators(&mut page, &lists);
    page
}

const INTRODUCTION: &str = "\
<!-- Written from src/policy by `UPDATE=1 cargo test --lib policy::`; edit the tables there. -->

# The policy language

A route's `policy` says who may pass. The language is Pomerium's (PPL): what runs there means the same
here, and what is Pomerium's own paid edition there is simply included. Nobody passes whom no `allow`
admits, and a `deny` beats every `allow`, wherever it stands.

```yaml fragment
policy:
  - allow:
      and:
        - domain: corp.example
        - day_of_week: mon-fri
  - deny:
      or:
        - email: eve@corp.example
```

## Operators

| operator | holds where |
| --- | --- |
| `and` | all of its criteria hold |
| `or` | at least one holds |
| `not` | none holds |
| `nor` | at least one does not hold; the name misleads |

Operators side by side in one body are alternatives: one of them is enough. So are the rules of a list,
and a route's shortcut keys in addition to its `policy`. The order never matters.

## Three answers

A criterion says yes, no or *unknown*. Unknown is what there is but cannot be relied on: an address that
Apple does not vouch for, a claim that did not fit the session, a name in a certificate that is not
valid; and everything about a person while nobody is signed in. An `allow` needs a yes; a `deny` fires on
yes and on unknown. What is absent is not unknown: an absent claim is an empty list, an absent
address matches nothing, negative matchers included.

## What becomes of a request

In this order:

1. A `deny` gave the reason `client-certificate-required` or `invalid-client-certificate`: refused with
   495, before any sign-in.
2. Any rule gave `user-unauthenticated` or `auth-age-exceeded`: the person signs in first. Page loads are
   taken there (302), everything else is told so (401).
3. A `deny` holds or is unknown: refused with 403.
4. An `allow` holds: the request passes.
5. Else it is refused with 403.

## Criteria

Reasons are the words by which logs, tests and `explain` say why. Data that a criterion does not look at
changes nothing: `accept: false` accepts.
";

const TEXT_MATCHERS: &str = "
## Matchers of text

A bare text means `is`. In a map all operators must hold. Types are strict: the number 1 is not the text
\"1\". In addresses and domains the case of ASCII letters does not count; everywhere else it does. A regular
expression means the whole text, is matched in time linear in it, and has bounds: 1,024 bytes written,
256 KiB compiled.

| operator | holds where | example |
| --- | --- | --- |
";

const STRICT: &str = "
For `email` and `domain`, `strict: true` next to the operators makes the case of letters count:

```yaml fragment
email: {is: Ann@corp.example, strict: true}
```
";

const LIST_MATCHERS: &str = "
## Matchers of lists

A bare value means `has`. In a map all operators must hold. A claim with one value is a list of one, an
absent one an empty list. `email_verified` and `is_private_email` are booleans however Apple and the policy
write them; otherwise types are strict, and `check` warns where a value can never equal what Apple sends.

| operator | holds where | example |
| --- | --- | --- |
";

fn write_criterion(page: &mut String, row: &Row) {
    let path = if row.takes_path { "/NAME" } else { "" };
    let reasons: Vec<String> =
        row.reasons.iter().map(|reason| format!("`{}`", reason.word())).collect();
    let _ = write!(
        page,
        "\n### `{}{path}`\n\n{}\n\n- Data: {}.\n- Reasons: {}.\n\n```yaml fragment\n- {}\n```\n",
        row.name,
        row.sentence,
        row.data.words(),
        reasons.join(", "),
        row.example
    );
}

fn write_operators(page: &mut String, operators: &[(&str, (&str, &str))]) {
    for (word, (sentence, example)) in operators {
        let _ = writeln!(page, "| `{word}` | {sentence} | `{{{example}}}` |");
    }
}

impl Data {
    /// What stands after the key, in words.
    fn words(self) -> &'static str {
        match self {
            Self::Ignored => "anything; it is not looked at",
            Self::Text => "a text, or a matcher of text",
            Self::List => "a value, or a matcher of lists",
            Self::Networks => "an IP address, a range of them, or a list of these",
            Self::Certificate => {
                "a map of `fingerprint` (SHA-256: 64 lower-case hexadecimal digits, or 32 \
                 upper-case pairs with colons), `spki_hash` (base64 of the SHA-256 of the public \
                 key), each one or a list, and `san_email`, `san_dns`, `san_uri`, each a text or a \
                 matcher of text"
            }
            Self::Dates => {
                "a map of `after`, `before` (`2026-09-01`, `2026-09-01T08:00:00`, \
                 `2026-09-01T08:00:00+02:00`) and `timezone`"
            }
            Self::Days => {
                "`\"*\"`, a day (`mon`, `monday`), a range (`mon-fri`, `sat-mon`), several with \
                 commas, a list of these, or a map of `days` and `timezone`"
            }
            Self::Times => {
                "a map of `timezone`, `after`, `before` (`8:00`, `18:30:00`, `6:30 PM`; the end of \
                 a day is `24:00`)"
            }
            Self::Truth => "`true` or `false`",
            Self::Organization => "`true`, `false`, or the id of an organization",
            Self::Duration => "a duration of at least two minutes: `15m`, `12h`",
        }
    }
}
