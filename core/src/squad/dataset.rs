//! The content of a SQuAD file.

use std::fmt;
use std::path::Path;

use serde::ser::SerializeStruct;
use serde::{Deserialize, Serialize, Serializer};

use super::error::SquadError;
use super::finding::{Finding, FindingKind, Search, findings};
use super::formats::{At, DataFormat, Parsed, parse};
use super::ids::{RepeatedIds, make_up, remove, repeated};
use super::place::{Origins, Place, Places};
use super::{foreign, place::Style};
use crate::{gzip, text_file};

/// Which SQuAD a file follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SquadVersion {
    /// 1.1: every question has an answer.
    V1,
    /// 2.0: questions say whether they have one (`is_impossible`, or an empty list of answers).
    V2,
}

impl fmt::Display for SquadVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V1 => "SQuAD 1.1",
            Self::V2 => "SQuAD 2.0",
        })
    }
}

/// A data set of questions. Keys that its layout does not have are ignored.
#[derive(Clone, Debug)]
pub struct Dataset {
    /// Recognised from the questions, not from the file's `version`.
    pub version: SquadVersion,
    /// The articles in file order.
    pub articles: Vec<Article>,
    /// What is doubtful about the content, in file order.
    pub warnings: Vec<Finding>,
    /// The file or other source, as messages name it.
    pub source_name: String,
    /// The layout it was read from.
    pub format: DataFormat,
    /// Questions left out because a later one has their id.
    pub left_out: usize,
    /// What is to be said about the text as a whole.
    pub(super) remarks: Vec<String>,
    origins: Origins,
}

/// One Wikipedia article, or whatever the questions are about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Article {
    /// The title, empty if the file gives none.
    pub title: String,
    /// The paragraphs in order.
    pub paragraphs: Vec<Paragraph>,
}

/// A passage and the questions about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Paragraph {
    /// The passage.
    pub context: String,
    /// The questions (`qas`).
    #[serde(rename = "qas")]
    pub questions: Vec<Question>,
}

/// A paragraph and where it stands in its data set.
#[derive(Clone, Copy, Debug)]
pub struct ParagraphPlace<'a> {
    /// Index of its article.
    pub article: usize,
    /// Its index in the article.
    pub index: usize,
    /// Index of its first question among all questions.
    pub first_question: usize,
    /// The paragraph.
    pub paragraph: &'a Paragraph,
}

/// A question about a passage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// Unique in its file; made up from passage and question where the file gives none.
    pub id: String,
    /// The question as written.
    pub question: String,
    /// The gold answers; may be absent where answers are to be predicted.
    pub answers: Vec<Answer>,
    /// What a hasty reader might answer to an unanswerable question.
    pub plausible_answers: Vec<Answer>,
    /// Whether the passage holds no answer; absent in SQuAD 1.1. An empty list of answers says `true` where the key is
    /// absent; a question without a list says nothing.
    pub is_impossible: Option<bool>,
}

impl Serialize for Question {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Question", 5)?;
        fields.serialize_field("id", &self.id)?;
        fields.serialize_field("question", &self.question)?;
        // An empty list would be a statement that the question does not make.
        if !self.answers.is_empty() || self.is_impossible.is_some() {
            fields.serialize_field("answers", &self.answers)?;
        }
        if !self.plausible_answers.is_empty() {
            fields.serialize_field("plausible_answers", &self.plausible_answers)?;
        }
        if let Some(is_impossible) = self.is_impossible {
            fields.serialize_field("is_impossible", &is_impossible)?;
        }
        fields.end()
    }
}

/// A piece of the passage that answers the question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The answer as it stands in the passage.
    pub text: String,
    /// Where it starts in the passage, in code points; none if the file does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer_start: Option<usize>,
}

/// The size of a data set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Number of articles.
    pub articles: usize,
    /// Number of paragraphs.
    pub paragraphs: usize,
    /// Number of questions.
    pub questions: usize,
    /// Number of questions not marked as unanswerable; all of SQuAD 1.1's.
    pub answerable: usize,
    /// Number of questions marked as unanswerable.
    pub unanswerable: usize,
}

impl Dataset {
    /// Reads a file of questions in any of the layouts of [`DataFormat`], as text or gzip. Of questions with one id the
    /// last counts, as in the official scorer.
    ///
    /// # Errors
    /// If the file cannot be read, is not a text, no JSON or of no known layout; each names the file and the place.
    /// Doubtful content is no error but noted in [`Self::warnings`].
    pub fn from_path(path: &Path) -> Result<Self, SquadError> {
        Self::from_path_with(path, RepeatedIds::KeepLast)
    }

