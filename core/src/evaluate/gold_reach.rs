//! Which gold answers a model can give at all.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{
    features::{DocTokens, Window},
    squad::{Answer, Dataset, ParagraphPlace, Question},
    tokenizer::BertTokenizer,
};

/// What of a question's gold answers the model could give.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GoldReach {
    /// Length of the shortest gold answer in word pieces.
    pub gold_pieces: usize,
    /// Whether some window holds all words of a gold answer.
    pub in_window: bool,
}

/// What could be given of every question, `windows` being those of its questions in order.
pub(super) fn gold_reach(
    dataset: &Dataset,
    windows: &[Window],
    tokenizer: &BertTokenizer,
) -> Vec<Option<GoldReach>> {
    let of_paragraph = |place: &ParagraphPlace<'_>| {
        let tokens = DocTokens::new(&place.paragraph.context);
        let reach = (place.first_question..).zip(&place.paragraph.questions).map(|(index, question)| {
            let from = windows.partition_point(|window| window.example_index < index);
            let own = windows.get(from..).unwrap_or_default();
            let count = own.partition_point(|window| window.example_index == index);
            question_reach(question, &tokens, own.get(..count).unwrap_or_default(), tokenizer)
        });
        reach.collect::<Vec<_>>()
    };
    dataset.paragraphs().par_iter().flat_map_iter(of_paragraph).collect()
}

fn question_reach(
    question: &Question,
    tokens: &DocTokens,
    windows: &[Window],
    tokenizer: &BertTokenizer,
) -> Option<GoldReach> {
    let gold_pieces = question.answers.iter().map(|answer| tokenizer.tokenize(&answer.text).len()).min()?;
    let in_window = match windows {
        // Nothing is cut off: the usual case, for which no word need be counted.
        [_] => true,
        _ => question.answers.iter().any(|answer| {
            words_of(answer, tokens).is_none_or(|(first, last)| {
                let count =
                    |index: u32| tokens.words.get(index as usize).map_or(0, |w| tokenizer.tokenize(w).len());
                let pieces: usize = (first..=last).map(count).sum();
                windows.iter().any(|window| {
                    let inside = window.token_to_orig.iter().filter(|word| (first..=last).contains(*word));
                    inside.count() == pieces
                })
            })
        }),
    };
    Some(GoldReach { gold_pieces, in_window })
}

/// The first and the last word of an answer; `None` if it is not where the data set says.
fn words_of(answer: &Answer, tokens: &DocTokens) -> Option<(u32, u32)> {
    let start = answer.answer_start?;
    let last = start.checked_add(answer.text.chars().count().checked_sub(1)?)?;
    let word = |at: usize| u32::try_from(*tokens.char_to_word.get(at)?).ok();
    Some((word(start)?, word(last)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::features::{WindowOptions, evaluation_examples, windows};

    #[test]
    fn an_answer_across_all_cuts_is_in_no_window() {
        let letters: Vec<String> = ('a'..='z').map(String::from).collect();
        let pieces =
            ["[PAD]", "[UNK]", "[CLS]", "[SEP]"].map(str::to_owned).into_iter().chain(letters.clone());
        let tokenizer = BertTokenizer::from_vocab(pieces.collect(), true).unwrap();
        let context = letters.join(" ");
        let question = |id: &str, text: &str| {
            let at = context.find(text).unwrap();
            format!(
                r#"{{"id": "{id}", "question": "q", "answers": [{{"text": "{text}", "answer_start": {at}}}], "is_impossible": false}}"#
            )
        };
        let json = format!(
            r#"{{"data": [{{"paragraphs": [{{"context": "{context}", "qas": [{}, {}, {}, {{"id": "n", "question": "q", "answers": [], "is_impossible": true}}]}}]}}]}}"#,
            question("short", "c d"),
            question("long", "a b c d e f g h i"),
            question("whole", "b c d e f g h i"),
        );
        let dataset = Dataset::from_json(&json, "x").unwrap();
        // Windows of eight letters, four apart: a to h, e to l, …
        let options = WindowOptions { max_seq_length: 12, doc_stride: 1, max_query_length: 4 };
        let windows = windows(&evaluation_examples(&dataset), &tokenizer, &options, false).unwrap();
        let reach = gold_reach(&dataset, &windows, &tokenizer);
        let expected = [(2, true), (9, false), (8, true)];
        for (found, (gold_pieces, in_window)) in reach.iter().zip(expected) {
            assert_eq!(*found, Some(GoldReach { gold_pieces, in_window }));
        }
        assert_eq!(reach[3], None);
    }
}
