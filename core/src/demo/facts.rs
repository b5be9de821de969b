//! What can be said in the demo's world, how it is said, and what can be asked about it.

use super::world::Kind;

/// One way to ask about a relation.
#[derive(Debug)]
pub struct QuestionForm {
    /// The question, with `{n}` for slot `n` of the relation.
    pub text: &'static str,
    /// The slot that holds the answer.
    pub answer: usize,
    /// The slot whose value identifies the fact; replacing it makes the question unanswerable.
    pub key: usize,
}

/// A kind of fact.
#[derive(Debug)]
pub struct Relation {
    /// What the slots hold.
    pub slots: &'static [Kind],
    /// Ways to say it, each with every slot.
    pub sentences: &'static [&'static str],
    /// Ways to ask about it.
    pub questions: &'static [QuestionForm],
}

const fn ask(text: &'static str, answer: usize, key: usize) -> QuestionForm {
    QuestionForm { text, answer, key }
}

/// Everything that happens on the islands.
pub const RELATIONS: &[Relation] = &[
    Relation {
        slots: &[Kind::Person, Kind::Place, Kind::Year],
        sentences: &[
            "{0} was born in {1} in {2}.",
            "In {2}, {0} was born in {1}.",
            "{0} was born in the village of {1} in the spring of {2}.",
        ],
        questions: &[
            ask("Where was {0} born?", 1, 0),
            ask("In which village was {0} born?", 1, 0),
            ask("When was {0} born?", 2, 0),
            ask("In what year was {0} born?", 2, 0),
            ask("Who was born in {1}?", 0, 1),
        ],
    },
    Relation {
        slots: &[Kind::Person, Kind::Trade, Kind::Place],
        sentences: &[
            "{0} works as a {1} in {2}.",
            "In {2}, {0} works as a {1}.",
            "In the village of {2}, {0} works as a {1}.",
        ],
        questions: &[
            ask("Where does {0} work?", 2, 0),
            ask("What does {0} work as?", 1, 0),
            ask("Who works in {2}?", 0, 2),
            ask("Who works as a {1}?", 0, 1),
        ],
    },
    Relation {
        slots: &[Kind::Person, Kind::Count, Kind::Animal],
        sentences: &[
            "{0} keeps {1} {2}.",
            "{0} keeps {1} {2} behind the house.",
            "On the hill, {0} keeps {1} {2}.",
        ],
        questions: &[
            ask("How many {2} does {0} keep?", 1, 0),
            ask("How many {2} does {0} keep?", 1, 2),
            ask("What does {0} keep?", 2, 0),
            ask("Who keeps {2}?", 0, 2),
        ],
    },
    Relation {
        slots: &[Kind::Person, Kind::Building, Kind::Place, Kind::Year],
        sentences: &[
            "{0} built the {1} of {2} in {3}.",
            "The {1} of {2} was built by {0} in {3}.",
            "In {3}, {0} built the {1} of {2}.",
        ],
        questions: &[
            ask("Who built the {1} of {2}?", 0, 2),
            ask("Who built the {1} of {2}?", 0, 1),
            ask("What did {0} build?", 1, 0),
            ask("When was the {1} of {2} built?", 3, 2),
            ask("In what year did {0} build the {1}?", 3, 0),
        ],
    },
    Relation {
        slots: &[Kind::Ship, Kind::Place, Kind::Place, Kind::Goods],
        sentences: &[
            "The {0} sailed from {1} to {2} with {3}.",
            "With {3} on board, the {0} sailed from {1} to {2}.",
            "Loaded with {3}, the {0} sailed to {2} from {1}.",
        ],
        questions: &[
            ask("Where did the {0} sail to?", 2, 0),
            ask("Where did the {0} sail from?", 1, 0),
            ask("What was on board the {0}?", 3, 0),
            ask("Which ship sailed from {1}?", 0, 1),
            ask("Which ship sailed to {2}?", 0, 2),
        ],
    },
];

/// Sentences that say nothing one can ask about.
pub const FILLERS: &[&str] = &[
    "The winters are long there.",
    "Everyone on the islands knows the story.",
    "It rained for most of that month.",
    "The harvest was good that year.",
    "Few people remember it now.",
    "The wind never rests on this coast.",
];