    /// [`Self::from_path`] with a say on repeated ids.
    ///
    /// # Errors
    /// As [`Self::from_path`].
    pub fn from_path_with(path: &Path, repeated_ids: RepeatedIds) -> Result<Self, SquadError> {
        let file = path.display().to_string();
        let bytes = std::fs::read(path).map_err(|cause| SquadError::Read {
            file: file.clone(),
            cause: text_file::of_folder(path, cause),
        })?;
        Self::from_bytes_with(&bytes, &file, repeated_ids)
    }

    /// Reads the content of a file of questions; `source_name` is what messages call it.
    ///
    /// # Errors
    /// As [`Self::from_path`].
    pub fn from_bytes(bytes: &[u8], source_name: &str) -> Result<Self, SquadError> {
        Self::from_bytes_with(bytes, source_name, RepeatedIds::KeepLast)
    }

    /// [`Self::from_bytes`] with a say on repeated ids.
    ///
    /// # Errors
    /// As [`Self::from_path`].
    pub fn from_bytes_with(
        bytes: &[u8],
        source_name: &str,
        repeated_ids: RepeatedIds,
    ) -> Result<Self, SquadError> {
        let bytes = gzip::unpacked(bytes)
            .map_err(|error| SquadError::Packed { file: source_name.to_owned(), cause: error.to_string() })?;
        foreign::check_bytes(&bytes, source_name)?;
        let text = text_file::decode(&bytes, source_name)?;
        Self::read(&text, source_name, repeated_ids)
    }

    /// Reads the text of a file of questions; `source_name` is what messages call it.
    ///
    /// # Errors
    /// As [`Self::from_path`].
    pub fn from_json(text: &str, source_name: &str) -> Result<Self, SquadError> {
        // Some editors put a byte order mark before the first brace.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        Self::read(text, source_name, RepeatedIds::KeepLast)
    }

    fn read(text: &str, source_name: &str, repeated_ids: RepeatedIds) -> Result<Self, SquadError> {
        foreign::check_text(text, source_name)?;
        Ok(Self::assemble(parse(text, source_name)?, source_name, repeated_ids))
    }

    /// A data set made in memory, treated as a file's.
    #[must_use]
    pub fn from_articles(articles: Vec<Article>, source_name: &str) -> Self {
        let parsed = Parsed { articles, ..Parsed::default() };
        Self::assemble(parsed, source_name, RepeatedIds::KeepLast)
    }

    fn assemble(parsed: Parsed, source_name: &str, repeated_ids: RepeatedIds) -> Self {
        let Parsed { mut articles, format, mut quirks, unmarked_empty, mut origins, repaired, remarks } =
            parsed;
        make_up(&mut articles);
        let version = settle_version(&mut articles, &unmarked_empty, &mut quirks);
        let by_path =
            origins.style != Style::Line && matches!(format, DataFormat::Squad | DataFormat::Articles);
        origins.finish(&articles, by_path);
        let places = Places::new(&articles, &origins);
        let search = Search { answers_anywhere: format == DataFormat::Mrqa, repaired };
        let ((repeats, earlier), found) =
            rayon::join(|| repeated(&articles, &places), || findings(&articles, search));
        quirks.extend(repeats);
        if !quirks.is_empty() {
            quirks.extend(found);
            quirks.sort_by_key(|(at, _)| *at);
        } else {
            quirks = found;
        }
        let warnings = quirks.into_iter().map(|(at, kind)| Finding { place: places.of(at), kind }).collect();
        drop(places);
        let mut left_out = 0;
        if repeated_ids == RepeatedIds::KeepLast {
            left_out = earlier.len();
            remove(&mut articles, earlier);
        }
        let source_name = source_name.to_owned();
        Self { version, articles, warnings, source_name, format, left_out, remarks, origins }
    }

    /// Refuses a data set without questions. What is doubtful about the content is in [`Self::warnings`].
    ///
    /// # Errors
    /// If there is no question.
    pub fn validate(&self) -> Result<(), SquadError> {
        match self.questions().next() {
            Some(_) => Ok(()),
            None => Err(SquadError::NoQuestions { file: self.source_name.clone() }),
        }
    }

