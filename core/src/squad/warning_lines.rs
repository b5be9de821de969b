//! A data set's doubtful places in a few lines.

use super::{Dataset, Finding, FindingKind};

/// How many places of a kind are named.
const NAMED: usize = 3;

impl Dataset {
    /// What is doubtful, a line for each kind: how often, and the first three places. What was wrong with the text as a whole
    /// comes first.
    #[must_use]
    pub fn warning_lines(&self) -> Vec<String> {
        self.lines_of(|_| true)
    }

    /// [`Self::warning_lines`] of what concerns ids alone, for a scorer that looks at nothing else.
    #[must_use]
    pub fn id_warning_lines(&self) -> Vec<String> {
        self.lines_of(FindingKind::concerns_ids)
    }

    fn lines_of(&self, wanted: impl Fn(&FindingKind) -> bool) -> Vec<String> {
        let mut groups: Vec<(usize, Vec<&Finding>)> = Vec::new();
        for finding in self.warnings.iter().filter(|finding| wanted(&finding.kind)) {
            let like = |(_, first): &&mut (usize, Vec<&Finding>)| {
                first.first().is_some_and(|first| first.kind.is_like(&finding.kind))
            };
            match groups.iter_mut().find(like) {
                Some((count, named)) => {
                    *count += 1;
                    if named.len() < NAMED {
                        named.push(finding);
                    }
                }
                None => groups.push((1, vec![finding])),
            }
        }
        let remarks = self.remarks.iter().map(|remark| format!("{}: {remark}", self.source_name));
        remarks.chain(groups.into_iter().map(|(count, named)| self.line(count, &named))).collect()
    }

    fn line(&self, count: usize, named: &[&Finding]) -> String {
        let file = &self.source_name;
        let Some(first) = named.first() else { return String::new() };
        let outcome = match &first.kind {
            FindingKind::RepeatedId { .. } if self.left_out > 0 => {
                "; of questions with one id the last counts, as in the official scorer"
            }
            _ => "",
        };
        if count == 1 {
            return format!("{file}: {first}{outcome}");
        }
        let places: Vec<String> = named
            .iter()
            .map(|finding| match &finding.kind {
                FindingKind::RepeatedId { first } => format!("{} after {first}", finding.place),
                _ => finding.place.to_string(),
            })
            .collect();
        let more = if count > named.len() { ", …" } else { "" };
        format!("{file}: {}: {}{more}{outcome}", first.kind.of_several(count), places.join(", "))
    }
}
