use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::base::diagnostic::Diagnostics;
use crate::policy::tests::person;

const PLACE: Place = Place { source: 0, start: 0, end: 0 };

pub(in crate::policy) fn groups(lines: &[(&str, &[&str])]) -> Groups {
    let (groups, told) = read(lines);
    assert!(told.is_empty(), "{told:?}");
    groups
}

fn read(lines: &[(&str, &[&str])]) -> (Groups, Diagnostics) {
    let mut told = Diagnostics::default();
    let mut builder = GroupsBuilder::default();
    for (group, members) in lines {
        builder.group(group, PLACE, &mut told);
        for member in *members {
            builder.member((group, PLACE), (member, PLACE), &mut told);
        }
    }
    let groups = builder.finish(&mut told);
    (groups, told)
}

fn staff() -> Groups {
    groups(&[
        ("engineering", &["Ann@Corp.example", "sub:001234.ab", "bob@corp.example"]),
        ("everybody", &["domain:Corp.Example", "zoe@other.example"]),
        ("ids", &["001234.ab", "007"]),
    ])
}

#[test]
fn people_are_found_by_sub_address_and_domain() {
    let groups = staff();
    for (claims, expected) in [
        (json!({"sub": "1", "email": "ann@corp.example"}), vec!["engineering", "everybody"]),
        (json!({"sub": "1", "email": "ANN@CORP.EXAMPLE"}), vec!["engineering", "everybody"]),
        (json!({"sub": "1", "email": "cy@CORP.example"}), vec!["everybody"]),
        (json!({"sub": "1", "email": "cy@sub.corp.example"}), vec![]),
        (json!({"sub": "1", "email": "zoe@other.example"}), vec!["everybody"]),
        (json!({"sub": "1", "email": "zoe@other.examplex"}), vec![]),
        (json!({"sub": "001234.ab"}), vec!["engineering", "ids"]),
        (json!({"sub": "001234.AB"}), vec![]),
        (json!({"sub": "ann@corp.example"}), vec![]),
        // Nobody vouches for these, or nobody can tell whose they are.
        (json!({"sub": "1", "email": "ann@corp.example", "email_verified": false}), vec![]),
        (json!({"sub": "007", "email": "ann@corp.example", "email_verified": "x"}), vec!["ids"]),
        (json!({"sub": "1", "email": "x@y@corp.example"}), vec![]),
    ] {
        let mut claims = claims;
        if claims.get("email_verified").is_none() {
            claims["email_verified"] = json!(true);
        }
        assert_eq!(groups.of(&person(&claims)), expected, "{claims}");
    }
}

#[test]
fn what_a_test_case_supposes_takes_the_place_of_the_file() {
    let groups = staff();
    let who = person(&json!({"sub": "001234.ab"}));
    let supposed: [Box<str>; 2] = ["everybody".into(), "not there".into()];
    let membership = groups.membership(&who, Some(&supposed));
    assert_eq!(groups.names_of(&membership), ["everybody"]);
}

#[test]
fn members_are_read_as_they_are_written() {
    for (written, expected) in [
        (" ann@corp.example ", Ok("ann@corp.example")),
        ("Ann@Corp.Example", Ok("ann@corp.example")),
        ("001234.ab.12", Ok("sub:001234.ab.12")),
        ("sub:ann@corp.example", Ok("sub:ann@corp.example")),
        ("sub: 001", Ok("sub:001")),
        ("domain:Corp.Example", Ok("domain:corp.example")),
        ("domain: corp.example", Ok("domain:corp.example")),
        ("", Err("this member is empty")),
        ("sub:", Err("this member is empty")),
        ("domain:", Err("`` is not a domain")),
        ("domain:@corp.example", Err("`@corp.example` is not a domain")),
        ("domain:*.corp.example", Err("`*.corp.example` is not a domain")),
        ("domain:corp..example", Err("`corp..example` is not a domain")),
        ("@corp.example", Err("`@corp.example` is not an address of a person")),
        ("ann@", Err("`ann@` is not an address")),
        ("ann@corp@example", Err("`ann@corp@example` is not an address")),
        ("Ann <ann@corp.example>", Err("`Ann <ann@corp.example>` is not an address")),
        ("email:ann@corp.example", Err("`email:` says nothing about a member")),
        ("domian:corp.example", Err("`domian:` says nothing about a member")),
        ("two words", Err("`two words` holds a blank, so nobody has this id")),
    ] {
        let read = Who::read(written).map(|who| who.to_string());
        let read = read.as_deref().map_err(|problem| problem.message.as_str());
        assert_eq!(read, expected, "{written}");
    }
}

#[test]
fn odd_groups_are_told() {
    let (groups, told) = read(&[
        ("a", &["ann@corp.example", "ANN@corp.example", "corp.example"]),
        ("b", &[]),
        (" a ", &["domain:corp.example"]),
    ]);
    let told: Vec<_> = told.sorted().iter().map(|found| found.message.clone()).collect();
    assert_eq!(
        told,
        [
            "`ann@corp.example` is in `a` twice",
            "`corp.example` has no `@`, so it is taken for Apple's id of a person",
            "nobody is in the group `b`",
        ]
    );
    assert_eq!(groups.names().collect::<Vec<_>>(), ["a", "b"]);
    let members: Vec<_> = groups.members().iter().map(|member| member.who.to_string()).collect();
    assert_eq!(members, ["ann@corp.example", "sub:corp.example", "domain:corp.example"]);
    let (_, told) = read(&[("", &["a"]), ("x\n", &[])]);
    assert_eq!(told.errors(), 2, "{told:?}");
}

proptest! {
    /// Looking people up in sorted lists says what walking over all members says.
    #[test]
    fn look_ups_say_what_the_list_says(
        lines in prop::collection::vec(
            ("[a-c]", prop::collection::vec("(sub:[ab]{1,2}|[ab]{1,2}@[ab]|domain:[aB])", 0..6)),
            0..6,
        ),
        subject in "[ab]{1,2}",
        address in "[aAb]{1,2}@[aB]",
    ) {
        let mut told = Diagnostics::default();
        let mut builder = GroupsBuilder::default();
        for (group, members) in &lines {
            for member in members {
                builder.member((group, PLACE), (member, PLACE), &mut told);
            }
        }
        let groups = builder.finish(&mut told);
        let claims = json!({"sub": subject, "email": address, "email_verified": true});
        let who = person(&claims);
        let folded = address.to_ascii_lowercase();
        let holds = |member: &str| match member.split_once(':') {
            Some(("sub", rest)) => *rest == *subject,
            Some((_, domain)) => folded.split_once('@').unwrap().1 == domain.to_ascii_lowercase(),
            None => *member == *folded,
        };
        let mut expected: Vec<&str> = lines
            .iter()
            .filter(|(_, members)| members.iter().any(|member| holds(member)))
            .map(|(group, _)| group.as_str())
            .collect();
        expected.sort_unstable();
        expected.dedup();
        prop_assert_eq!(groups.of(&who), expected);
    }
}
