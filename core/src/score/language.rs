//! What counts as the same answer in languages other than SQuAD's English.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{
    normalize::{normalize_answer, without_words, words_of},
    script::BlanklessScript,
};
use crate::{
    squad::Dataset,
    tokenizer::unicode::{is_punctuation, lower, str_split},
};

/// By whose rules answers are normalised and cut into the tokens that F1 counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum AnswerLanguage {
    /// The official SQuAD scripts: English articles, ASCII punctuation, words between blanks
    #[default]
    Squad,
    /// English as in MLQA: as SQuAD, but all of Unicode's punctuation is dropped
    En,
    /// Spanish as in MLQA
    Es,
    /// German as in MLQA
    De,
    /// Arabic as in MLQA
    Ar,
    /// Vietnamese as in MLQA
    Vi,
    /// Hindi as in MLQA
    Hi,
    /// Chinese as in MLQA: every Chinese character is a token
    Zh,
    /// Korean as in KorQuAD 1.0: F1 counts characters
    Ko,
    /// Japanese: every kanji and kana is a token
    Ja,
    /// Thai: every Thai character is a token
    Th,
    /// Lao: every Lao character is a token
    Lo,
    /// Khmer: every Khmer character is a token
    Km,
    /// Burmese: every Burmese character is a token
    My,
}

impl AnswerLanguage {
    /// Every value, in the order of the documentation.
    pub const ALL: [Self; 14] = [
        Self::Squad,
        Self::En,
        Self::Es,
        Self::De,
        Self::Ar,
        Self::Vi,
        Self::Hi,
        Self::Zh,
        Self::Ko,
        Self::Ja,
        Self::Th,
        Self::Lo,
        Self::Km,
        Self::My,
    ];

    /// The value of `--answer-language`.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Squad => "squad",
            Self::En => "en",
            Self::Es => "es",
            Self::De => "de",
            Self::Ar => "ar",
            Self::Vi => "vi",
            Self::Hi => "hi",
            Self::Zh => "zh",
            Self::Ko => "ko",
            Self::Ja => "ja",
            Self::Th => "th",
            Self::Lo => "lo",
            Self::Km => "km",
            Self::My => "my",
        }
    }

    /// An answer without what does not count; equal normalised answers are an exact match.
    ///
    /// - `squad`: [`normalize_answer`].
    /// - MLQA's languages (`mlqa_evaluation_v1.py`): lower case, no punctuation (categories P* and ASCII symbols), no
    ///   articles, single blanks; in Chinese also a blank around each of U+4E00 to U+9FA5.
    /// - `ko` (`evaluate-korquad_v1.0.py`): quotes and brackets become blanks, other ASCII punctuation goes.
    /// - `ja`, `th`, `lo`, `km`, `my`, for which no script is official: as MLQA's Chinese, with the characters of their own
    ///   script.
    #[must_use]
    pub fn normalize(self, text: &str) -> String {
        match self {
            Self::Squad => normalize_answer(text),
            Self::Ko => {
                let spaced = text.replace(KORQUAD_BLANKS, " ");
                joined(&lower(&spaced).replace(|c: char| c.is_ascii_punctuation(), ""))
            }
            _ => {
                let bare: String = lower(text).chars().filter(|&c| !is_punctuation(c)).collect();
                let bare = self.without_articles(&bare);
                match self.token_characters() {
                    Some(script) => joined(&apart(&bare, script)),
                    None => joined(&bare),
                }
            }
        }
    }

    /// What F1 counts of an answer.
    #[must_use]
    pub fn tokens(self, text: &str) -> Vec<String> {
        self.tokens_of(&self.normalize(text))
    }

    /// [`Self::tokens`] of an answer that is normalised already.
    pub(super) fn tokens_of(self, normalized: &str) -> Vec<String> {
        match self {
            Self::Ko => normalized.chars().filter(|c| *c != ' ').map(String::from).collect(),
            _ => words_of(normalized),
        }
    }

    /// The language whose rules suit a data set better than SQuAD's, if most of its gold answers are in a script that is
    /// written without blanks, or in Korean.
    #[must_use]
    pub fn suggested_for(dataset: &Dataset) -> Option<Self> {
        let answers = dataset.questions().flat_map(|(_, _, question)| &question.answers);
        let script = BlanklessScript::of_most(answers.map(|answer| answer.text.as_str()))?;
        Some(match script {
            BlanklessScript::Chinese => Self::Zh,
            BlanklessScript::Japanese => Self::Ja,
            BlanklessScript::Korean => Self::Ko,
            BlanklessScript::Thai => Self::Th,
            BlanklessScript::Lao => Self::Lo,
            BlanklessScript::Khmer => Self::Km,
            BlanklessScript::Burmese => Self::My,
        })
    }

    /// One line that suggests the language for a data set, naming why.
    #[must_use]
    pub fn suggestion(self, source_name: &str) -> String {
        format!(
            "most gold answers of {source_name} look {self}, where words between blanks are a poor measure; \
             --answer-language {} scores them by characters",
            self.code()
        )
    }

    fn without_articles(self, text: &str) -> String {
        let articles: &[&str] = match self {
            Self::En => &["a", "an", "the"],
            Self::Es => &["un", "una", "unos", "unas", "el", "la", "los", "las"],
            Self::De => {
                &["ein", "eine", "einen", "einem", "eines", "einer", "der", "die", "das", "den", "dem", "des"]
            }
            Self::Vi => &["của", "là", "cái", "chiếc", "những"],
            // The script removes the article wherever these letters stand, within words as well.
            Self::Ar => return text.replace("ال", " "),
            _ => return text.to_owned(),
        };
        without_words(text, |word| articles.contains(&word))
    }

    fn token_characters(self) -> Option<fn(char) -> bool> {
        Some(match self {
            // The script's range, which ends before the ideographs added since 1993.
            Self::Zh => |c| ('\u{4e00}'..='\u{9fa5}').contains(&c),
            Self::Ja => |c| BlanklessScript::Japanese.holds(c) || BlanklessScript::Chinese.holds(c),
            Self::Th => |c| BlanklessScript::Thai.holds(c),
            Self::Lo => |c| BlanklessScript::Lao.holds(c),
            Self::Km => |c| BlanklessScript::Khmer.holds(c),
            Self::My => |c| BlanklessScript::Burmese.holds(c),
            _ => return None,
        })
    }
}

