//! Text to pre-train on: passages of the training names, each told once more in other words.
//!
//! What is masked in one telling can be found in the other, if who did what is understood: recurring spans are what
//! teaches a small model to look things up (Ram et al., 2021, "Few-shot question answering by pretraining span selection").

use super::{
    generate::answerable,
    tell::{Told, tell},
    template::{capital, choose_form, fill},
    world::Split,
};
use crate::random::SplitMix;

/// Documents, one a passage.
#[must_use]
pub fn documents(count: usize, seed: u64) -> Vec<String> {
    let mut random = SplitMix::new(seed);
    (0..count).map(|_| document(&mut random)).collect()
}

/// Facts stated in one document: short ones show sooner how things belong together.
const FACTS: std::ops::Range<usize> = 2..5;
/// Most questions asked in one document.
const QUESTIONS: usize = 4;

fn document(random: &mut SplitMix) -> String {
    let count = FACTS.start + random.below(FACTS.len());
    let told = tell(random, Split::Train, count);
    let again = tell_again(random, &told);
    // Mostly as a reader meets them: the question, then the passage.
    if random.below(4) > 0 { format!("{again} {}", told.text) } else { format!("{} {again}", told.text) }
}

/// Facts once more, asked and answered, seldom stated in other words.
fn tell_again(random: &mut SplitMix, told: &Told) -> String {
    let mut sentences: Vec<String> = Vec::new();
    for _ in 0..QUESTIONS {
        if let Some(asked) = answerable(random, told)
            && let Some(answer) = asked.answers.first()
            && !sentences.iter().any(|sentence| sentence.starts_with(&asked.question))
        {
            sentences.push(format!("{} {}.", asked.question, capital(&answer.text)));
        }
    }
    if random.below(3) == 0 {
        let fact = random.choose(&told.facts);
        let template = *random.choose(fact.relation.sentences);
        let mut sentence = String::new();
        fill(&choose_form(template, random), &fact.values, &mut sentence);
        sentences.push(sentence);
    }
    random.shuffle(&mut sentences);
    sentences.join(" ")
}
