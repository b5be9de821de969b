//! The layers of the crates: production code of a module may use only modules of lower layers.
//!
//! Reads the sources, because within a crate the compiler lets every module see every other one.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// The modules of `core/model`, each using only those before it.
const MODEL: &[&str] = &["advice", "json", "random", "config", "host", "batch", "model", "engine"];

/// The modules of `core`, each using only those before it. What is independent of each other may stand in any order.
const CORE: &[&str] = &[
    // The ground: text, numbers, files.
    "advice",
    "gzip",
    "percentile",
    "python_json",
    "interrupt",
    "message",
    "user_folders",
    "atomic",
    "hash",
    "text_file",
    // The road of the data.
    "tokenizer",
    "squad",
    "features",
    "batch",
    "answers",
    "score",
    "breakdown",
    // The model.
    "checkpoint",
    "engine",
    "ask",
    // What a program does with it.
    "run",
    "demo",
    "evaluate",
    "fetch",
    "train",
    "selftest",
    "open",
    "pretrain",
    "bench",
];

/// The modules of the app, as those of [`CORE`].
const APP: &[&str] = &[
    "background",
    "symbols",
    "fonts",
    "files",
    "dropped",
    "dialogs",
    "icon",
    "launch",
    "library",
    "page",
    "probe",
    "theme",
    "worker",
    "settings",
    "command",
    "widgets",
    "toasts",
    // `library` in a browser.
    "kept_models",
    "action",
    "page_view",
    "pages",
    "shell",
    "web",
];

#[test]
fn no_arrow_of_core_runs_up() {
    check("core/src", CORE);
}

#[test]
fn no_arrow_of_the_model_runs_up() {
    check("core/model/src", MODEL);
}

#[test]
fn no_arrow_of_the_app_runs_up() {
    check("app/src", APP);
}

#[test]
fn uses_are_found_in_all_their_forms() {
    let code = r#"
        //! [`crate::comment`]
        use crate::{one::A, two::{self, crate_local}, three};
        fn f() -> crate::four::B { let _ = "crate::text"; let _ = '"'; crate::five() }
        use super::{super::six, inside};
        use super::super::seven::C;
        #[cfg(test)]
        mod tests { use crate::eight; fn f() { let _ = "}"; } }
        use crate::nine;
        #[cfg(test)]
        pub(crate) mod fake;
    "#;
    let (uses, tests) = uses(code, 2);
    assert_eq!(
        uses,
        ["five", "four", "nine", "one", "seven", "six", "three", "two"].map(str::to_owned).into()
    );
    assert_eq!(tests, ["fake"]);
}

/// What a browser has not, and a compiler for it accepts all the same: such a call fails when it is made.
const SYSTEM: &[&str] = &["Instant::now", "SystemTime", "std::thread", "thread::", "process::", "std::net"];

#[test]
fn what_is_not_native_needs_no_clock_thread_or_process() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for (sources, some) in [("core/src", "train/trainer/mod.rs"), ("core/model/src", "engine/learner.rs")] {
        let sources = root.join(sources);
        let mut files = Vec::new();
        portable_files(&sources.join("lib.rs"), &sources, &mut files);
        assert!(files.iter().any(|file| file.ends_with(some)), "{files:?}");
        assert!(!files.iter().any(|file| file.iter().any(|part| part == "native")));
        // Names its temporary files after the process; a browser has no files to write.
        for file in files.iter().filter(|file| !file.starts_with(sources.join("atomic"))) {
            let (code, _) = without_tests(&without_text(&fs::read_to_string(file).unwrap()));
            for call in SYSTEM {
                assert!(!code.contains(call), "{}: {call}", file.display());
            }
        }
    }
}

/// Functions that each system's C library computes in a way of its own, so that last digits differ. `sqrt` is exact, and `powi` a loop
/// of products.
const SYSTEM_FUNCTIONS: &[&str] = &[
    "acos", "acosh", "asin", "asinh", "atan", "atan2", "atanh", "cbrt", "cos", "cosh", "exp", "exp2",
    "exp_m1", "hypot", "ln", "ln_1p", "log", "log10", "log2", "powf", "sin", "sin_cos", "sinh", "tan",
    "tanh",
];

/// Operations of Burn's tensors that sum in an order of the processor's, or call such functions; ours are in `backends::ops`.
const TENSOR_OPERATIONS: &[&str] = &[".matmul(", "log_softmax(", "softmax(", ".erf(", ".mean(", ".mean_dim("];

#[test]
fn results_need_no_mathematics_of_the_system() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut files = Vec::new();
    for sources in ["core/src", "core/model/src", "core/cli/src", "core/web/src", "backends/src"] {
        production_files(&root.join(sources), &mut files);
    }
    // What is written for GPUs is compiled for them.
    files.retain(|(file, _)| !file.starts_with(root.join("backends/src/ops/cube")));
    assert!(files.len() > 300, "{} files were read", files.len());
    let mut wrong = Vec::new();
    for (file, code) in &files {
        let of_model = file.starts_with(root.join("core/model/src"));
        let tensor_operations = if of_model { TENSOR_OPERATIONS } else { &[] };
        let functions = SYSTEM_FUNCTIONS.iter().filter(|function| calls(code, function)).copied();
        let operations = tensor_operations.iter().filter(|operation| code.contains(**operation)).copied();
        wrong.extend(functions.chain(operations).map(|call| format!("{}: {call}", file.display())));
    }
    assert!(wrong.is_empty(), "use the crate libm, or backends::ops:\n{}", wrong.join("\n"));
}

