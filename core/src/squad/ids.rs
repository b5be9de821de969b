//! Ids of questions: made up where they are missing, found where they are repeated.

use std::collections::HashMap;

use sha2::{Digest, Sha256};

use super::{Article, finding::FindingKind, formats::At, place::Places};
use crate::hash::hex;

/// What is done with questions whose ids are not their own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RepeatedIds {
    /// The last question with an id counts, as in the official scorer: predictions go by id.
    #[default]
    KeepLast,
    /// All count: for training, which looks at no id.
    KeepAll,
}

/// Gives ids to the questions without one. They depend on passage and question alone, so that they are the same in every
/// run and for every command.
pub(super) fn make_up(articles: &mut [Article]) {
    let mut made: HashMap<String, usize> = HashMap::new();
    for paragraph in articles.iter_mut().flat_map(|article| &mut article.paragraphs) {
        let context = &paragraph.context;
        for question in paragraph.questions.iter_mut().filter(|question| question.id.is_empty()) {
            let digest = Sha256::new_with_prefix(context).chain_update([0]).chain_update(&question.question);
            let digest = digest.finalize();
            let hex = hex(digest.get(..8).unwrap_or_default());
            let before = made.entry(hex.clone()).or_default();
            *before += 1;
            question.id = match *before {
                1 => format!("q-{hex}"),
                more => format!("q-{hex}-{more}"),
            };
        }
    }
}

/// Questions whose id an earlier one has, and the earlier ones.
pub(super) fn repeated(articles: &[Article], places: &Places<'_>) -> (Vec<(At, FindingKind)>, Vec<At>) {
    let paragraphs = articles.iter().flat_map(|article| &article.paragraphs);
    let mut seen = HashMap::with_capacity(paragraphs.map(|paragraph| paragraph.questions.len()).sum());
    let (mut found, mut earlier) = (Vec::new(), Vec::new());
    for (article, content) in articles.iter().enumerate() {
        for (paragraph, content) in content.paragraphs.iter().enumerate() {
            for (index, question) in content.questions.iter().enumerate() {
                let at = At::question(article, paragraph, index);
                if let Some(before) = seen.insert(question.id.as_str(), at) {
                    found.push((at, FindingKind::RepeatedId { first: Box::new(places.of(before)) }));
                    earlier.push(before);
                }
            }
        }
    }
    (found, earlier)
}

/// Takes questions out.
pub(super) fn remove(articles: &mut [Article], mut questions: Vec<At>) {
    // From the back, so that no index moves before it is used.
    questions.sort_unstable_by(|a, b| b.cmp(a));
    for At { article, paragraph, question } in questions {
        let content = articles.get_mut(article).map(|article| &mut article.paragraphs);
        let content = content.and_then(|paragraphs| paragraphs.get_mut(paragraph?));
        if let (Some(content), Some(question)) = (content, question)
            && question < content.questions.len()
        {
            content.questions.remove(question);
        }
    }
}
