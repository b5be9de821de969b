//! Tables and pages that are taken for question data.

use super::SquadError;

/// Binary formats of tables by their first bytes.
const TABLES: [(&[u8], &str, &str); 2] =
    [(b"PAR1", "a Parquet table", "from_parquet"), (b"ARROW1", "an Arrow table", "from_file")];

/// Refuses binary tables by name.
pub(super) fn check_bytes(bytes: &[u8], file: &str) -> Result<(), SquadError> {
    match TABLES.iter().find(|(magic, ..)| bytes.starts_with(magic)) {
        Some((_, what, read)) => Err(SquadError::Table {
            file: file.to_owned(),
            what,
            convert: format!("datasets.Dataset.{read}({file:?}).to_json(\"data.jsonl\")"),
        }),
        None => Ok(()),
    }
}

/// Refuses text that is plainly something else; what is no JSON and nothing known is left to the parser.
pub(super) fn check_text(text: &str, file: &str) -> Result<(), SquadError> {
    let start = text.trim_start();
    if start.starts_with('<') {
        return Err(SquadError::Page { file: file.to_owned() });
    }
    let header = start.lines().next().unwrap_or_default();
    let is_json = start.starts_with(['{', '[']);
    let columns = |separator: char| {
        let names: Vec<_> = header.split(separator).map(|name| name.trim().trim_matches('"')).collect();
        names.len() > 1 && ["question", "context", "answers"].iter().any(|name| names.contains(name))
    };
    if !is_json && header.len() < 1 << 12 && (columns(',') || columns('\t') || columns(';')) {
        return Err(SquadError::Table {
            file: file.to_owned(),
            what: "a CSV table",
            convert: format!(
                "datasets.load_dataset(\"csv\", data_files={file:?})[\"train\"].to_json(\"data.jsonl\")"
            ),
        });
    }
    Ok(())
}
