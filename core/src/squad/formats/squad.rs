//! SQuAD's own layout: articles of paragraphs with questions.

use serde::Deserialize;

use super::{
    DataFormat,
    builder::{At, Builder, RawEntry},
    question::RawQuestion,
    scalars::{Label, Text},
};
use crate::squad::{Article, Paragraph, place::Style};

/// An article.
#[derive(Deserialize)]
pub(crate) struct RawArticle {
    #[serde(default)]
    pub(crate) title: Label,
    pub(crate) paragraphs: Vec<RawParagraph>,
}

/// A paragraph.
#[derive(Deserialize)]
pub(crate) struct RawParagraph {
    pub(crate) context: Text,
    pub(crate) qas: Vec<RawQuestion>,
}

impl RawEntry for RawArticle {
    fn add(self, to: &mut Builder, number: usize) {
        to.parsed.format =
            if to.parsed.origins.style == Style::Data { DataFormat::Squad } else { DataFormat::Articles };
        let article = to.parsed.articles.len();
        let title = to.title(self.title, article);
        let paragraphs = self.paragraphs.into_iter().enumerate();
        let paragraphs =
            paragraphs.map(|(index, raw)| raw.into_paragraph(to, (article, index), number)).collect();
        to.parsed.articles.push(Article { title, paragraphs });
    }
}

impl RawParagraph {
    /// The paragraph that is about to stand at an article's and its own index.
    pub(super) fn into_paragraph(
        self,
        to: &mut Builder,
        (article, paragraph): (usize, usize),
        number: usize,
    ) -> Paragraph {
        let questions = self.qas.into_iter().enumerate();
        let questions = questions
            .map(|(index, raw)| to.question(raw, At::question(article, paragraph, index), number))
            .collect();
        Paragraph { context: self.context.0, questions }
    }
}
