//! Tables and pages that are taken for question data.

use super::SquadError;

/// Binary formats of tables: their first bytes, what they are, and Python that makes JSON Lines of `FILE`. An Arrow stream, as
/// `datasets` keeps its tables, begins with a mark of four bytes.
const TABLES: [(&[u8], &str, &str); 3] = [
    (b"PAR1", "a Parquet table", "datasets.Dataset.from_parquet(FILE).to_json(\"data.jsonl\")"),
    (
        b"ARROW1",
        "an Arrow table",
        "pandas.read_feather(FILE).to_json(\"data.jsonl\", orient=\"records\", lines=True)",
    ),
    (b"\xff\xff\xff\xff", "an Arrow table", "datasets.Dataset.from_file(FILE).to_json(\"data.jsonl\")"),
];

/// Refuses binary tables by name.
pub(super) fn check_bytes(bytes: &[u8], file: &str) -> Result<(), SquadError> {
    match TABLES.iter().find(|(magic, ..)| bytes.starts_with(magic)) {
        Some((_, what, convert)) => Err(SquadError::Table {
            file: file.to_owned(),
            what,
            convert: convert.replace("FILE", &format!("{file:?}")),
        }),
        None => Ok(()),
    }
}

/// Refuses text that is plainly something else; what is no JSON and nothing known is left to the parser.
pub(super) fn check_text(text: &str, file: &str) -> Result<(), SquadError> {
    let start = text.trim_start();
    let file = || file.to_owned();
    if start.is_empty() {
        return Err(SquadError::Empty { file: file() });
    }
    if start.starts_with('<') {
        return Err(SquadError::Page { file: file() });
    }
    if start.trim_start_matches(['[', '{', ' ']).starts_with('\'') && start.starts_with(['[', '{']) {
        return Err(SquadError::PythonRepr { file: file() });
    }
    let header = start.lines().next().unwrap_or_default();
    let is_json = start.starts_with(['{', '[']);
    let columns = |separator: char| {
        let names: Vec<_> = header.split(separator).map(|name| name.trim().trim_matches('"')).collect();
        names.len() > 1 && ["question", "context", "answers"].iter().any(|name| names.contains(name))
    };
    let kinds = [
        (',', "a CSV table", ""),
        ('\t', "a table with tabs", ", sep=\"\\t\""),
        (';', "a CSV table", ", sep=\";\""),
    ];
    let kind = kinds.iter().find(|(separator, ..)| !is_json && header.len() < 1 << 12 && columns(*separator));
    match kind {
        Some((_, what, separator)) => Err(SquadError::Table {
            what,
            convert: format!(
                "datasets.load_dataset(\"csv\", data_files={:?}{separator})[\"train\"].to_json(\"data.jsonl\")",
                file()
            ),
            file: file(),
        }),
        None => Ok(()),
    }
}
