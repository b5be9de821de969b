//! `spanbert demo --statistics`: what the generated data consists of.

use super::table::{Align, Paint, Table};
use spanbert_core::{
    demo::{
        facts::Style,
        statistics::{SetStatistics, Statistics},
    },
    squad::QuestionWord,
};

/// The statistics as a table.
pub(super) fn render(statistics: &Statistics, paint: Paint) -> String {
    let (train, dev) = (&statistics.train, &statistics.dev);
    let mut table = Table::new(&[("", Align::Left), ("train", Align::Right), ("dev", Align::Right)]);
    let mut row =
        |name: &str, of: &dyn Fn(&SetStatistics) -> String| table.row([name.to_owned(), of(train), of(dev)]);
    let percent = |part: usize, whole: usize| {
        #[allow(clippy::cast_precision_loss, reason = "counts of questions")]
        let share = 100.0 * part as f64 / whole.max(1) as f64;
        format!("{share:.1} %")
    };
    row("passages", &|set| set.passages.to_string());
    row("words a passage", &|set| format!("{:.1}", set.words_per_passage));
    row("questions", &|set| set.questions.to_string());
    for word in QuestionWord::ALL {
        let count = |set: &SetStatistics| set.question_words.get(&word).copied().unwrap_or(0);
        if count(train) + count(dev) > 0 {
            row(&format!("  {}", word.name()), &|set| percent(count(set), set.questions));
        }
    }
    row("unanswerable", &|set| percent(set.unanswerable, set.questions));
    for style in Style::ALL {
        let count = |set: &SetStatistics| set.styles.get(style.name()).copied().unwrap_or(0);
        row(&format!("  {}", style.name()), &|set| percent(count(set), set.questions));
    }
    row("  with a plausible answer", &|set| percent(set.with_plausible_answer, set.unanswerable));
    row("forms of sentences", &|set| set.sentence_forms.to_string());
    row("forms of questions", &|set| set.question_forms.to_string());
    row("people, places, things", &|set| set.entities.to_string());
    format!(
        "{}in both sets: {} people, places or things, {} passages\nnew in their parts: {:.1} % of the dev set's people, places and things\n",
        table.render(paint),
        statistics.shared_entities,
        statistics.shared_passages,
        100.0 * statistics.entities_with_unseen_parts
    )
}
