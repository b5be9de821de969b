//! Where in a data set something stands.

use std::{fmt, sync::Arc};

use super::{Article, error::shortened, formats::At};

/// How the entries of a data set are named.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Style {
    /// By their path under `data`.
    #[default]
    Data,
    /// By their path in a list.
    List,
    /// By their line.
    Line,
    /// By their row in a table of columns.
    Column,
}

/// Where in a data set something stands. Indices count from 0, as in JSON, lines from 1.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Index in `data`.
    pub article: usize,
    /// The article's title, empty if it has none. Shared: a file may have many findings in an article.
    pub title: Arc<str>,
    /// Index in the article's `paragraphs`, if the place is within one.
    pub paragraph: Option<usize>,
    /// Index in the paragraph's `qas` and the question's id, if the place is a question.
    pub question: Option<(usize, String)>,
    /// How the place is named.
    pub style: Style,
    /// The entry or line that the place is in, where the text is no list of articles.
    pub entry: Option<usize>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.style, self.entry) {
            (Style::Data, Some(entry)) => write!(f, "data[{entry}]")?,
            (Style::List, Some(entry)) => write!(f, "[{entry}]")?,
            (Style::Line, Some(line)) => write!(f, "line {line}")?,
            (Style::Column, Some(row)) => write!(f, "row {row}")?,
            (style, None) => {
                let data = if style == Style::Data { "data" } else { "" };
                write!(f, "{data}[{}]", self.article)?;
                if let Some(paragraph) = self.paragraph {
                    write!(f, ".paragraphs[{paragraph}]")?;
                }
                if let Some((index, _)) = &self.question {
                    write!(f, ".qas[{index}]")?;
                }
            }
        }
        match (self.title.is_empty(), &self.question) {
            (true, None) => Ok(()),
            (false, None) => write!(f, " (article {})", shortened(&self.title)),
            (true, Some((_, id))) => write!(f, " (question {})", shortened(id)),
            (false, Some((_, id))) => {
                write!(f, " (article {}, question {})", shortened(&self.title), shortened(id))
            }
        }
    }
}

/// The entries that questions were read from.
#[derive(Clone, Debug, Default)]
pub(crate) struct Origins {
    pub(crate) style: Style,
    /// Of each question in order; none for articles, whose indices are those of the text.
    entries: Vec<u32>,
    /// For each article and paragraph the index of its first question.
    first_questions: Vec<Vec<usize>>,
}

impl Origins {
    pub(crate) fn new(style: Style) -> Self {
        Self { style, ..Self::default() }
    }

    /// The next question comes from this entry.
    pub(crate) fn push(&mut self, entry: usize) {
        self.entries.push(u32::try_from(entry).unwrap_or(u32::MAX));
    }

    /// Makes ready for [`Self::entry`]; `by_path` if the articles' indices say it all.
    pub(crate) fn finish(&mut self, articles: &[Article], by_path: bool) {
        if by_path {
            self.entries = Vec::new();
            return;
        }
        let mut first = 0;
        let mut next = |questions: usize| {
            first += questions;
            first - questions
        };
        self.first_questions = articles
            .iter()
            .map(|article| article.paragraphs.iter().map(|p| next(p.questions.len())).collect())
            .collect();
    }

    /// The place of something in the articles; [`Places`] makes many.
    pub(crate) fn place(&self, articles: &[Article], at: At) -> Place {
        let title = articles.get(at.article).map(|article| article.title.as_str().into());
        self.titled(articles, at, title.unwrap_or_default())
    }

    fn titled(&self, articles: &[Article], at: At, title: Arc<str>) -> Place {
        let question = || {
            let paragraph = articles.get(at.article)?.paragraphs.get(at.paragraph?)?;
            Some((at.question?, paragraph.questions.get(at.question?)?.id.clone()))
        };
        Place {
            article: at.article,
            title,
            paragraph: at.paragraph,
            question: question(),
            style: self.style,
            entry: self.entry(at),
        }
    }

    fn entry(&self, at: At) -> Option<usize> {
        let first = self.first_questions.get(at.article)?.get(at.paragraph.unwrap_or(0))?;
        self.entries.get(first + at.question.unwrap_or(0)).map(|&entry| entry as usize)
    }
}

/// Makes places; titles are shared between them.
pub(crate) struct Places<'a> {
    articles: &'a [Article],
    origins: &'a Origins,
    titles: Vec<Arc<str>>,
}

impl<'a> Places<'a> {
    pub(crate) fn new(articles: &'a [Article], origins: &'a Origins) -> Self {
        let titles = articles.iter().map(|article| article.title.as_str().into()).collect();
        Self { articles, origins, titles }
    }

    pub(crate) fn of(&self, at: At) -> Place {
        let title = self.titles.get(at.article).cloned().unwrap_or_default();
        self.origins.titled(self.articles, at, title)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_read_like_json_paths() {
        let mut place = Place { article: 3, title: "Normans".into(), paragraph: Some(2), ..Place::default() };
        assert_eq!(place.to_string(), "data[3].paragraphs[2] (article \"Normans\")");
        place.question = Some((1, "56d\n".into()));
        assert_eq!(
            place.to_string(),
            "data[3].paragraphs[2].qas[1] (article \"Normans\", question \"56d\\n\")"
        );
        place.style = Style::List;
        assert!(place.to_string().starts_with("[3].paragraphs[2].qas[1] "));
        let place = Place { title: "".into(), style: Style::Line, entry: Some(7), ..place };
        assert_eq!(place.to_string(), "line 7 (question \"56d\\n\")");
    }
}
