//! Questions that bring their own contexts, as they come in a stream.

use std::{ops::ControlFlow, sync::Arc};

use pollster::block_on;

use super::{
    EvaluateError, EvaluateOptions,
    batches::{batches_alone, candidates},
};
use crate::{
    answers::{Prediction, predict},
    engine::InferenceEngine,
    features::{Example, context_words, evaluation_example, windows},
    tokenizer::BertTokenizer,
};

/// A question and the context it is asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuestionAlone {
    /// What its prediction is called.
    pub id: String,
    /// The question.
    pub question: String,
    /// The passage that may hold the answer.
    pub context: String,
}

/// Answers questions, each as if it were the only one: windows are padded by themselves, so that an answer does not depend on
/// which questions happen to be given together. Whether the model may abstain, `options` say; if they do not, it may.
///
/// # Errors
/// If the options do not fit the model, or the engine fails.
pub fn answer_alone(
    questions: &[QuestionAlone],
    engine: &mut dyn InferenceEngine,
    tokenizer: &BertTokenizer,
    options: &EvaluateOptions,
) -> Result<Vec<Prediction>, EvaluateError> {
    options.check()?;
    let mut examples: Vec<Example> = Vec::with_capacity(questions.len());
    for (place, asked) in questions.iter().enumerate() {
        // Neighbours about the same context share its words.
        let before = place.checked_sub(1).and_then(|before| questions.get(before)).zip(examples.last());
        let doc_tokens = match before {
            Some((before, example)) if before.context == asked.context => Arc::clone(&example.doc_tokens),
            _ => Arc::new(context_words(&asked.context)),
        };
        examples.push(evaluation_example(&asked.id, &asked.question, &doc_tokens));
    }
    let windows = windows(&examples, tokenizer, &options.windows, false)?;
    let batches = batches_alone(&windows, options);
    let mut on = |_, _| ControlFlow::Continue(());
    let found = block_on(candidates(engine, &windows, &batches, options, &mut on))?;
    let found: Vec<_> = found.into_iter().map(|(_, best)| best).collect();
    let may_abstain = options.abstention.is_none_or(|abstention| abstention.allowed);
    Ok(predict(&examples, &windows, &found, tokenizer, &options.answer_options(may_abstain))?)
}
