//! `groups_file`: who is in which group. YAML is a map of groups; CSV has a line for each member.

use std::path::Path;
use std::sync::Arc;

use super::Context;
use crate::base::node::{Node, Place};
use crate::config::keys::{self, File, Key};
use crate::config::section::Section;
use crate::config::value::Located;
use crate::config::{codes, yaml};
use crate::policy::{GroupsBuilder, GroupsFile};

const KEY: &Key<File> = &keys::routes::GROUPS_FILE;
const YAML_HELP: &str = "write lines such as\nengineering: [ann@corp.example, \"sub:001234.ab\", \"domain:corp.example\"]";
const CSV_HELP: &str = "begin with the line `group,member`, then one line for each member:\n\
                        engineering,ann@corp.example";

/// The groups of the file, if one is named. Faults in it are reported at their places in it.
pub(super) fn lower(top: &Section, context: &mut Context<'_>) -> GroupsFile {
    let Some(path) = top.get(KEY) else {
        return if top.has(KEY) { GroupsFile::Broken } else { GroupsFile::Unset };
    };
    let Some(text) = context.files.read_deciding(KEY, path, context.problems) else {
        return GroupsFile::Broken;
    };
    let source = context.sources.add(path.text.clone(), text.as_str());
    let before = context.problems.errors();
    let mut groups = GroupsBuilder::default();
    let extension = Path::new(&path.text).extension().and_then(|extension| extension.to_str());
    if extension.is_some_and(|extension| extension.eq_ignore_ascii_case("csv")) {
        from_csv(&text, source, &mut groups, context);
    } else {
        from_yaml(&text, source, path, &mut groups, context);
    }
    let groups = groups.finish(context.problems);
    if context.problems.errors() > before {
        return GroupsFile::Broken;
    }
    GroupsFile::Read(Arc::new(groups))
}

fn from_yaml(
    text: &str,
    source: u32,
    path: &Located,
    groups: &mut GroupsBuilder,
    context: &mut Context<'_>,
) {
    let Some(root) = yaml::read(text, source, context.problems) else { return };
    let Some(entries) = root.map() else {
        let message =
            format!("`{KEY}`: {} is {}; it must be a map of groups", path.text, root.what());
        context.error(codes::SHAPE, root.place, message, YAML_HELP);
        return;
    };
    for (name, members) in entries {
        let group = (name.text().unwrap_or_default(), name.place);
        if groups.group(group.0, group.1, context.problems).is_none() || members.is_null() {
            continue;
        }
        let Some(members) = members.list() else {
            let message = format!("a group is a list of members, and this is {}", members.what());
            context.error(codes::SHAPE, members.place, message, YAML_HELP);
            continue;
        };
        for member in members {
            if context.problems.errors() >= yaml::MAX_PROBLEMS {
                return;
            }
            match member.text() {
                Some(text) => groups.member(group, (text, member.place), context.problems),
                None => report_shape(member, context),
            }
        }
    }
}

fn report_shape(member: &Node, context: &mut Context<'_>) {
    let message = format!("a member is text, and this is {}", member.what());
    let help = "write an address, `sub:` and Apple's id in quotes, or `domain:` and a domain in quotes: \
                `sub: x` without quotes is a map";
    context.error(codes::SHAPE, member.place, message, help);
}

/// Lines of two cells under the heading `group,member`, in either order.
fn from_csv(text: &str, source: u32, groups: &mut GroupsBuilder, context: &mut Context<'_>) {
    let mut reader =
        csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
    let mut line = csv::StringRecord::new();
    let mut group_first = None;
    loop {
        let start = reader.position().byte();
        let more = reader.read_record(&mut line);
        let whole = line_place(text, source, start, reader.position().byte());
        match more {
            Ok(true) => {}
            Ok(false) => break,
            Err(error) => {
                context.error(codes::SYNTAX, whole, format!("this is not CSV: {error}"), CSV_HELP);
                return;
            }
        }
        let (Some(one), Some(other), 2) = (line.get(0), line.get(1), line.len()) else {
            let message = format!("a line has two cells, and this has {}", line.len());
            context.error(codes::SHAPE, whole, message, CSV_HELP);
            if context.problems.errors() >= yaml::MAX_PROBLEMS || group_first.is_none() {
                return;
            }
            continue;
        };
        let Some(group_first) = group_first else {
            let heading = (one.trim().to_ascii_lowercase(), other.trim().to_ascii_lowercase());
            group_first = match (heading.0.as_str(), heading.1.as_str()) {
                ("group", "member") => Some(true),
                ("member", "group") => Some(false),
                _ => {
                    let message = "the first line says which cell is what, and this does not";
                    context.error(codes::SHAPE, whole, message, CSV_HELP);
                    return;
                }
            };
            continue;
        };
        let cells = cell_places(text, whole);
        let (group, member) = if group_first {
            ((one, cells.0), (other, cells.1))
        } else {
            ((other, cells.1), (one, cells.0))
        };
        if context.problems.errors() >= yaml::MAX_PROBLEMS {
            return;
        }
        groups.member(group, member, context.problems);
    }
    if group_first.is_none() {
        let whole = Place { source, start: 0, end: 0 };
        context.error(codes::SHAPE, whole, "there is no line in this", CSV_HELP);
    }
}

/// Where a line stands that was read from `start` to `end`; empty lines before it are passed over.
fn line_place(text: &str, source: u32, start: u64, end: u64) -> Place {
    let number = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(text.len());
    let read = text.get(number(start)..number(end)).unwrap_or_default();
    let blank = read.len() - read.trim_start().len();
    let start = number(start) + blank;
    place(source, start, start + read.trim().len())
}

/// Where the two cells of a line stand; the whole line for both where quotes may hide the comma.
fn cell_places(text: &str, line: Place) -> (Place, Place) {
    let read = text.get(line.start as usize..line.end as usize).unwrap_or_default();
    let Some((one, _)) = read.split_once(',').filter(|_| !read.contains('"')) else {
        return (line, line);
    };
    let comma = line.start as usize + one.len();
    (
        place(line.source, line.start as usize, comma),
        place(line.source, comma + 1, line.end as usize),
    )
}

fn place(source: u32, start: usize, end: usize) -> Place {
    let number = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    Place { source, start: number(start), end: number(end) }
}