impl fmt::Display for AnswerLanguage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Squad | Self::En => "English",
            Self::Es => "Spanish",
            Self::De => "German",
            Self::Ar => "Arabic",
            Self::Vi => "Vietnamese",
            Self::Hi => "Hindi",
            Self::Zh => "Chinese",
            Self::Ko => "Korean",
            Self::Ja => "Japanese",
            Self::Th => "Thai",
            Self::Lo => "Lao",
            Self::Km => "Khmer",
            Self::My => "Burmese",
        })
    }
}

/// What KorQuAD's script turns into blanks before anything else.
const KORQUAD_BLANKS: [char; 12] = ['\'', '"', '《', '》', '<', '>', '〈', '〉', '(', ')', '‘', '’'];

/// Words with single blanks between them.
fn joined(text: &str) -> String {
    str_split(text).collect::<Vec<_>>().join(" ")
}

/// Blanks around every character of a script.
fn apart(text: &str, is_token: fn(char) -> bool) -> String {
    let mut spaced = String::with_capacity(2 * text.len());
    for character in text.chars() {
        if is_token(character) {
            spaced.extend([' ', character, ' ']);
        } else {
            spaced.push(character);
        }
    }
    spaced
}

#[cfg(test)]
mod tests {
    use super::super::{GoldQuestion, QuestionScore, ScoringRules};
    use super::*;
    use crate::squad::SquadVersion;

    fn scores(language: AnswerLanguage, gold: &str, prediction: &str) -> (f64, f64) {
        let rules = ScoringRules { language, version: SquadVersion::V1 };
        let gold = GoldQuestion::with_rules("q".into(), [gold], rules);
        let score = QuestionScore::new(&gold, prediction);
        (score.exact, score.f1)
    }

