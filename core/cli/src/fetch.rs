//! `spanbert fetch`: models and data from the network.

use clap::Args;
use serde::Serialize;

use super::{error::CliError, flags::JsonArgs, output, progress::Progress};
use spanbert_core::fetch::{
    self, FetchEvent, Fetched, KNOWN_MODELS, KnownModel, Places, SQUAD_SETS, SquadSet,
};

/// Bytes in a MB.
const MEGABYTE: u64 = 1_000_000;

/// Fetch a model or a data set, for use by its name: `--model spanbert-base`, `--train-file squad2:train`.
///
/// Models come from the Hugging Face hub into its cache (HF_HOME, HF_HUB_CACHE, HF_ENDPOINT, HF_TOKEN and HF_HUB_OFFLINE
/// are respected), data from the SQuAD address (SPANBERT_SQUAD_ENDPOINT). What is there already is not fetched again,
/// interrupted downloads are resumed, and a file is moved into place only after its checksum matches.
#[derive(Debug, Args)]
pub(super) struct FetchCommand {
    /// spanbert-base, spanbert-large, a hub id like `organisation/model` or `organisation/model@revision`, squad2 or squad1.
    #[arg(value_name = "NAME", required_unless_present = "list")]
    names: Vec<String>,
    /// List the short names.
    #[arg(long)]
    list: bool,
    #[command(flatten)]
    output: JsonArgs,
}

#[derive(Serialize)]
struct Row<'a> {
    name: &'a str,
    folder: &'a std::path::Path,
    files: Vec<String>,
    bytes: u64,
    commit: Option<&'a str>,
    licence: Option<&'a str>,
}

impl FetchCommand {
    /// Runs the command.
    pub(super) fn run(&self) -> Result<(), CliError> {
        if self.list {
            return list();
        }
        let places = Places::from_env();
        let mut all = Vec::new();
        for name in &self.names {
            // Before the transfer: who may not use it need not wait for it.
            if let Some(licence) = licence(name) {
                output::note(format_args!("{name}: {licence}"));
            }
            all.push((name, fetch(name, &places)?));
        }
        let rows: Vec<Row<'_>> = all.iter().map(|(name, fetched)| Row::of(name, fetched)).collect();
        if self.output.json {
            return output::json(&rows);
        }
        for ((name, fetched), row) in all.iter().zip(&rows) {
            output::line(format_args!("{name}  {}", megabytes(fetched.bytes)))?;
            output::line(format_args!("  folder   {}", fetched.folder.display()))?;
            output::line(format_args!("  files    {}", row.files.join(" ")))?;
            if let Some(commit) = &fetched.commit {
                output::line(format_args!("  commit   {commit}"))?;
            }
            let licence = fetched.licence.as_deref().unwrap_or("not told; see the model's page");
            output::line(format_args!("  licence  {licence}"))?;
            output::line(format_args!("  use it   {}", usage(name)))?;
        }
        Ok(())
    }
}

impl<'a> Row<'a> {
    fn of(name: &'a str, fetched: &'a Fetched) -> Self {
        let files = fetched.files.iter().filter_map(|path| path.file_name());
        Self {
            name,
            folder: &fetched.folder,
            files: files.map(|name| name.to_string_lossy().into_owned()).collect(),
            bytes: fetched.bytes,
            commit: fetched.commit.as_deref(),
            licence: fetched.licence.as_deref(),
        }
    }
}

fn fetch(name: &str, places: &Places) -> Result<Fetched, CliError> {
    let mut progress = Progress::new();
    let mut current = String::new();
    let mut watcher = |event: FetchEvent<'_>| {
        match event {
            FetchEvent::Listing { name } => progress.say(&format!("asking {} about {name}", places.hub)),
            FetchEvent::File { name, done, total } => {
                if current != name {
                    name.clone_into(&mut current);
                    progress.begin(name, Some(1));
                }
                let kilobytes = |bytes: u64| usize::try_from(bytes / 1000).unwrap_or(usize::MAX);
                progress.at(kilobytes(done), kilobytes(total), "kB");
            }
            FetchEvent::Complete { name, already: true } => progress.say(&format!("{name}: there already")),
            FetchEvent::Complete { name, already: false } => progress.say(&format!("{name}: complete")),
            FetchEvent::Retry { name, why } => progress.say(&format!("{name}: trying again: {why}")),
        }
        true
    };
    Ok(fetch::fetch(name, places, &mut watcher)?)
}

fn licence(name: &str) -> Option<&'static str> {
    let of_data = SquadSet::find(name).map(|set| set.licence);
    of_data.or_else(|| KnownModel::find(name).map(|model| model.licence))
}

fn usage(name: &str) -> String {
    if SquadSet::find(name).is_some() {
        format!("--train-file {name}:train --dev-file {name}:dev")
    } else {
        format!("--model {name}")
    }
}

fn list() -> Result<(), CliError> {
    for model in &KNOWN_MODELS {
        let size = megabytes(model.megabytes * MEGABYTE);
        output::line(format_args!("{:16}{:>8}  {} ({})", model.name, size, model.title, model.id))?;
    }
    for set in &SQUAD_SETS {
        let size = megabytes(set.bytes());
        let files = set.files.map(|file| format!("{}:{}", set.name, file.part)).join(", ");
        output::line(format_args!("{:16}{size:>8}  {files}", set.name))?;
    }
    Ok(())
}

fn megabytes(bytes: u64) -> String {
    match bytes {
        0..MEGABYTE => format!("{} kB", bytes.div_ceil(1000)),
        _ => format!("{} MB", (bytes + MEGABYTE / 2) / MEGABYTE),
    }
}
