//! Who may pass: oauth2-proxy's checks as the keys of a route, and as rules where keys do not reach.

use super::report::Findings;
use super::table::Fate;
use super::words::{flow, quoted};
use super::{Options, ReadFile};

/// Who may pass, for every route that is not public.
#[derive(Debug, Default)]
pub(super) struct Access {
    everybody: bool,
    domains: Vec<String>,
    /// Endings of domains, with their dot.
    endings: Vec<String>,
    addresses: Vec<String>,
    groups: Vec<String>,
    networks: Vec<String>,
}

impl Access {
    pub(super) fn new(options: &Options<'_>, file: ReadFile<'_>, findings: &mut Findings) -> Self {
        let mut access = Self::default();
        for domain in options.all("email_domains") {
            let domain = domain.trim().trim_start_matches('@');
            match domain.trim_start_matches('*') {
                "" if domain == "*" => access.everybody = true,
                "" => {}
                ending if ending.starts_with('.') => {
                    access.endings.push(ending.to_ascii_lowercase());
                }
                _ => access.domains.push(domain.to_ascii_lowercase()),
            }
        }
        if access.everybody {
            findings.value(
                "email_domains",
                Fate::Carried,
                "`allow_any_authenticated_user`: everybody with an Apple account, also without an \
                 address",
            );
        }
        if let Some(path) = options.one("authenticated_emails_file") {
            match file(path) {
                Some(text) => access.addresses = addresses(&text),
                None => {
                    findings.value(
                        "authenticated_emails_file",
                        Fate::Changed,
                        "`allowed_users`, but the file cannot be read here, so nobody is in it yet",
                    );
                    findings.give(format!("`allowed_users`: the addresses of {}", quoted(path)));
                }
            }
        }
        access.groups = kept(options.all("allowed_groups"));
        if !access.groups.is_empty() {
            findings.give("`groups_file`: who is in which group, since Apple has none");
        }
        access.networks = kept(options.all("trusted_ips"));
        if !access.admits_somebody() {
            findings.give(
                "who may pass: `allowed_domains`, `allowed_users` or \
                 `allow_any_authenticated_user` of each route; nobody may yet",
            );
        }
        access
    }

    fn admits_somebody(&self) -> bool {
        self.everybody
            || !self.domains.is_empty()
            || !self.endings.is_empty()
            || !self.addresses.is_empty()
    }

    /// The keys of a route, each on a line without its indent. `public_method` passes without a
    /// session.
    pub(super) fn keys(&self, public_method: Option<&str>) -> Vec<String> {
        let simple = self.endings.is_empty()
            && self.groups.is_empty()
            && self.networks.is_empty()
            && public_method.is_none();
        if simple && self.admits_somebody() {
            return self.shortcuts();
        }
        let mut lines = vec!["policy:".to_owned()];
        if let Some(method) = public_method {
            lines.push(format!(
                "  - allow: {{and: [{{http_method: {{is: {}}}}}, {{accept: true}}]}}",
                quoted(method)
            ));
        }
        if !self.networks.is_empty() {
            lines.push(format!("  - allow: {{or: [{{source_ip: {}}}]}}", flow(&self.networks)));
        }
        let people = self.people();
        match self.groups.is_empty() {
            true if people.is_empty() => {}
            true => lines.push(format!("  - allow: {{or: [{}]}}", people.join(", "))),
            // Both must hold, and a rule has one operator: a rule for each pair.
            false => {
                for one in &people {
                    for group in &self.groups {
                        let group = quoted(group);
                        lines.push(format!(
                            "  - allow: {{and: [{one}, {{groups: {{has: {group}}}}}]}}"
                        ));
                    }
                }
            }
        }
        if lines.len() == 1 {
            // Nobody: a rule that lets nobody in is clearer than no rule at all.
            lines.push("  - deny: {or: [{accept: true}]}".to_owned());
        }
        lines
    }

    fn shortcuts(&self) -> Vec<String> {
        if self.everybody {
            return vec!["allow_any_authenticated_user: true".to_owned()];
        }
        let mut lines = Vec::new();
        if !self.domains.is_empty() {
            lines.push(format!("allowed_domains: {}", flow(&self.domains)));
        }
        if !self.addresses.is_empty() {
            lines.push(format!("allowed_users: {}", flow(&self.addresses)));
        }
        lines
    }

    fn people(&self) -> Vec<String> {
        if self.everybody {
            return vec!["{authenticated_user: true}".to_owned()];
        }
        let mut people = Vec::new();
        if !self.domains.is_empty() {
            people.push(format!("{{domain: {{in: {}}}}}", flow(&self.domains)));
        }
        for ending in &self.endings {
            people.push(format!("{{domain: {{ends_with: {}}}}}", quoted(ending)));
        }
        if !self.addresses.is_empty() {
            people.push(format!("{{email: {{in: {}}}}}", flow(&self.addresses)));
        }
        people
    }
}

/// The addresses of a file, one on each line; it is CSV, so a comma ends the address.
fn addresses(text: &str) -> Vec<String> {
    let lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
    let first =
        lines.map(|line| line.split(',').next().unwrap_or_default().trim().trim_matches('"'));
    first.filter(|one| !one.is_empty()).map(str::to_ascii_lowercase).collect()
}

fn kept(values: &[String]) -> Vec<String> {
    values.iter().map(|value| value.trim().to_owned()).filter(|value| !value.is_empty()).collect()
}
