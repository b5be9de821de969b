//! Which tokenizer classes of `transformers` cut text as BERT's does.

use super::said::Refusal;

/// Classes whose pieces are BERT's; `Fast` at the end makes no difference.
const LIKE_BERT: [&str; 13] = [
    "BertTokenizer",
    "DistilBertTokenizer",
    "ElectraTokenizer",
    "MobileBertTokenizer",
    "ConvBertTokenizer",
    "SqueezeBertTokenizer",
    "LayoutLMTokenizer",
    "LxmertTokenizer",
    "RetriBertTokenizer",
    "RealmTokenizer",
    "DPRReaderTokenizer",
    "DPRQuestionEncoderTokenizer",
    "DPRContextEncoderTokenizer",
];
/// Classes that are whatever `tokenizer.json` says.
const GENERIC: [&str; 3] = ["PreTrainedTokenizer", "TokenizersBackend", "AutoTokenizer"];

/// What a class makes of the files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The keys of `tokenizer_config.json` go before `tokenizer.json`.
    Bert,
    /// `tokenizer.json` alone counts.
    Generic,
}

/// What the class means, if it is one of ours.
pub(super) fn kind_of(class: Option<&str>, has_tokenizer_json: bool) -> Result<Kind, Refusal> {
    let Some(class) = class else { return Ok(Kind::Bert) };
    let plain = class.strip_suffix("Fast").unwrap_or(class);
    if LIKE_BERT.contains(&plain) {
        return Ok(Kind::Bert);
    }
    if GENERIC.contains(&plain) {
        return if has_tokenizer_json {
            Ok(Kind::Generic)
        } else {
            Err(Refusal::new(
                format!("tokenizer_class is {class}, which is defined by tokenizer.json, and there is none"),
                "copy the tokenizer.json that belongs to the checkpoint there",
            ))
        };
    }
    let supported = "supported are BERT's WordPiece tokenizers (BertTokenizer, DistilBertTokenizer, ElectraTokenizer, \
                     and PreTrainedTokenizerFast with a WordPiece tokenizer.json)";
    let instead = if plain.contains("Japanese") {
        "take a model whose words are not cut by MeCab or Sudachi, such as google-bert/bert-base-multilingual-cased"
    } else {
        "take a BERT checkpoint, such as SpanBERT/spanbert-base-cased or google-bert/bert-base-cased"
    };
    Err(Refusal::new(format!("tokenizer_class is {class}; {supported}"), instead))
}
