//! Every question of an evaluation, measured once.

use pollster::block_on;
use rayon::prelude::*;

use super::{
    Answers, BreakdownError, Case, Missing, NbestAnswer, NbestLists, Outcome, Slice, outcome, slices::slices,
    traits::PassageTraits,
};
use crate::{
    score::{
        AnswerLanguage, GoldQuestion, GoldQuestions, NullOdds, PrecisionRecall, QuestionScore, QuestionTable,
        ScoreError, Scores, ScoringRules, ThresholdCurve, fill_missing, official_of_table,
    },
    squad::{Article, Dataset, ParagraphPlace, Question},
};

/// An evaluation, ready to be summed up at any threshold.
#[derive(Clone, Debug)]
pub struct Analysis {
    /// What the system is called.
    pub name: String,
    /// The data set.
    pub data: String,
    /// Titles of its articles.
    pub articles: Vec<String>,
    /// The questions in the data set's order.
    pub cases: Vec<Case>,
    /// Groups of them, by dimension.
    pub slices: Vec<Slice>,
    /// The scores at every threshold, given null odds.
    pub curve: Option<ThresholdCurve>,
    /// The threshold stored with the system.
    pub stored_threshold: Option<f64>,
    /// The threshold that the user had its answers given at.
    pub given_threshold: Option<f64>,
    /// Longest answer that the system gives, in word pieces.
    pub max_answer_length: Option<usize>,
    /// Whether all null odds are probabilities.
    pub odds_are_probabilities: bool,
    /// How many questions had no prediction and count as unanswered.
    pub missing: usize,
    /// How many predictions were for other questions.
    pub other_questions: usize,
    /// The system's best answers, if it told them.
    pub nbest: Option<NbestLists>,
    /// By whose rules answers are compared.
    pub(super) language: AnswerLanguage,
    table: QuestionTable,
    null_odds: Option<NullOdds>,
}

impl Analysis {
    /// Measures every question of a data set and a system's answer to it.
    ///
    /// # Errors
    /// If the predictions are for other questions, some are missing, null odds are missing or no numbers, or the data set
    /// is empty.
    pub fn new(dataset: &Dataset, answers: Answers) -> Result<Self, BreakdownError> {
        block_on(Self::in_parts(dataset, answers, usize::MAX, async || ()))
    }

    /// [`Self::new`] where one thread does everything: after each part of so many questions `pause` lets other work be done.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub async fn in_parts(
        dataset: &Dataset,
        answers: Answers,
        questions: usize,
        mut pause: impl AsyncFnMut(),
    ) -> Result<Self, BreakdownError> {
        let gold = GoldQuestions::official(dataset, answers.language);
        pause().await;
        let total = gold.questions.len();
        let mut answers = answers;
        let known = gold.questions.iter().filter(|question| answers.predictions.get(&question.id).is_some());
        let known = known.count();
        let other_questions = answers.predictions.len() - known;
        if known == 0
            && total > 0
            && let Some((example, _)) = answers.predictions.iter().next()
        {
            return Err(BreakdownError::OtherQuestions {
                predictions: answers.predictions.len(),
                questions: total,
                data: dataset.source_name.clone(),
                example: example.to_owned(),
            });
        }
        if answers.missing == Missing::CountAsUnanswered {
            fill_missing(&gold, &mut answers.predictions, answers.null_odds.as_mut());
        }
        let table = QuestionTable::in_parts(&gold, &answers.predictions, questions, &mut pause).await;
        let table = table.complete()?;
        let odds = answers.null_odds.as_ref().map(|odds| table.null_odds(odds)).transpose()?;
        if let Some((row, value)) =
            odds.iter().flatten().zip(&table.rows).map(|(value, row)| (row, value)).find(|(_, v)| v.is_nan())
        {
            return Err(BreakdownError::NotANumber { id: row.id.clone(), value: *value });
        }
        let odds_are_probabilities =
            odds.as_ref().is_some_and(|odds| odds.iter().all(|odds| (0.0..=1.0).contains(odds)));
        let curve = answers.null_odds.as_ref().map(|odds| ThresholdCurve::new(&table, odds)).transpose()?;
        pause().await;
        let mut cases = Vec::with_capacity(total);
        let paragraphs = dataset.paragraphs();
        for part in paragraphs
            .chunk_by(|first, second| first.first_question / questions == second.first_question / questions)
        {
            cases.par_extend(cases_of(part, &gold, &table, &answers));
            pause().await;
        }
        let articles = titles(&dataset.articles);
        let slices = slices(&cases, &articles);
        Ok(Self {
            name: answers.name,
            data: dataset.source_name.clone(),
            articles,
            slices,
            cases,
            curve,
            stored_threshold: answers.stored_threshold,
            given_threshold: answers.given_threshold,
            max_answer_length: answers.max_answer_length,
            odds_are_probabilities,
            missing: total - known,
            other_questions,
            nbest: answers.nbest,
            language: answers.language,
            table,
            null_odds: answers.null_odds,
        })
    }

    /// The official script's figures at a threshold, and its precision-recall curves.
    ///
    /// # Errors
    /// Never: null odds were checked when the analysis was made.
    pub fn official(&self, threshold: f64) -> Result<(Scores, Option<PrecisionRecall>), ScoreError> {
        let (mut scores, curves) = official_of_table(&self.table, self.null_odds.as_ref(), threshold)?;
        if let Some(curves) = &curves {
            scores.set_precision_recall(curves);
        }
        Ok((scores, curves))
    }

    /// The threshold that a report goes by unless told otherwise: the one the answers were given at on demand, else the
    /// stored one, else the best on this set, else none (every answer counts).
    #[must_use]
    pub fn default_threshold(&self) -> f64 {
        match &self.curve {
            None => f64::INFINITY,
            Some(curve) => self
                .given_threshold
                .or(self.stored_threshold)
                .or_else(|| curve.best_f1().map(|point| point.threshold))
                .unwrap_or(f64::INFINITY),
        }
    }

    /// A question's prediction as people read it: the reference's `empty` is explained where the n-best list gives it away.
    #[must_use]
    pub fn shown_prediction<'a>(&self, case: &'a Case) -> &'a str {
        let list = self.nbest.as_ref().and_then(|lists| lists.get(&case.id));
        let is_stand_in = |entry: &NbestAnswer| entry.is_stand_in() && entry.text == case.prediction;
        if list.is_some_and(|list| list.iter().any(is_stand_in)) {
            NbestAnswer::STAND_IN
        } else {
            &case.prediction
        }
    }

    /// Exact match and F1 (0 to 1) of every question at a threshold.
    #[must_use]
    pub fn scores_at(&self, threshold: f64) -> Vec<(f64, f64)> {
        self.cases.iter().map(|case| case.scores(threshold)).collect()
    }
}

