//! SQuAD files, up to the windows of a small vocabulary.

use std::sync::OnceLock;

use spanbert_core::{
    features::{WindowOptions, evaluation_examples, training_examples, usable_examples, windows},
    score::GoldQuestions,
    squad::Dataset,
    tokenizer::BertTokenizer,
};

use super::check_message;

/// Questions times length of contexts up to which windows are cut: that product is what the work is, not the file.
const MOST_WORK: usize = 1 << 16;

pub(super) fn tokenizer() -> &'static BertTokenizer {
    static TOKENIZER: OnceLock<BertTokenizer> = OnceLock::new();
    TOKENIZER.get_or_init(|| {
        let pieces = "[PAD] [UNK] [CLS] [SEP] a b c ##a ##b ##c . ? é the who left";
        BertTokenizer::from_vocab(pieces.split(' ').map(str::to_owned).collect(), false).unwrap()
    })
}

pub(super) fn read(bytes: &[u8]) {
    let data = match Dataset::from_bytes(bytes, "data.json") {
        Ok(data) => data,
        Err(error) => return check_message(&error),
    };
    if let Err(error) = data.validate() {
        check_message(&error);
    }
    for finding in &data.warnings {
        check_message(finding);
    }
    data.warning_lines().iter().chain(&data.reading_note()).for_each(check_message);
    // What was understood is written as SQuAD, and read again the same.
    let written = data.to_squad_json().unwrap();
    let again = Dataset::from_json(&written, "again.json").unwrap();
    assert_eq!(again.articles, data.articles);
    assert_eq!(data.counts().questions, data.questions().count());
    assert_eq!(GoldQuestions::from_dataset(&data).questions.len(), data.counts().questions);
    let work: usize = data.questions().map(|(_, paragraph, _)| paragraph.context.len()).sum();
    if work > MOST_WORK {
        return;
    }
    let options = WindowOptions { max_seq_length: 24, doc_stride: 8, max_query_length: 8 };
    let evaluation = evaluation_examples(&data);
    assert_eq!(evaluation.len(), data.counts().questions);
    for window in windows(&evaluation, tokenizer(), &options, false).unwrap() {
        assert!(window.input_ids.len() <= options.max_seq_length);
    }
    for examples_of in [training_examples, usable_examples] {
        let (examples, skipped) = examples_of(&data);
        assert_eq!(examples.len() + skipped.len(), evaluation.len());
        skipped.iter().for_each(check_message);
        if let Err(error) = windows(&examples, tokenizer(), &options, true) {
            check_message(&error);
        }
    }
}
