//! Passages with questions to try a model on without looking for a text.

use crate::symbols as icon;
use egui::{Label, RichText, ScrollArea, Ui, WidgetInfo, WidgetType};
use spanbert_core::{
    demo,
    squad::{Dataset, Paragraph},
};

use crate::theme::{CAPTION_SIZE, Tokens};

/// A passage and questions about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sample {
    pub(super) title: String,
    pub(super) passage: String,
    pub(super) questions: Vec<SampleQuestion>,
}

/// A question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SampleQuestion {
    pub(super) text: String,
    /// Whether the passage answers it.
    pub(super) answerable: bool,
}

/// What there is to try.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Samples {
    /// Of the demonstration's development set, which its models have not learnt.
    pub(super) invented: Vec<Sample>,
    /// Written for this program, about real things.
    pub(super) real: Vec<Sample>,
}

/// Passages of the demonstration that are offered: a stretch with many kinds of questions.
const INVENTED: std::ops::Range<usize> = 29..35;

/// Makes them.
pub(super) fn samples() -> Samples {
    let dev = demo::built_in(demo::DEV_NAME)
        .and_then(Result::ok)
        .and_then(|json| Dataset::from_json(&json, demo::DEV_NAME).ok());
    let invented = dev.iter().flat_map(|dataset| &dataset.articles).flat_map(|article| &article.paragraphs);
    let invented = invented.skip(INVENTED.start).take(INVENTED.len()).map(|paragraph| {
        let title = paragraph.questions.first().map_or_else(String::new, |first| first.question.clone());
        sample(title, paragraph)
    });
    let real = demo::passages().ok();
    let real = real
        .iter()
        .flat_map(|dataset| &dataset.articles)
        .filter_map(|article| Some(sample(article.title.clone(), article.paragraphs.first()?)));
    Samples { invented: invented.collect(), real: real.collect() }
}

fn sample(title: String, paragraph: &Paragraph) -> Sample {
    let questions = paragraph.questions.iter().map(|question| SampleQuestion {
        text: question.question.clone(),
        answerable: !question.answers.is_empty(),
    });
    Sample { title, passage: paragraph.context.clone(), questions: questions.collect() }
}

/// Draws the menu of all passages. Gives the one that was chosen.
pub(super) fn menu_ui<'a>(ui: &mut Ui, samples: impl FnOnce() -> &'a Samples) -> Option<Sample> {
    let mut chosen = None;
    let menu = ui.menu_button(format!("Examples  {}", icon::CARET_DOWN), |ui| {
        ui.set_max_width(420.0);
        let muted = Tokens::of(ui).text_muted;
        let samples = samples();
        ScrollArea::vertical().max_height(480.0).show(ui, |ui| {
            let groups = [
                ("The demonstration's invented world, which its own model knows", &samples.invented),
                ("Real things, for models trained on real text", &samples.real),
            ];
            for (caption, group) in groups {
                ui.label(RichText::new(caption).size(CAPTION_SIZE).color(muted));
                for sample in group {
                    if ui.button(&sample.title).clicked() {
                        chosen = Some(sample.clone());
                        ui.close();
                    }
                }
                ui.add_space(4.0);
            }
        });
    });
    menu.response.widget_info(|| WidgetInfo::labeled(WidgetType::Button, true, "Examples"));
    chosen
}

/// Draws the other questions of an example. Gives the one that was chosen.
pub(super) fn questions_ui(ui: &mut Ui, sample: &Sample, current: &str) -> Option<String> {
    let mut chosen = None;
    ui.horizontal_wrapped(|ui| {
        let muted = Tokens::of(ui).text_muted;
        ui.add(Label::new(RichText::new("Try").size(CAPTION_SIZE).color(muted)));
        for question in sample.questions.iter().filter(|question| question.text != current) {
            let response = ui.small_button(&question.text);
            let response = if question.answerable {
                response
            } else {
                response.on_hover_text("The passage does not say")
            };
            if response.clicked() {
                chosen = Some(question.text.clone());
            }
        }
    });
    chosen
}

#[cfg(test)]
mod tests {
    use super::samples;

    #[test]
    fn the_first_question_has_an_answer_and_another_has_none() {
        let samples = samples();
        assert_eq!(samples.invented.len(), 6);
        assert!(samples.real.len() >= 12);
        for sample in samples.invented.iter().chain(&samples.real) {
            assert!(sample.questions.first().is_some_and(|question| question.answerable), "{}", sample.title);
            assert!(sample.questions.iter().any(|question| !question.answerable), "{}", sample.title);
            assert!(!sample.passage.is_empty() && !sample.title.is_empty());
        }
    }
}