/// Whether an answer shares a token with what a hasty reader might answer.
fn resembles_plausible(question: &Question, prediction: &str, language: AnswerLanguage) -> bool {
    let rules = ScoringRules { language, ..ScoringRules::default() };
    let plausible = question.plausible_answers.iter().map(|answer| answer.text.as_str());
    let plausible = GoldQuestion::with_rules(String::new(), plausible, rules);
    plausible.has_answer && QuestionScore::new(&plausible, prediction).f1 > 0.0
}

/// The articles' titles; those without one, or with another's, get their number.
fn titles(articles: &[Article]) -> Vec<String> {
    let mut seen = std::collections::HashSet::new();
    let name = |(index, article): (usize, &Article)| {
        let title = if article.title.is_empty() { "article" } else { article.title.as_str() };
        if !article.title.is_empty() && seen.insert(title.to_owned()) {
            title.to_owned()
        } else {
            format!("{title} ({})", index + 1)
        }
    };
    articles.iter().enumerate().map(name).collect()
}

fn cases_of<'a>(
    paragraphs: &'a [ParagraphPlace<'a>],
    gold: &'a GoldQuestions,
    table: &'a QuestionTable,
    answers: &'a Answers,
) -> impl ParallelIterator<Item = Case> + 'a {
    let of_paragraph = move |place: &ParagraphPlace<'_>| {
        let passage = PassageTraits::new(&place.paragraph.context);
        let gold = gold.questions.iter().skip(place.first_question);
        let rows = gold.zip(table.rows.iter().skip(place.first_question));
        let measured = place
            .paragraph
            .questions
            .iter()
            .zip(rows)
            .map(|(question, (gold, row))| case(place, question, gold, row, &passage, answers));
        measured.collect::<Vec<_>>()
    };
    paragraphs.par_iter().flat_map_iter(of_paragraph)
}

fn case(
    place: &ParagraphPlace<'_>,
    question: &Question,
    gold: &GoldQuestion,
    row: &QuestionScore,
    passage: &PassageTraits,
    answers: &Answers,
) -> Case {
    let prediction = answers.predictions.get(&question.id).cloned().unwrap_or_default();
    let nbest = answers.nbest.as_ref().and_then(|lists| lists.get(&question.id));
    let answered = if row.has_answer {
        let tokens = |text: &str| answers.language.tokens(text);
        let texts = question.answers.iter().map(|answer| tokens(&answer.text));
        outcome::answered(row.exact, row.f1, &texts.collect::<Vec<_>>(), &tokens(&prediction))
    } else if resembles_plausible(question, &prediction, answers.language) {
        Outcome::FellForPlausible
    } else {
        Outcome::AnsweredUnanswerable
    };
    let oracle_f1 = match nbest {
        Some(nbest) if row.has_answer => oracle(gold, nbest),
        _ => Vec::new(),
    };
    Case {
        id: question.id.clone(),
        article: place.article,
        paragraph: place.index,
        question: question.question.clone(),
        gold_answers: question.answers.clone(),
        plausible_answers: question.plausible_answers.clone(),
        exact: row.exact,
        f1: row.f1,
        answered,
        null_odds: answers.null_odds.as_ref().and_then(|odds| odds.get(&question.id)).copied(),
        probability: nbest.and_then(|nbest| nbest.iter().find(|entry| entry.text == prediction)?.probability),
        oracle_f1,
        known: answers.known.get(&question.id).cloned().unwrap_or_default(),
        traits: passage.traits_of(question),
        prediction,
    }
}

/// Highest F1 among the first 1, 2, … non-empty answers.
fn oracle(gold: &GoldQuestion, nbest: &[NbestAnswer]) -> Vec<f64> {
    let answers = nbest.iter().filter(|entry| !entry.text.is_empty());
    let scores = answers.map(|entry| QuestionScore::new(gold, &entry.text).f1);
    scores
        .scan(0.0, |best: &mut f64, f1| {
            *best = best.max(f1);
            Some(*best)
        })
        .collect()
}
