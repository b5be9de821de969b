//! Rows as tools wrap them: pages of the hub's dataset server, and tables of pandas in its orientations `split` and
//! `index`.
//!
//! They are too various for a reader of their own each. So they are parsed as plain JSON first, which bounds their size;
//! files of that kind are small.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{
    builder::{Builder, Parsed, RawEntry},
    rows::RawRow,
};
use crate::{
    json,
    squad::{SquadError, diagnose::diagnose_row, finding::FindingKind, place::Style},
};

/// Rows, with what the text says about them.
struct Table {
    rows: Vec<Row>,
    remarks: Vec<String>,
}

/// A row, and which of its cells were cut off.
struct Row {
    value: Value,
    cut: Vec<String>,
}

impl Row {
    fn whole(value: Value) -> Self {
        Self { value, cut: Vec::new() }
    }
}

/// Reads a table; `None` if the text is none.
pub(super) fn read(text: &str, source_name: &str) -> Option<Result<Parsed, SquadError>> {
    if !text.trim_start().starts_with('{') {
        return None;
    }
    let Ok(Value::Object(mut root)) = json::parse(text.as_bytes()) else { return None };
    let Table { rows, remarks } =
        page(&mut root).or_else(|| split(&mut root)).or_else(|| indexed(&mut root))?;
    let mut builder = Builder::new(Style::Column);
    for (number, Row { value, cut }) in rows.into_iter().enumerate() {
        let row = match RawRow::deserialize(&value) {
            Ok(row) => row,
            Err(error) => return Some(Err(diagnose_row(&value, number, source_name, &error))),
        };
        row.add(&mut builder, number);
        if let (Some(at), Some(column)) = (builder.last_question(), cut.into_iter().next()) {
            builder.quirk(at, FindingKind::CutCell { column });
        }
    }
    builder.parsed.remarks = remarks;
    Some(Ok(builder.parsed))
}

/// A page of the dataset server: `{"rows": [{"row_idx": 0, "row": {…}, "truncated_cells": []}], "num_rows_total": …}`, or
/// bare rows under that key.
fn page(root: &mut Map<String, Value>) -> Option<Table> {
    let Some(Value::Array(entries)) = root.get_mut("rows") else { return None };
    let is_row = |entry: &Value| entry.get("row").unwrap_or(entry).get("question").is_some();
    if !entries.first().is_some_and(is_row) {
        return None;
    }
    let rows: Vec<Row> = entries
        .iter_mut()
        .map(|entry| {
            let cut = entry.get("truncated_cells").and_then(Value::as_array).cloned().unwrap_or_default();
            let cut = cut.iter().filter_map(Value::as_str).map(str::to_owned).collect();
            match entry.get_mut("row") {
                Some(row) => Row { value: row.take(), cut },
                None => Row::whole(entry.take()),
            }
        })
        .collect();
    let total = root.get("num_rows_total").and_then(Value::as_u64).filter(|&total| total > rows.len() as u64);
    let remarks =
        total.map(|total| format!("a page with {} of the {total} rows of the data set", rows.len()));
    Some(Table { rows, remarks: remarks.into_iter().collect() })
}

/// pandas' `orient="split"`: `{"columns": […], "index": […], "data": [[…], …]}`.
fn split(root: &mut Map<String, Value>) -> Option<Table> {
    let columns = root.get("columns")?.as_array()?;
    let columns: Vec<String> =
        columns.iter().map(|name| name.as_str().map(str::to_owned)).collect::<Option<_>>()?;
    let Some(Value::Array(entries)) = root.get_mut("data") else { return None };
    let rows = entries.iter_mut().map(|entry| match entry.take() {
        Value::Array(values) => Row::whole(Value::Object(columns.iter().cloned().zip(values).collect())),
        other => Row::whole(other),
    });
    Some(Table { rows: rows.collect(), remarks: Vec::new() })
}

/// pandas' `orient="index"`: `{"0": {…}, "1": {…}}`.
fn indexed(root: &mut Map<String, Value>) -> Option<Table> {
    let is_row = |entry: &Value| entry.get("question").is_some() && entry.get("context").is_some();
    let all = !root.is_empty() && root.values().all(is_row);
    let rows = all.then(|| std::mem::take(root).into_iter().map(|(_, value)| Row::whole(value)))?;
    Some(Table { rows: rows.collect(), remarks: Vec::new() })
}