    /// Values of `mlqa_evaluation_v1.py`.
    #[test]
    fn mlqas_languages_score_as_its_script() {
        use AnswerLanguage::{Ar, De, En, Es, Hi, Vi, Zh};
        let cases = [
            (Zh, "北京大学", "北京", (0.0, 2.0 / 3.0)),
            (Zh, "北京 大学。", "“北京大学”", (1.0, 1.0)),
            (Zh, "1949年10月1日", "1949年", (0.0, 0.5)),
            (Zh, "NBA总冠军", "nba 总冠军", (1.0, 1.0)),
            (En, "the “Ark”", "Ark", (1.0, 1.0)),
            (Es, "la casa de los espíritus", "casa de espíritus", (1.0, 1.0)),
            (De, "Der Dom zu Köln", "Dom Köln", (0.0, 0.8)),
            (Ar, "العالم", "عالم", (1.0, 1.0)),
            (Vi, "Cái nón của Lan", "nón Lan", (1.0, 1.0)),
            (Hi, "नई दिल्ली।", "दिल्ली", (0.0, 2.0 / 3.0)),
            (Es, "el", "la", (1.0, 0.0)),
        ];
        for (language, gold, prediction, (exact, f1)) in cases {
            let found = scores(language, gold, prediction);
            assert!(
                found.0 == exact && (found.1 - f1).abs() < 1e-12,
                "{language} {gold} {prediction}: {found:?} instead of {exact} {f1}"
            );
        }
    }

    /// Values of `evaluate-korquad_v1.0.py`.
    #[test]
    fn korean_counts_characters_as_korquad() {
        let (exact, f1) = scores(AnswerLanguage::Ko, "서울특별시", "서울특별시에서");
        assert!(exact == 0.0 && (f1 - 10.0 / 12.0).abs() < 1e-12, "{f1}");
        assert_eq!(scores(AnswerLanguage::Ko, "《토지》", "토지"), (1.0, 1.0));
        assert_eq!(scores(AnswerLanguage::Ko, "서울 시", "서울시"), (0.0, 1.0));
    }

    #[test]
    fn scripts_without_blanks_count_characters() {
        assert_eq!(AnswerLanguage::Ja.normalize("東京タワー、333m"), "東 京 タ ワ ー 333m");
        assert_eq!(AnswerLanguage::Th.tokens("กทม. 2 BTS"), ["ก", "ท", "ม", "2", "bts"]);
        let (exact, f1) = scores(AnswerLanguage::Ja, "東京タワー", "東京");
        assert!(exact == 0.0 && (f1 - 4.0 / 7.0).abs() < 1e-12);
        assert_eq!(scores(AnswerLanguage::Squad, "東京タワー", "東京"), (0.0, 0.0));
    }

    fn dataset(answers: &[&str]) -> Dataset {
        let context = answers.join(" ");
        let questions: Vec<_> = answers
            .iter()
            .enumerate()
            .map(|(id, text)| {
                let start = context.find(text).map(|at| context[..at].chars().count());
                serde_json::json!({"id": id.to_string(), "question": "?", "answers": [{"text": text, "answer_start": start}]})
            })
            .collect();
        let file = serde_json::json!({"data": [{"paragraphs": [{"context": context, "qas": questions}]}]});
        Dataset::from_json(&file.to_string(), "x.json").unwrap()
    }

    #[test]
    fn a_language_is_suggested_only_where_most_answers_are_of_it() {
        let suggested = |answers: &[&str]| AnswerLanguage::suggested_for(&dataset(answers));
        assert_eq!(suggested(&["北京", "上海", "Shell"]), Some(AnswerLanguage::Zh));
        assert_eq!(suggested(&["東京タワー", "富士山"]), Some(AnswerLanguage::Ja));
        assert_eq!(suggested(&["서울특별시"]), Some(AnswerLanguage::Ko));
        assert_eq!(suggested(&["กรุงเทพ", "1999"]), Some(AnswerLanguage::Th));
        assert_eq!(suggested(&["Köln", "the Great Wall 长城"]), None);
        assert_eq!(suggested(&["1999", "Москва"]), None);
    }

    #[test]
    fn codes_are_the_names_in_files() {
        for language in AnswerLanguage::ALL {
            assert_eq!(serde_json::to_value(language).unwrap(), language.code());
        }
    }
}
