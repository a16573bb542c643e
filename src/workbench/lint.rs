//! What is probably not meant, beyond what loading warns of: by the shape of the policies, and by
//! what a decision log shows that they never did.

use std::collections::BTreeSet;

use super::asker::Asker;
use super::log::{People, Recorded};
use crate::base::diagnostic::Diagnostics;
use crate::config::codes;
use crate::decision::{Face, Facts, NotSignedIn, RouteRule, Rules, judge};
use crate::identity::domain_of;
use crate::policy::{Groups, Openness, Tally, Unrecorded, Who};
use crate::wire::host::Authority;

/// Warns of what the shape of the policies alone shows.
pub fn shape(rules: &Rules, diagnostics: &mut Diagnostics) {
    for route in rules.routes() {
        either_way(route, diagnostics);
        everybody(route, diagnostics);
    }
}

/// Shortcut keys do not narrow a policy down; they are another way in.
fn either_way(route: &RouteRule, diagnostics: &mut Diagnostics) {
    let criteria: Vec<_> = route.policy.all_criteria().collect();
    let is_policy = |rule: &str| rule.contains('.');
    let harmless = "cors_allow_preflight";
    let shortcut = criteria.iter().find(|(at, _)| !is_policy(at.rule) && at.rule != harmless);
    let written = criteria.iter().find(|(at, _)| at.rule.contains(".allow"));
    if let (Some((key, _)), Some((_, place))) = (shortcut, written) {
        diagnostics.warning(
            codes::EITHER_WAY,
            *place,
            format!(
                "the route `{}` has `{}` and a policy: whom either of them admits passes",
                route.id, key.rule
            ),
            "to ask for both, put the key's condition into the policy, under the same `and`",
        );
    }
}

/// A criterion that admits everybody, or every Apple account, and is written in a policy: whoever
/// means it says so by the shortcut key, which nobody takes for a restriction.
fn everybody(route: &RouteRule, diagnostics: &mut Diagnostics) {
    for (_, place, openness) in route.policy.open_criteria() {
        let whom = match openness {
            _ if place.is_none() => continue,
            Openness::Everybody => "everybody, signed in or not",
            Openness::AnyAccount => "everybody who has an Apple account",
            Openness::Some | Openness::Nobody => continue,
        };
        diagnostics.warning(
            codes::ADMITS_EVERYBODY,
            place,
            format!("the policy of `{}` admits {whom}", route.id),
            "if this is meant, say so by `allow_public_unauthenticated_access` or \
             `allow_any_authenticated_user`; anybody can make an Apple account",
        );
    }
}

/// Counts what a log shows of the rules, line by line.
#[derive(Debug)]
pub struct Shown<'r> {
    rules: &'r Rules,
    asked: BTreeSet<usize>,
    /// By route: what each criterion said.
    tallies: Vec<Vec<Tally>>,
}

impl<'r> Shown<'r> {
    /// Nothing was shown yet.
    pub fn new(rules: &'r Rules) -> Self {
        let places =
            |route: &RouteRule| vec![Tally::default(); route.policy.all_criteria().count()];
        let tallies = rules.routes().iter().map(places).collect();
        Self { rules, asked: BTreeSet::new(), tallies }
    }

    /// Takes one line in.
    pub fn line(&mut self, recorded: &Recorded<'_>) {
        let Some(path) = recorded.path.as_deref() else { return };
        let Ok(authority) = Authority::parse(&recorded.host) else { return };
        let asker = recorded.somebody.as_ref().map(|somebody| &*somebody.asker);
        let facts = Facts {
            face: Face::PolicyTool,
            now: recorded.at,
            authority: &authority,
            method: &recorded.method,
            path,
            source_ip: recorded.ip,
            cors_preflight: recorded.cors_preflight,
            client_certificate: recorded.certificate.as_deref(),
            supposed: asker.and_then(|asker| asker.supposed.as_ref()),
        };
        let identity = asker.map(|asker| &asker.identity);
        let judgement = judge(self.rules, &facts, identity.ok_or(NotSignedIn::NoCookie));
        let Ok(judged) = judgement.judged() else { return };
        self.asked.insert(judged.route.0);
        let question = facts.question(identity);
        let route = self.rules.route(judged.route);
        if let (Some(route), Some(tally)) = (route, self.tallies.get_mut(judged.route.0)) {
            route.policy.tally(&judged.verdict, &question, tally);
        }
    }

