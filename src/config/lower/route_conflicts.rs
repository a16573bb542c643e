//! What routes do to each other: the same one twice, one that hides another, and a prefix that
//! opens the paths next to it (T72).

use std::collections::HashMap;

use super::Context;
use super::routes::{Route, WrittenPath};
use crate::config::codes;
use crate::decision::RouteHost;
use crate::gateway::paths;
use crate::policy::Openness;

/// Compares the routes; `any_written` where the lists of routes hold anything at all.
pub(super) fn check(routes: &[Route], any_written: bool, context: &mut Context<'_>) {
    if routes.is_empty() && !any_written {
        let message = "there is no route, so every request is answered with 404";
        let help = "add `routes:` with `from`, `to` and who may pass";
        context.warning(codes::UNREACHED, None, message, help);
    }
    let mut hosts: HashMap<&RouteHost, Vec<&Route>> = HashMap::new();
    for route in routes {
        check_reserved(route, context);
        if let Some(from) = &route.from {
            hosts.entry(&from.from).or_default().push(route);
        }
    }
    for routes in hosts.into_values() {
        check_host(&routes, context);
    }
}

fn check_reserved(route: &Route, context: &mut Context<'_>) {
    let Some(WrittenPath::Prefix(path) | WrittenPath::Exact(path)) = &route.path else { return };
    let mut reserved = paths::TREES.iter().chain(&paths::ON_ANY_HOST);
    let Some(own) = reserved.find(|own| path.starts_with(**own)) else { return };
    let message = format!("`{path}` is never reached: Russet answers `{own}` itself on every host");
    context.warning(codes::UNREACHED, route.place(), message, "give the application another path");
}

/// The routes of one host, in the order in which they are tried.
fn check_host(routes: &[&Route], context: &mut Context<'_>) {
    let prefixes = Prefixes::of(routes);
    let mut seen: HashMap<&WrittenPath, &Route> = HashMap::new();
    for (index, route) in routes.iter().enumerate() {
        let Some(written) = &route.path else { continue };
        if let Some(first) = seen.get(written) {
            report_same(route, first, context);
            continue;
        }
        seen.insert(written, route);
        let path = match written {
            WrittenPath::Any => "/",
            WrittenPath::Prefix(path) | WrittenPath::Exact(path) => path.as_str(),
            WrittenPath::Regex(_) => continue,
        };
        // `/` as a whole stands for every path: only a rule for every path covers it.
        let covering = prefixes.first_over(path, 0).filter(|earlier| *earlier < index);
        if let Some(earlier) = covering.and_then(|earlier| routes.get(earlier)) {
            let message = "this route is never reached: one before it takes all of its requests";
            context.warning(codes::UNREACHED, route.place(), message, "put it before that one");
            context.problems.note(earlier.place(), "this one takes them");
        } else if let WrittenPath::Prefix(prefix) = written {
            check_open_prefix(prefix, index, routes, &prefixes, context);
        }
    }
}

fn report_same(route: &Route, first: &Route, context: &mut Context<'_>) {
    if route.to.is_none() || first.to.is_none() {
        return;
    }
    if route.to == first.to {
        let message = "this route is not unique: another has the same host, path and application";
        context.error(codes::SAME_ROUTE, route.place(), message, "remove one of the two");
    } else {
        let message = "this route is never reached: one before it has the same host and path";
        let help = "give it a path of its own; balancing is a list in `to`, and not yet done";
        context.warning(codes::UNREACHED, route.place(), message, help);
    }
    context.problems.note(first.place(), "the first one is here");
}

/// `/admin` also takes `/administrator`: where that would have belonged to a stricter route, say
/// so.
fn check_open_prefix(
    prefix: &str,
    index: usize,
    routes: &[&Route],
    prefixes: &Prefixes<'_>,
    context: &mut Context<'_>,
) {
    let Some(route) = routes.get(index).filter(|_| !prefix.ends_with('/')) else { return };
    let next = prefixes.first_over(prefix, index + 1).and_then(|next| routes.get(next));
    let Some(next) = next.filter(|next| next.openness < route.openness) else { return };
    let whom = match route.openness {
        Openness::Everybody => "everybody",
        Openness::AnyAccount => "everybody with an Apple account",
        Openness::Some | Openness::Nobody => "more people",
    };
    let message = format!("`prefix: {prefix}` also opens {prefix}ish and the like to {whom}");
    let help = format!(
        "write `prefix: {prefix}/`, and `path: {prefix}` in a route of its own where that is needed"
    );
    context.warning(codes::OPEN_PREFIX, route.place(), message, help);
    context.problems.note(next.place(), "this stricter route would have taken them");
}

/// The rules that cover more than one path, by their text, each with its places in the order.
struct Prefixes<'a> {
    by_text: HashMap<&'a str, Vec<usize>>,
}

impl<'a> Prefixes<'a> {
    fn of(routes: &[&'a Route]) -> Self {
        let mut by_text: HashMap<&str, Vec<usize>> = HashMap::new();
        for (index, route) in routes.iter().enumerate() {
            match &route.path {
                // Every path begins with `/`.
                Some(WrittenPath::Any) => by_text.entry("").or_default().push(index),
                Some(WrittenPath::Prefix(prefix)) if prefix == "/" => {
                    by_text.entry("").or_default().push(index);
                }
                Some(WrittenPath::Prefix(prefix)) => by_text.entry(prefix).or_default().push(index),
                Some(WrittenPath::Exact(_) | WrittenPath::Regex(_)) | None => {}
            }
        }
        Self { by_text }
    }

    /// The first rule from `least` on that takes everything `path` and what is longer; never the
    /// rule with that very text.
    fn first_over(&self, path: &str, least: usize) -> Option<usize> {
        let shorter = path.char_indices().map(|(at, _)| at);
        shorter
            .filter_map(|at| self.by_text.get(path.get(..at)?))
            .filter_map(|places| places.iter().copied().find(|place| *place >= least))
            .min()
    }
}
