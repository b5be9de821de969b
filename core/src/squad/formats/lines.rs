//! JSON Lines: one value after the other.

use super::{
    Failure,
    builder::{Builder, Parsed, RawEntry},
};
use crate::squad::place::Style;

/// Reads values until the text ends. Where one ends is told by the value, so that it may also span lines.
pub(super) fn read<T: RawEntry>(text: &str) -> Result<Parsed, Failure> {
    let mut builder = Builder::new(Style::Line);
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<T>();
    let (mut line, mut counted) = (1, 0);
    loop {
        let end = values.byte_offset();
        let value = values.next();
        // The value starts behind the white space after the one before.
        let rest = text.get(end..).unwrap_or_default();
        let start = end + (rest.len() - rest.trim_start().len());
        match value {
            None => return Ok(builder.parsed),
            Some(Err(error)) => return Err(Failure { error, from: start }),
            Some(Ok(value)) => {
                line += text.get(counted..start).unwrap_or_default().matches('\n').count();
                counted = start;
                value.add(&mut builder, line);
            }
        }
    }
}
