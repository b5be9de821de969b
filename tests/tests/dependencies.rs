//! What the program is built from: licences it may have, registries it may come from, and no crate that nothing uses.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde::Deserialize;

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    workspace_members: Vec<String>,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
    license: Option<String>,
    source: Option<String>,
    manifest_path: PathBuf,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    rename: Option<String>,
}

#[derive(Deserialize)]
struct Policy {
    licenses: Licenses,
    bans: Bans,
}

#[derive(Deserialize)]
struct Licenses {
    allow: BTreeSet<String>,
}

#[derive(Deserialize)]
struct Bans {
    deny: Vec<Banned>,
}

#[derive(Deserialize)]
struct Banned {
    name: String,
}

/// Of the platform the tests are built for; what others need was perhaps never fetched.
fn metadata() -> Metadata {
    let version = Command::new(env!("CARGO")).arg("-vV").output().unwrap();
    let version = String::from_utf8(version.stdout).unwrap();
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked", "--filter-platform", host])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

fn policy() -> Policy {
    toml::from_str(&fs::read_to_string(root().join(".ci/deny.toml")).unwrap()).unwrap()
}

/// Whether an SPDX expression (a slash is the older way to write OR) can be satisfied with allowed licences.
fn is_allowed(expression: &str, allowed: &BTreeSet<String>) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let (satisfied, rest) = any_of(&words, allowed);
    assert!(rest.is_empty(), "{expression:?} is no SPDX expression");
    satisfied
}

fn any_of<'a>(words: &'a [&'a str], allowed: &BTreeSet<String>) -> (bool, &'a [&'a str]) {
    let (mut satisfied, mut rest) = all_of(words, allowed);
    while let ["OR", after @ ..] = rest {
        let (other, after) = all_of(after, allowed);
        (satisfied, rest) = (satisfied || other, after);
    }
    (satisfied, rest)
}

fn all_of<'a>(words: &'a [&'a str], allowed: &BTreeSet<String>) -> (bool, &'a [&'a str]) {
    let (mut satisfied, mut rest) = one(words, allowed);
    while let ["AND", after @ ..] = rest {
        let (other, after) = one(after, allowed);
        (satisfied, rest) = (satisfied && other, after);
    }
    (satisfied, rest)
}

fn one<'a>(words: &'a [&'a str], allowed: &BTreeSet<String>) -> (bool, &'a [&'a str]) {
    match words {
        ["(", inner @ ..] => {
            let (satisfied, rest) = any_of(inner, allowed);
            let [")", rest @ ..] = rest else { panic!("a parenthesis is open in {words:?}") };
            (satisfied, rest)
        }
        [name, "WITH", exception, rest @ ..] => {
            (allowed.contains(*name) || allowed.contains(&format!("{name} WITH {exception}")), rest)
        }
        [name, rest @ ..] => (allowed.contains(*name), rest),
        [] => panic!("an expression ends too early"),
    }
}

#[test]
fn expressions_are_read_as_spdx_defines_them() {
    let allowed = ["MIT", "Zlib"].map(str::to_owned).into();
    for (expression, expected) in [
        ("MIT", true),
        ("GPL-3.0-only", false),
        ("GPL-3.0-only OR MIT", true),
        ("GPL-3.0-only/MIT", true),
        ("GPL-3.0-only AND MIT", false),
        ("(MIT OR GPL-3.0-only) AND Zlib", true),
        ("(MIT OR GPL-3.0-only) AND ISC", false),
        ("Apache-2.0 WITH LLVM-exception OR ISC", false),
    ] {
        assert_eq!(is_allowed(expression, &allowed), expected, "{expression}");
    }
}

#[test]
fn every_dependency_has_an_allowed_licence_and_comes_from_crates_io() {
    let (metadata, policy) = (metadata(), policy());
    assert!(metadata.packages.len() > 500, "{} packages are too few to be all", metadata.packages.len());
    for Package { name, license, source, .. } in &metadata.packages {
        let license = license.as_deref().unwrap_or_else(|| panic!("{name} names no licence"));
        assert!(is_allowed(license, &policy.licenses.allow), "{name} is under {license}");
        let from = source.as_deref();
        assert!(
            from.is_none_or(|from| from == "registry+https://github.com/rust-lang/crates.io-index"),
            "{name} comes from {from:?}"
        );
        assert!(!policy.bans.deny.iter().any(|banned| banned.name == *name), "{name} is banned");
    }
}

#[test]
fn every_dependency_is_named_in_the_sources_of_its_crate() {
    let metadata = metadata();
    let members = metadata.packages.iter().filter(|package| metadata.workspace_members.contains(&package.id));
    let mut unused = Vec::new();
    for package in members {
        let folder = package.manifest_path.parent().unwrap();
        let mut sources = String::new();
        for part in ["src", "tests", "examples", "build.rs"] {
            read_sources(&folder.join(part), &mut sources);
        }
        let words: BTreeSet<&str> = sources.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
        let names = package.dependencies.iter().map(|one| one.rename.as_ref().unwrap_or(&one.name));
        let missing = names.filter(|name| !words.contains(name.replace('-', "_").as_str()));
        unused.extend(missing.map(|name| format!("{} names {name}", package.name)));
    }
    assert!(unused.is_empty(), "dependencies that nothing uses: {unused:#?}");
}

fn read_sources(path: &Path, sources: &mut String) {
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            read_sources(&entry.unwrap().path(), sources);
        }
    } else if path.is_file() && path.extension().is_some_and(|extension| extension == "rs") {
        sources.push_str(&fs::read_to_string(path).unwrap());
    }
}
