//! The content of a SQuAD file.

use std::collections::HashMap;
use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::diagnose::diagnose;
use super::error::{Place, SquadError};
use super::finding::{Finding, findings};

/// Which SQuAD a file follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SquadVersion {
    /// 1.1: every question has an answer.
    V1,
    /// 2.0: questions say whether they have one (`is_impossible`).
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

/// A SQuAD file. Keys that SQuAD does not have are ignored.
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
}

/// One Wikipedia article, or whatever the questions are about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Article {
    /// The title, empty if the file gives none.
    #[serde(default)]
    pub title: String,
    /// The paragraphs in order.
    pub paragraphs: Vec<Paragraph>,
}

/// A passage and the questions about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "RawQuestion")]
pub struct Question {
    /// Unique in its file.
    pub id: String,
    /// The question as written.
    pub question: String,
    /// The gold answers; may be absent where answers are to be predicted.
    #[serde(default)]
    pub answers: Vec<Answer>,
    /// What a hasty reader might answer to an unanswerable question.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub plausible_answers: Vec<Answer>,
    /// Whether the passage holds no answer; absent in SQuAD 1.1. An empty list of answers says `true` where the key is
    /// absent; a question without a list says nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_impossible: Option<bool>,
}

/// A question as files write it.
#[derive(Deserialize)]
struct RawQuestion {
    id: String,
    question: String,
    #[serde(default)]
    answers: Option<Vec<Answer>>,
    #[serde(default)]
    plausible_answers: Vec<Answer>,
    #[serde(default)]
    is_impossible: Option<bool>,
}

impl From<RawQuestion> for Question {
    fn from(raw: RawQuestion) -> Self {
        let RawQuestion { id, question, answers, plausible_answers, is_impossible } = raw;
        let is_impossible = match &answers {
            Some(answers) if answers.is_empty() => is_impossible.or(Some(true)),
            _ => is_impossible,
        };
        Self { id, question, answers: answers.unwrap_or_default(), plausible_answers, is_impossible }
    }
}

/// A piece of the passage that answers the question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The answer as it stands in the passage.
    pub text: String,
    /// Where it starts in the passage, in code points.
    pub answer_start: usize,
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

#[derive(Deserialize)]
struct File {
    data: Vec<Article>,
}

impl Dataset {
    /// Reads a SQuAD 1.1 or 2.0 file.
    ///
    /// # Errors
    /// If the file cannot be read, is not UTF-8, not JSON, not SQuAD, mixes both versions or repeats an id; each
    /// names the file and the place. Doubtful content is no error here, see [`Self::validate`].
    pub fn from_path(path: &Path) -> Result<Self, SquadError> {
        let file = path.display().to_string();
        let bytes = std::fs::read(path).map_err(|cause| SquadError::Read { file: file.clone(), cause })?;
        Self::from_bytes(&bytes, &file)
    }

    /// Reads the content of a SQuAD 1.1 or 2.0 file; `source_name` is what messages call it.
    ///
    /// # Errors
    /// As [`Self::from_path`].
    pub fn from_bytes(bytes: &[u8], source_name: &str) -> Result<Self, SquadError> {
        let text = std::str::from_utf8(bytes).map_err(|error| SquadError::NotUtf8 {
            file: source_name.to_owned(),
            offset: error.valid_up_to(),
        })?;
        Self::from_json(text, source_name)
    }

    /// Reads SQuAD 1.1 or 2.0 JSON; `source_name` is what messages call it.
    ///
    /// # Errors
    /// As [`Self::from_path`].
    pub fn from_json(text: &str, source_name: &str) -> Result<Self, SquadError> {
        // Some editors put a byte order mark before the first brace.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let File { data: articles } =
            serde_json::from_str(text).map_err(|error| diagnose(text, source_name, &error))?;
        Self::from_articles(articles, source_name)
    }

    /// A data set made in memory, with the same checks as a file's.
    ///
    /// # Errors
    /// If an id is repeated.
    pub fn from_articles(articles: Vec<Article>, source_name: &str) -> Result<Self, SquadError> {
        let mut articles = articles;
        let version = settle_version(&mut articles);
        let (ids, warnings) = rayon::join(|| check_ids(&articles, source_name), || findings(&articles));
        ids?;
        Ok(Self { version, articles, warnings, source_name: source_name.to_owned() })
    }

    /// Refuses a data set without questions or with plain mistakes in its content.
    ///
    /// # Errors
    /// The first empty context, empty question, answer past the end of its context or answer that occurs nowhere
    /// in it, with the number of further ones.
    pub fn validate(&self) -> Result<(), SquadError> {
        let file = || self.source_name.clone();
        if self.questions().next().is_none() {
            return Err(SquadError::NoQuestions { file: file() });
        }
        let mut mistakes = self.warnings.iter().filter(|finding| finding.kind.is_mistake());
        let Some(first) = mistakes.next() else { return Ok(()) };
        Err(SquadError::Invalid { file: file(), finding: Box::new(first.clone()), others: mistakes.count() })
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

/// Calls `visit` with every question and its place until it fails.
fn try_for_each_question<'a>(
    articles: &'a [Article],
    mut visit: impl FnMut((usize, usize, usize), &'a Question) -> Result<(), SquadError>,
) -> Result<(), SquadError> {
    for (article, Article { paragraphs, .. }) in articles.iter().enumerate() {
        for (paragraph, Paragraph { questions, .. }) in paragraphs.iter().enumerate() {
            for (index, question) in questions.iter().enumerate() {
                visit((article, paragraph, index), question)?;
            }
        }
    }
    Ok(())
}

fn place(articles: &[Article], (article, paragraph, index): (usize, usize, usize), id: &str) -> Box<Place> {
    let title = articles.get(article).map(|article| article.title.as_str().into()).unwrap_or_default();
    Box::new(Place { article, title, paragraph, question: Some((index, id.to_owned())) })
}

/// SQuAD 2.0 if any question has `is_impossible` or an empty list of answers. Then the mark of the others follows from
/// their answers; questions without a list keep none.
fn settle_version(articles: &mut [Article]) -> SquadVersion {
    let questions = || articles.iter().flat_map(|article| &article.paragraphs).flat_map(|p| &p.questions);
    if questions().all(|question| question.is_impossible.is_none()) {
        return SquadVersion::V1;
    }
    for article in articles {
        for question in article.paragraphs.iter_mut().flat_map(|paragraph| &mut paragraph.questions) {
            if question.is_impossible.is_none() && !question.answers.is_empty() {
                question.is_impossible = Some(false);
            }
        }
    }
    SquadVersion::V2
}

fn check_ids(articles: &[Article], source_name: &str) -> Result<(), SquadError> {
    let paragraphs = articles.iter().flat_map(|article| &article.paragraphs);
    let mut seen = HashMap::with_capacity(paragraphs.map(|paragraph| paragraph.questions.len()).sum());
    try_for_each_question(articles, |at, question| match seen.insert(question.id.as_str(), at) {
        None => Ok(()),
        Some(before) => Err(SquadError::DuplicateId {
            file: source_name.to_owned(),
            first: place(articles, before, &question.id),
            second: place(articles, at, &question.id),
        }),
    })
}
