//! Families that resemble BERT and cannot be loaded, and what to use instead.

/// A family of models that cannot be loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unsupported {
    /// `model_type` of `config.json`.
    model_type: &'static str,
    /// How the names of its classes begin (`architectures` of `config.json`).
    class: &'static str,
    /// What it is called.
    pub(super) title: &'static str,
    /// In what it differs from BERT.
    pub(super) difference: &'static str,
    /// What to use instead.
    pub(super) instead: &'static str,
}

const BERT: &str =
    "spanbert-base or spanbert-large, or a BERT of the hub such as google-bert/bert-base-cased";
const MULTILINGUAL: &str =
    "google-bert/bert-base-multilingual-cased, or the hub's BERT of your language (model_type \"bert\")";
const SMALL: &str = "spanbert-base, or a small model of the hub such as google/electra-small-discriminator or distilbert-base-uncased";
const LONG: &str = "spanbert-base or spanbert-large: long passages are cut into overlapping windows, so 512 \
                    positions are enough";

const BYTE_PIECES: &str = "its vocabulary is of bytes, and its positions begin at 2";
const SENTENCE_PIECES: &str = "its vocabulary is SentencePiece's, and its positions begin at 2";

/// Families that people try, by what they may be told about them.
const UNSUPPORTED: [Unsupported; 22] = [
    family("roberta", "Roberta", "RoBERTa", BYTE_PIECES, BERT),
    family("xlm-roberta", "XLMRoberta", "XLM-RoBERTa", SENTENCE_PIECES, MULTILINGUAL),
    family("xlm-roberta-xl", "XLMRobertaXL", "XLM-RoBERTa-XL", SENTENCE_PIECES, MULTILINGUAL),
    family("camembert", "Camembert", "CamemBERT", SENTENCE_PIECES, MULTILINGUAL),
    family("mobilebert", "MobileBert", "MobileBERT", "its layers have bottlenecks", SMALL),
    family("squeezebert", "SqueezeBert", "SqueezeBERT", "its layers are grouped convolutions", SMALL),
    family("albert", "Albert", "ALBERT", "its layers share their weights", BERT),
    family("deberta", "Deberta", "DeBERTa", "its attention works on relative positions", BERT),
    family("deberta-v2", "DebertaV2", "DeBERTa v2 or v3", "its attention works on relative positions", BERT),
    family("mpnet", "MPNet", "MPNet", "its attention works on relative positions", BERT),
    family("nezha", "Nezha", "NEZHA", "its attention works on relative positions", BERT),
    family("roformer", "RoFormer", "RoFormer", "its positions are rotations", BERT),
    family("nomic_bert", "NomicBert", "Nomic BERT", "its positions are rotations", BERT),
    family(
        "modernbert",
        "ModernBert",
        "ModernBERT",
        "its positions are rotations and its layers are others",
        BERT,
    ),
    family("convbert", "ConvBert", "ConvBERT", "half of its attention is convolution", BERT),
    family("funnel", "Funnel", "Funnel Transformer", "its layers shorten the text", BERT),
    family("megatron-bert", "MegatronBert", "Megatron-BERT", "its LayerNorms stand before the layers", BERT),
    family("ernie", "Ernie", "ERNIE", "it may have embeddings of tasks", BERT),
    family("rembert", "RemBert", "RemBERT", "its embeddings have a width of their own", MULTILINGUAL),
    family("longformer", "Longformer", "Longformer", "its attention is sparse", LONG),
    family("big_bird", "BigBird", "BigBird", "its attention is sparse", LONG),
    family("xlnet", "XLNet", "XLNet", "its attention works on relative positions", BERT),
];

const fn family(
    model_type: &'static str,
    class: &'static str,
    title: &'static str,
    difference: &'static str,
    instead: &'static str,
) -> Unsupported {
    Unsupported { model_type, class, title, difference, instead }
}

impl Unsupported {
    /// The family of a `model_type`, if it is one people try.
    pub(super) fn of_model_type(model_type: &str) -> Option<&'static Self> {
        UNSUPPORTED.iter().find(|family| family.model_type == model_type)
    }

    /// The family of a class such as `RobertaForMaskedLM`; for old files without a `model_type`.
    pub(super) fn of_class(class: &str) -> Option<&'static Self> {
        UNSUPPORTED
            .iter()
            .filter(|family| class.starts_with(family.class))
            .max_by_key(|family| family.class.len())
    }

    /// The family whose models call their encoder like this, such as `roberta`.
    pub fn of_encoder(name: &str) -> Option<&'static Self> {
        let plain = |letter: u8| if letter == b'-' { b'_' } else { letter };
        let same = |model_type: &str| {
            model_type.len() == name.len() && model_type.bytes().map(plain).eq(name.bytes())
        };
        UNSUPPORTED.iter().find(|family| same(family.model_type))
    }

    /// What to use instead of a model of a family that is not in the table.
    pub(super) fn usual() -> &'static str {
        BERT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_found_by_their_longest_name() {
        let title = |class| Unsupported::of_class(class).map(|family| family.title);
        assert_eq!(title("DebertaV2ForQuestionAnswering"), Some("DeBERTa v2 or v3"));
        assert_eq!(title("DebertaForMaskedLM"), Some("DeBERTa"));
        assert_eq!(title("RobertaModel"), Some("RoBERTa"));
        assert_eq!(title("BertForQuestionAnswering"), None);
        assert_eq!(title("MyBert"), None);
    }
}