#[test]
fn calls_of_mathematics_are_found_in_all_their_forms() {
    for code in ["x.exp()", "(-x).exp ()", "map(f64::exp)", "f32::exp(x)", "x\n    .exp()"] {
        assert!(calls(code, "exp"), "{code}");
    }
    for code in ["libm::exp(x)", "x.expect(y)", "x.exp2()", "self.exp", "f64::expect", "math::exp(x)"] {
        assert!(!calls(code, "exp"), "{code}");
    }
}

/// Whether code calls a function of floating-point numbers, or names it.
fn calls(code: &str, function: &str) -> bool {
    let followed = |end: usize, by: fn(char) -> bool| code[end..].trim_start().starts_with(by);
    let method = code
        .match_indices(&format!(".{function}"))
        .any(|(at, text)| followed(at + text.len(), |next| next == '('));
    let named = |number: &str| {
        code.match_indices(&format!("{number}::{function}")).any(|(at, text)| {
            !code[at + text.len()..].starts_with(|next: char| next.is_alphanumeric() || next == '_')
        })
    };
    method || named("f64") || named("f32")
}

/// The files of a folder with their code, without what is compiled for tests only.
fn production_files(folder: &Path, found: &mut Vec<(PathBuf, String)>) {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths.into_iter().filter(|path| !path.with_extension("").to_string_lossy().ends_with("tests"))
    {
        if path.is_dir() {
            production_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let (code, _) = without_tests(&without_text(&fs::read_to_string(&path).unwrap()));
            found.push((path, code));
        }
    }
}

/// The files of modules that are compiled without the feature `native`; `inside` is the folder of a file's own modules.
fn portable_files(file: &Path, inside: &Path, found: &mut Vec<PathBuf>) {
    let text = fs::read_to_string(file).unwrap();
    let mut attributes = String::new();
    for line in text.lines().map(str::trim) {
        let declared = line.strip_suffix(';').and_then(|line| line.rsplit_once("mod "));
        let is_portable = !attributes.contains("\"native\"") && !attributes.contains("cfg(test)");
        if line.starts_with("#[") {
            attributes.push_str(line);
            continue;
        }
        attributes.clear();
        let declared = declared.filter(|(before, _)| before.is_empty() || before.starts_with("pub"));
        if let Some((_, name)) = declared {
            let (alone, folder) = (inside.join(format!("{name}.rs")), inside.join(name));
            if is_portable {
                let file = if alone.is_file() { alone } else { folder.join("mod.rs") };
                portable_files(&file, &folder, found);
            }
        }
    }
    found.push(file.to_owned());
}