    /// Warns of what the log never shows.
    pub fn tell(&self, diagnostics: &mut Diagnostics) {
        for (index, (route, tallies)) in self.rules.routes().iter().zip(&self.tallies).enumerate() {
            if !self.asked.contains(&index) {
                diagnostics.warning(
                    codes::NEVER_ASKED,
                    None,
                    format!("nobody asked for the route `{}` in this log", route.id),
                    "remove it if it has served its time; a log of a longer time may show it",
                );
                continue;
            }
            for ((at, place), tally) in route.policy.all_criteria().zip(tallies) {
                // What the log does not keep may have decided.
                if tally.decided > 0 || tally.unknown > 0 {
                    continue;
                }
                let held = match (tally.yes, tally.no) {
                    (0, _) => "it never held",
                    (_, 0) => "it always held",
                    _ => "others decided",
                };
                diagnostics.warning(
                    codes::NEVER_DECIDED,
                    place,
                    format!(
                        "nothing on `{}` rested on `{}` ({}) in this log: {held}",
                        route.id, at.criterion, at.rule
                    ),
                    "remove it if nobody needs it; a log of a longer time may show who does",
                );
            }
        }
    }
}

/// Warns of members of groups whom the log never shows, as far as it tells who asked.
pub fn members(groups: &Groups, people: &People, diagnostics: &mut Diagnostics) {
    let everybody = || people.all().iter().map(|known| &*known.last);
    let missing = |who: &Asker, of: fn(&Unrecorded) -> bool| {
        who.supposed.as_ref().is_some_and(|supposed| of(&supposed.unrecorded))
    };
    for member in groups.members() {
        // Whoever's address was not recorded may be meant.
        let shown = match &member.who {
            Who::Subject(subject) => everybody().any(|who| *who.identity.subject == **subject),
            Who::Address(address) => everybody().any(|who| {
                let known = who.identity.address.verified();
                missing(who, |it| it.mailbox)
                    || known.is_some_and(|a| a.eq_ignore_ascii_case(address))
            }),
            Who::Domain(domain) => everybody().any(|who| {
                let known = who.identity.address.verified().and_then(domain_of);
                missing(who, |it| it.domain)
                    || known.is_some_and(|d| d.eq_ignore_ascii_case(domain))
            }),
        };
        if !shown {
            diagnostics.warning(
                codes::NEVER_SEEN,
                member.place,
                format!("`{}` of the group `{}` is nowhere in this log", member.who, member.group),
                "remove it if they have left; a log of a longer time may show them",
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::base::time::Timestamp;
    use crate::config::{self, LoadedRules};
    use crate::decision::record::Redact;
    use crate::workbench::log::tests::{Written, allowed, session};
    use crate::workbench::log::{Read, Reader};

    const TEXT: &str = "
routes:
  - name: wiki
    from: https://wiki.example.com
    to: http://127.0.0.1:1
    allowed_domains: [corp.example]
    policy: {allow: {and: [{claim/org_id: A1}, {http_method: GET}]}}
  - name: open
    from: https://open.example.com
    to: http://127.0.0.1:1
    policy: {allow: {and: [{authenticated_user: true}]}, deny: {or: [{source_ip: 10.0.0.1}]}}
  - name: idle
    from: https://idle.example.com
    to: http://127.0.0.1:1
    cors_allow_preflight: true
    policy: {allow: {and: [{accept: true}, {user: '001'}]}}
";

    fn loaded() -> LoadedRules {
        config::load_rules_text("config.yaml", TEXT, &|_| None, Timestamp(1_800_000_000))
    }

    fn messages(loaded: &LoadedRules, told: &Diagnostics) -> Vec<String> {
        let told = told.sorted().into_iter();
        told.map(|told| format!("{}: {}", told.code, told.render(&loaded.sources))).collect()
    }

    #[test]
    fn the_shape_shows_ways_in_that_nobody_meant() {
        let loaded = loaded();
        let mut told = Diagnostics::default();
        shape(loaded.rules.as_ref().unwrap(), &mut told);
        let said = messages(&loaded, &told);
        assert_eq!(said.len(), 2, "{said:#?}");
        assert!(
            said[0].contains("config.yaml:7:")
                && said[0].contains("`wiki` has `allowed_domains` and a policy"),
            "{said:#?}"
        );
        assert!(
            said[1].contains("config.yaml:11:")
                && said[1].contains("policy of `open` admits everybody who has"),
            "{said:#?}"
        );
    }

    #[test]
    fn a_log_shows_what_was_never_asked_and_what_never_decided() {
        let loaded = loaded();
        let rules = loaded.rules.as_ref().unwrap();
        let ann =
            session(&json!({"sub": "001", "email": "ann@corp.example", "email_verified": true}));
        let lines =
            [allowed(Some(&ann)), Written { host: "open.example.com", ..allowed(Some(&ann)) }];
        let (mut reader, mut shown) = (Reader::default(), Shown::new(rules));
        for line in &lines {
            let text = line.line();
            let Ok(Read::Decision(recorded)) = reader.read(text.trim_end()) else {
                panic!("{text}")
            };
            shown.line(&recorded);
        }
        let mut told = Diagnostics::default();
        shown.tell(&mut told);
        let said = messages(&loaded, &told).join("\n");
        for expected in [
            "nobody asked for the route `idle`",
            "on `wiki` rested on `claim/org_id` (policy.allow.and[0]) in this log: it never held",
            "on `wiki` rested on `http_method` (policy.allow.and[1]) in this log: it always held",
            "on `open` rested on `source_ip` (policy.deny.or[0]) in this log: it never held",
        ] {
            assert!(said.contains(expected), "{expected}\n{said}");
        }
        assert_eq!(told.warnings(), 4, "{said}");
    }

    #[test]
    fn members_whom_the_log_never_shows_are_named_with_their_place() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("groups.yaml");
        let written = "staff: ['sub:001', 'sub:002', ANN@corp.example, ben@corp.example]\n\
                       guests: ['domain:Corp.example', 'domain:partner.example']\n";
        std::fs::write(&file, written).unwrap();
        let text = format!(
            "groups_file: {}\nroutes:\n  - {{from: 'https://a.example', to: 'http://127.0.0.1:1', \
             policy: {{allow: {{or: [{{groups: staff}}]}}}}}}\n",
            file.display()
        );
        let now = Timestamp(1_800_000_000);
        let loaded = config::load_rules_text("config.yaml", &text, &|_| None, now);
        let groups = loaded.groups.as_ref().unwrap();
        let said = |redact: Redact| {
            let ann = json!({"sub": "001", "email": "ann@corp.example", "email_verified": true});
            let ann = session(&ann);
            let mut reader = Reader::default();
            let line = Written { redact, ..allowed(Some(&ann)) }.line();
            assert!(reader.read(line.trim_end()).is_ok());
            let mut told = Diagnostics::default();
            members(groups, &reader.people, &mut told);
            messages(&loaded, &told)
        };
        let clear = said(Redact::Nothing);
        assert_eq!(clear.len(), 3, "{clear:#?}");
        assert!(
            clear[0].contains("groups.yaml:1:")
                && clear[0].contains("`sub:002` of the group `staff`"),
            "{clear:#?}"
        );
        assert!(clear[1].contains("`ben@corp.example` of the group `staff`"), "{clear:#?}");
        assert!(
            clear[2].contains("groups.yaml:2:") && clear[2].contains("`domain:partner.example`"),
            "{clear:#?}"
        );
        // Whoever's address is not in the log may be anybody.
        assert_eq!(said(Redact::Hash).len(), 2);
        assert_eq!(said(Redact::LeaveOut).len(), 1);
    }
}