    /// One line on the layout and what was found, where it is not SQuAD's own.
    #[must_use]
    pub fn reading_note(&self) -> Option<String> {
        if self.format == DataFormat::Squad {
            return None;
        }
        let (mut questions, mut without) = (0, 0);
        for (_, _, question) in self.questions() {
            questions += 1;
            without += usize::from(question.answers.is_empty());
        }
        let plural = if questions == 1 { "" } else { "s" };
        let without = if without > 0 { format!(", {without} without an answer") } else { String::new() };
        let (file, format) = (&self.source_name, self.format);
        Some(format!("{file}: read as {format}: {questions} question{plural}{without}"))
    }

    /// Where a question stands, by the indices of its article, its paragraph and its own.
    #[must_use]
    pub fn place(&self, article: usize, paragraph: usize, question: usize) -> Place {
        self.origins.place(&self.articles, At::question(article, paragraph, question))
    }

    /// The data set as SQuAD JSON.
    ///
    /// # Errors
    /// None that can be named; serde's.
    pub fn to_squad_json(&self) -> serde_json::Result<String> {
        #[derive(Serialize)]
        struct File<'a> {
            version: &'a str,
            data: &'a [Article],
        }
        let version = match self.version {
            SquadVersion::V1 => "1.1",
            SquadVersion::V2 => "v2.0",
        };
        serde_json::to_string(&File { version, data: &self.articles })
    }

    /// Whether the file says anything about answers: some question has one, or is said to have none. A file of questions
    /// alone can be answered but not scored.
    #[must_use]
    pub fn has_gold_answers(&self) -> bool {
        self.questions()
            .any(|(_, _, question)| !question.answers.is_empty() || question.is_impossible == Some(true))
    }

    /// Every question with its article and paragraph, in file order.
    pub fn questions(&self) -> impl Iterator<Item = (&Article, &Paragraph, &Question)> {
        self.articles.iter().flat_map(|article| {
            article.paragraphs.iter().flat_map(move |paragraph| {
                paragraph.questions.iter().map(move |question| (article, paragraph, question))
            })
        })
    }

    /// Every paragraph and where it stands, in file order.
    #[must_use]
    pub fn paragraphs(&self) -> Vec<ParagraphPlace<'_>> {
        let mut places = Vec::new();
        let mut first_question = 0;
        for (article, content) in self.articles.iter().enumerate() {
            for (index, paragraph) in content.paragraphs.iter().enumerate() {
                places.push(ParagraphPlace { article, index, first_question, paragraph });
                first_question += paragraph.questions.len();
            }
        }
        places
    }

    /// How much of everything there is.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let mut counts = Counts { articles: self.articles.len(), ..Counts::default() };
        counts.paragraphs = self.articles.iter().map(|article| article.paragraphs.len()).sum();
        for (_, _, question) in self.questions() {
            counts.questions += 1;
            if question.is_impossible == Some(true) {
                counts.unanswerable += 1;
            } else {
                counts.answerable += 1;
            }
        }
        counts
    }
}

/// SQuAD 2.0 if any question has `is_impossible` or an empty list of answers. Then the mark of the others follows from
/// their answers; questions without a list keep none.
fn settle_version(
    articles: &mut [Article],
    unmarked_empty: &[(usize, usize, usize)],
    quirks: &mut Vec<(At, FindingKind)>,
) -> SquadVersion {
    let questions = || articles.iter().flat_map(|article| &article.paragraphs).flat_map(|p| &p.questions);
    let any_marked = questions().any(|question| question.is_impossible.is_some());
    if !any_marked && unmarked_empty.is_empty() {
        return SquadVersion::V1;
    }
    for (article, content) in articles.iter_mut().enumerate() {
        for (paragraph, content) in content.paragraphs.iter_mut().enumerate() {
            for (index, question) in content.questions.iter_mut().enumerate() {
                if question.is_impossible.is_some() {
                    continue;
                }
                if any_marked {
                    quirks.push((At::question(article, paragraph, index), FindingKind::Unmarked));
                }
                if !question.answers.is_empty() {
                    question.is_impossible = Some(false);
                }
            }
        }
    }
    for &(article, paragraph, question) in unmarked_empty {
        let paragraph = articles.get_mut(article).and_then(|article| article.paragraphs.get_mut(paragraph));
        if let Some(question) = paragraph.and_then(|paragraph| paragraph.questions.get_mut(question)) {
            question.is_impossible = Some(true);
        }
    }
    SquadVersion::V2
}
