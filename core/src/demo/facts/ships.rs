//! Ships: voyages, captains, wrecks.

use super::{Relation, absent, ask, negated, opposite};
use crate::demo::world::Kind;

pub(super) const RELATIONS: &[Relation] = &[
    Relation {
        topic: "voyage",
        slots: &[Kind::Ship, Kind::Place, Kind::Place, Kind::Goods],
        directed: true,
        sentences: &[
            "The {0} [sailed|set out] from {1} to {2} with {3}.",
            "The {0} [carried|brought|took] {3} from {1} to {2}.",
            "[Laden|Loaded] with {3}, the {0} sailed to {2} from {1}.",
            "With {3} on board, the {0} left {1} for {2}.",
            "From {1}, the {0} took {3} to {2}.",
        ],
        questions: &[
            ask("Where did the {0} sail to?", 2),
            ask("What was the destination of the {0}?", 2),
            ask("To which village did the {0} sail?", 2),
            ask("Where did the {0} [sail|set out|come] from?", 1),
            ask("From which village did the {0} sail?", 1),
            ask("What was on board the {0}?", 3),
            ask("What did the {0} carry[| to {2}]?", 3),
            ask("What was the cargo of the {0}?", 3),
            ask("[Which|What] ship sailed from {1}?", 0),
            ask("[Which|What] ship sailed to {2}?", 0),
            ask("Which ship [carried {3}|had {3} on board]?", 0),
        ],
        traps: &[
            negated("Which ship did not sail to {2}?", Kind::Ship),
            negated("What was not on board the {0}?", Kind::Goods),
            opposite("How did the {0} [return|come back]?", Kind::Means),
            absent("How many sailors were on board the {0}?", Kind::Count),
            absent("How [long|many days] did the voyage of the {0} take?", Kind::Count),
            absent("Who paid for the voyage of the {0}?", Kind::Person),
        ],
    },
    Relation {
        topic: "post",
        slots: &[Kind::Person, Kind::Ship, Kind::Year],
        directed: false,
        sentences: &[
            "{0} [took command|became captain] of the {1} in {2}.",
            "In {2}, {0} became [|the ]captain of the {1}.",
            "The {1} has [been commanded by|sailed under] {0} since {2}.",
            "Since {2}, the captain of the {1} has been {0}.",
        ],
        questions: &[
            ask("Who [is the captain of|commands|took command of] the {1}?", 0),
            ask("Under whom has the {1} sailed?", 0),
            ask("Which ship does {0} command?", 1),
            ask("Of which ship is {0} the captain?", 1),
            ask("When did {0} [become captain|take command]?", 2),
            ask("Since when has {0} commanded the {1}?", 2),
            ask("In [what|which] year did {0} take command of the {1}?", 2),
        ],
        traps: &[
            negated("Which ship does {0} not command?", Kind::Ship),
            negated("Who is not the captain of the {1}?", Kind::Person),
            opposite("When did {0} [give up|lose] the command of the {1}?", Kind::Year),
            opposite("Who [deserted|sold] the {1}?", Kind::Person),
            absent("How many masts does the {1} have?", Kind::Count),
        ],
    },
    Relation {
        topic: "wreck",
        slots: &[Kind::Ship, Kind::Place, Kind::Year, Kind::Fault],
        directed: false,
        sentences: &[
            "The {0} sank [off|near] {1} in {2} because {3}.",
            "In {2}, the {0} was [lost|wrecked] near {1} because {3}.",
            "Because {3}, the {0} [sank|went down] near {1} in {2}.",
            "The {0} went down off {1} in {2}, for {3}.",
        ],
        questions: &[
            ask("Why did the {0} [sink|go down]?", 3),
            ask("What was the reason for the loss of the {0}?", 3),
            ask("Why was the {0} [lost|wrecked]?", 3),
            ask("Where did the {0} [sink|go down]?", 1),
            ask("Near which village was the {0} [lost|wrecked]?", 1),
            ask("When did the {0} [sink|go down]?", 2),
            ask("In [what|which] year was the {0} lost?", 2),
            ask("[Which|What] ship [sank|was lost] near {1}?", 0),
            ask("Which ship went down in {2}?", 0),
        ],
        traps: &[
            negated("Why did the {0} not sink?", Kind::Fault),
            negated("Which ship did not sink near {1}?", Kind::Ship),
            opposite("When was the {0} [raised|repaired]?", Kind::Year),
            opposite("Who [saved|raised] the {0}?", Kind::Person),
            absent("How many sailors drowned with the {0}?", Kind::Count),
        ],
    },
];
