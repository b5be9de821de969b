//! Questions asked, with what each model made of them.

use std::{path::PathBuf, sync::Arc};

use spanbert_core::ask::visible;

use crate::worker::{Answered, Reply, Slot};

/// How many questions are kept.
const KEPT: usize = 50;
/// Words of all windows together from which the places looked at are kept only for the newest question.
const HEAVY: usize = 50_000;

/// How far a model is with a question.
#[derive(Debug)]
pub(super) enum Outcome {
    /// It is at work; windows done, and how many there are once that is known.
    Running { done: usize, total: Option<usize> },
    /// Its answer.
    Answered(Box<Answered>),
    /// It has none, for this reason.
    Failed(String),
    /// It was told to give up.
    Cancelled,
}

/// A model's part in a question. Models come and go; this stays.
#[derive(Debug)]
pub(super) struct Column {
    pub(super) slot: Slot,
    /// The model's name.
    pub(super) model: String,
    /// Its checkpoint folder.
    pub(super) folder: PathBuf,
    /// The threshold stored with the model.
    pub(super) stored: f64,
    /// The threshold in use.
    pub(super) threshold: f64,
    pub(super) outcome: Outcome,
}

impl Column {
    /// The answer, if there is one by now.
    pub(super) fn answered(&self) -> Option<&Answered> {
        match &self.outcome {
            Outcome::Answered(answered) => Some(answered),
            _ => None,
        }
    }

    /// Whether the best answer counts rather than "no answer", with the threshold in use.
    pub(super) fn counts(&self) -> bool {
        self.answered().is_some_and(|answered| {
            let answer = &answered.explained.answer;
            !answer.answers.is_empty() && answer.score_diff <= self.threshold
        })
    }
}

/// A question.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) id: u64,
    pub(super) passage: Arc<str>,
    pub(super) question: String,
    pub(super) columns: Vec<Column>,
}

impl Asked {
    /// The outcome in a few words, for the list.
    pub(super) fn summary(&self) -> String {
        let words = |column: &Column| match &column.outcome {
            Outcome::Running { .. } => "…".to_owned(),
            Outcome::Failed(_) => "failed".to_owned(),
            Outcome::Cancelled => "given up".to_owned(),
            Outcome::Answered(answered) => match answered.explained.answer.answers.first() {
                Some(best) if column.counts() => visible(&best.text),
                _ => "No answer".to_owned(),
            },
        };
        self.columns.iter().map(words).collect::<Vec<_>>().join("  ·  ")
    }
}

/// All questions of this session, oldest first, and which of them is shown.
#[derive(Default)]
pub(super) struct History {
    asked: Vec<Asked>,
    shown: Option<u64>,
    next: u64,
}

impl History {
    /// Adds a question and shows it.
    pub(super) fn push(&mut self, passage: Arc<str>, question: String, columns: Vec<Column>) -> u64 {
        self.lighten();
        self.next += 1;
        self.asked.push(Asked { id: self.next, passage, question, columns });
        let surplus = self.asked.len().saturating_sub(KEPT);
        self.asked.drain(..surplus);
        self.shown = Some(self.next);
        self.next
    }

    pub(super) fn show(&mut self, id: u64) {
        self.shown = Some(id);
    }

    pub(super) fn shown(&self) -> Option<&Asked> {
        self.asked.iter().find(|asked| Some(asked.id) == self.shown)
    }

    pub(super) fn shown_mut(&mut self) -> Option<&mut Asked> {
        self.asked.iter_mut().find(|asked| Some(asked.id) == self.shown)
    }

    /// The newest first.
    pub(super) fn newest_first(&self) -> impl ExactSizeIterator<Item = &Asked> {
        self.asked.iter().rev()
    }

    /// Takes in what the thread of models says about questions. Gives the question whose answer came.
    pub(super) fn receive(&mut self, reply: Reply) -> Option<u64> {
        let (slot, id, outcome) = match reply {
            Reply::Progress { slot, id, done, total } => {
                (slot, id, Outcome::Running { done, total: Some(total) })
            }
            Reply::Answered { slot, id, answered } => (slot, id, Outcome::Answered(answered)),
            Reply::AskFailed { slot, id, message } => (slot, id, Outcome::Failed(message)),
            Reply::AskCancelled { slot, id } => (slot, id, Outcome::Cancelled),
            Reply::Gone { message } => {
                let columns = self.asked.iter_mut().flat_map(|asked| &mut asked.columns);
                for column in columns.filter(|column| matches!(column.outcome, Outcome::Running { .. })) {
                    column.outcome = Outcome::Failed(message.clone());
                }
                return None;
            }
            _ => return None,
        };
        let asked = self.asked.iter_mut().find(|asked| asked.id == id)?;
        let column = asked.columns.iter_mut().find(|column| column.slot == slot)?;
        column.outcome = outcome;
        column.answered().is_some().then_some(id)
    }

    /// Frees what long passages hold once another question is asked.
    fn lighten(&mut self) {
        for column in self.asked.iter_mut().flat_map(|asked| &mut asked.columns) {
            if let Outcome::Answered(answered) = &mut column.outcome {
                let heat = &mut answered.explained.heat;
                if heat.iter().map(|window| window.words.len()).sum::<usize>() > HEAVY {
                    heat.clear();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(slot: u64) -> Column {
        Column {
            slot: Slot(slot),
            model: "m".into(),
            folder: PathBuf::new(),
            stored: 0.0,
            threshold: 0.0,
            outcome: Outcome::Running { done: 0, total: None },
        }
    }

    #[test]
    fn replies_reach_their_question_and_model() {
        let mut history = History::default();
        let first = history.push("p".into(), "q".into(), vec![column(1), column(2)]);
        let second = history.push("p".into(), "r".into(), vec![column(1)]);
        assert_eq!(history.shown().unwrap().id, second);
        history.receive(Reply::AskCancelled { slot: Slot(2), id: first });
        history.receive(Reply::Progress { slot: Slot(1), id: first, done: 8, total: 20 });
        // A model that was not asked, and a question that is gone.
        assert_eq!(history.receive(Reply::AskCancelled { slot: Slot(9), id: first }), None);
        assert_eq!(history.receive(Reply::AskCancelled { slot: Slot(1), id: 99 }), None);
        history.receive(Reply::Gone { message: "gone; start again".into() });
        history.show(first);
        let outcomes: Vec<_> =
            history.shown().unwrap().columns.iter().map(|column| &column.outcome).collect();
        assert!(matches!(outcomes[..], [Outcome::Failed(_), Outcome::Cancelled]), "{outcomes:?}");
    }

    #[test]
    fn old_questions_make_room() {
        let mut history = History::default();
        for _ in 0..KEPT + 5 {
            history.push("p".into(), "q".into(), Vec::new());
        }
        assert_eq!(history.newest_first().len(), KEPT);
        assert_eq!(history.newest_first().next().unwrap().id, (KEPT + 5) as u64);
    }
}