fn check(sources: &str, layers: &[&str]) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(sources);
    let mut found = BTreeMap::new();
    read_folder(&root, 0, &mut found);
    let place = |module: &str| layers.iter().position(|layer| *layer == module);
    let mut wrong = Vec::new();
    for ((from, file), uses) in &found {
        let Some(own) = place(from) else {
            wrong.push(format!("{}: the module {from} is in no layer", file.display()));
            continue;
        };
        for to in uses.iter().filter(|to| *to != from) {
            let up = place(to).is_some_and(|other| other > own);
            if up {
                wrong.push(format!("{}: {from} uses {to}, which is above it", file.display()));
            }
        }
    }
    assert!(found.len() > layers.len(), "{} files of {sources} were read", found.len());
    for layer in layers {
        assert!(
            found.keys().any(|(module, _)| module == layer),
            "{layer} is no module of {sources} any more"
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Which modules of the crate each production file uses, by the file's own module; `depth` is the folder's below the root.
fn read_folder(folder: &Path, depth: usize, found: &mut BTreeMap<(String, PathBuf), BTreeSet<String>>) {
    let mut entries: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    let mut tests: BTreeSet<PathBuf> = BTreeSet::new();
    let mut files = Vec::new();
    for path in entries.iter().filter(|path| path.extension().is_some_and(|extension| extension == "rs")) {
        let stem = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let is_root = ["lib", "main", "mod"].contains(&stem.as_str());
        let (uses, of_tests) =
            uses(&fs::read_to_string(path).unwrap(), if is_root { depth } else { depth + 1 });
        let inside = if is_root { folder.to_owned() } else { folder.join(&stem) };
        tests.extend(of_tests.iter().map(|name| inside.join(name)));
        if !(depth == 0 && is_root) {
            files.push((path, uses));
        }
    }
    let is_test = |path: &Path| {
        let name = path.with_extension("");
        tests.contains(&name) || name.ends_with("bin") || name.to_string_lossy().ends_with("tests")
    };
    for (path, uses) in files.into_iter().filter(|(path, _)| !is_test(path)) {
        let module = path.strip_prefix(root_of(path, depth)).unwrap().iter().next().unwrap();
        let module = Path::new(module).file_stem().unwrap().to_str().unwrap().to_owned();
        found.insert((module, path.clone()), uses);
    }
    for path in entries.iter().filter(|path| path.is_dir() && !is_test(path)) {
        read_folder(path, depth + 1, found);
    }
}

/// The root of the crate's sources, `depth` folders above the one of a file.
fn root_of(file: &Path, depth: usize) -> &Path {
    file.ancestors().nth(depth + 1).unwrap()
}

/// The modules of the crate that production code uses by name, from a module `depth` levels below the root; and the names of
/// the modules that are for tests only.
fn uses(text: &str, depth: usize) -> (BTreeSet<String>, Vec<String>) {
    let (code, tests) = without_tests(&without_text(text));
    let mut found = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        let before = code[..at].chars().next_back();
        if before.is_none_or(|character| !character.is_alphanumeric() && character != '_') {
            first_names(&code[at + "crate::".len()..], &mut found);
        }
    }
    // So many `super::`s that the root is reached.
    let up = "super::".repeat(depth);
    let nested = format!("{}{{super::", "super::".repeat(depth.saturating_sub(1)));
    if depth > 1 {
        for (at, _) in code.match_indices(&up) {
            first_names(&code[at + up.len()..], &mut found);
        }
        let code: String = code.split_whitespace().collect();
        for (at, _) in code.match_indices(&nested) {
            first_names(&code[at + nested.len()..], &mut found);
        }
    }
    (found.into_iter().filter(|name| name.starts_with(char::is_lowercase)).collect(), tests)
}

/// The first name of a path, or of each path in braces.
fn first_names(code: &str, found: &mut BTreeSet<String>) {
    let name = |code: &str| -> String {
        code.trim_start()
            .chars()
            .take_while(|character| character.is_alphanumeric() || *character == '_')
            .collect()
    };
    let Some(list) = code.strip_prefix('{') else {
        found.insert(name(code));
        return;
    };
    let (mut level, mut start) = (0, 0);
    for (at, character) in list.char_indices() {
        match character {
            '{' => level += 1,
            '}' if level > 0 => level -= 1,
            ',' | '}' if level == 0 => {
                found.insert(name(&list[start..at]));
                start = at + 1;
                if character == '}' {
                    return;
                }
            }
            _ => {}
        }
    }
}

/// Code without comments and without the contents of strings and characters.
fn without_text(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        let skip = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if let Some(raw) = rest.strip_prefix('r').filter(|raw| raw.starts_with(['"', '#'])) {
            let marks = raw.len() - raw.trim_start_matches('#').len();
            let end = format!("\"{}", "#".repeat(marks));
            match raw[marks..].strip_prefix('"').and_then(|content| content.find(&end)) {
                Some(length) => 1 + marks + 1 + length + end.len(),
                None => 0,
            }
        } else if character == '"' {
            let mut escaped = false;
            let end = rest[1..].find(|c| {
                let closes = c == '"' && !escaped;
                escaped = c == '\\' && !escaped;
                closes
            });
            end.map_or(rest.len(), |end| end + 2)
        } else if let Some(content) = rest.strip_prefix('\'') {
            // A character, unless it is a lifetime.
            let length =
                if content.starts_with('\\') { content[2..].find('\'').map(|end| end + 2) } else { None };
            let plain = content.chars().next().map_or(0, char::len_utf8);
            match length {
                Some(length) => length + 2,
                None if content[plain..].starts_with('\'') => plain + 2,
                None => 0,
            }
        } else {
            0
        };
        if skip == 0 {
            code.push(character);
            rest = &rest[character.len_utf8()..];
        } else {
            rest = &rest[skip..];
        }
    }
    code
}

/// Code without the items that are compiled for tests only, and the names of modules in files of their own among them.
fn without_tests(code: &str) -> (String, Vec<String>) {
    let (mut production, mut modules) = (String::new(), Vec::new());
    let mut rest = code;
    while let Some(at) = ["#[cfg(test)]", "#[cfg(all(test"].iter().filter_map(|mark| rest.find(mark)).min() {
        production.push_str(&rest[..at]);
        let item = &rest[at..];
        let (mut level, mut end) = (0_usize, item.len());
        // The attribute ends at its bracket, the item at a semicolon or a closing brace outside of all brackets.
        for (at, character) in item.char_indices() {
            match character {
                '{' | '(' | '[' => level += 1,
                '}' | ')' | ']' => level = level.saturating_sub(1),
                _ => {}
            }
            if level == 0 && matches!(character, ';' | '}') {
                end = at + 1;
                break;
            }
        }
        let declared = item[..end].strip_suffix(';').and_then(|item| item.rsplit_once("mod "));
        modules.extend(declared.map(|(_, name)| name.trim().to_owned()));
        rest = &item[end..];
    }
    production.push_str(rest);
    (production, modules)
}
