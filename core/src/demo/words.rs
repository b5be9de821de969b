//! The words the demo's world is made of.

/// Heads of names.
pub(super) const HEADS: &[&str] = &[
    "Al", "Bar", "Bren", "Cal", "Cor", "Dar", "Dun", "El", "Fen", "Gal", "Gor", "Hal", "Ist", "Jor", "Kel",
    "Kor", "Lan", "Lor", "Mar", "Mor", "Nar", "Ner", "Ol", "Or", "Pel", "Per", "Quil", "Ral", "Ros", "Sel",
    "Sor", "Tal", "Tor", "Ul", "Van", "Vor", "Wil", "Yar", "Zan", "Zel",
];
/// Heads of rare names, which no word piece stands for, so that they are spelled: made of these three for the training
/// set. They are many, or a model learns the few by heart instead of how to read a name it has never met.
pub(super) const ONSETS: &[&str] = &[
    "", "b", "bl", "br", "c", "cl", "cr", "d", "dr", "f", "fl", "fr", "g", "gl", "gr", "h", "j", "k", "kn",
    "l", "m", "n", "p", "pl", "pr", "r", "s", "sk", "sl", "sn", "st", "sw", "t", "th", "tr", "v", "w", "y",
    "z",
];
pub(super) const VOWELS: &[&str] = &["a", "e", "i", "o", "u", "y"];
pub(super) const CODAS: &[&str] =
    &["", "b", "ck", "d", "g", "k", "l", "m", "n", "p", "r", "s", "sh", "t", "th", "v", "x", "z"];
/// Heads of the dev set's rare names, with which no name of the training set begins.
pub(super) const UNSEEN_HEADS: &[&str] =
    &["Ash", "Bel", "Dro", "Gwe", "Hux", "Jas", "Kip", "Lud", "Myr", "Nob", "Ozi", "Rud", "Tha", "Wex"];
/// Tails of given names; those of women end in a vowel other than o.
pub(super) const GIVEN_TAILS: &[&str] = &[
    "ba", "bin", "da", "dik", "fi", "ga", "gor", "ka", "kin", "la", "lo", "mi", "na", "nik", "ra", "ric",
    "sa", "ta", "vo", "zi",
];
pub(super) const SURNAME_TAILS: &[&str] =
    &["berg", "brand", "dahl", "gard", "holt", "lund", "mark", "sen", "son", "stein", "strand", "vik"];
pub(super) const PLACE_TAILS: &[&str] = &[
    "bay", "beck", "bourne", "by", "cove", "dale", "fell", "ford", "ham", "haven", "holm", "mere", "mouth",
    "ness", "port", "stead", "thorpe", "ton", "wick", "worth",
];
pub(super) const SHIP_FIRST: &[&str] = &[
    "Amber", "Bold", "Bright", "Copper", "Crimson", "Dancing", "Eager", "Gentle", "Golden", "Grey", "Happy",
    "Iron", "Lonely", "Merry", "Proud", "Quiet", "Red", "Silver", "Swift", "White",
];
pub(super) const SHIP_SECOND: &[&str] = &[
    "Crow", "Dolphin", "Eagle", "Falcon", "Gull", "Heron", "Kestrel", "Lark", "Otter", "Pearl", "Petrel",
    "Raven", "Robin", "Seal", "Star", "Swallow", "Swan", "Tern", "Whale", "Wren",
];
/// Trades, each taking "a".
pub(super) const TRADES: &[&str] = &[
    "baker",
    "brewer",
    "carpenter",
    "clockmaker",
    "cobbler",
    "cook",
    "doctor",
    "fiddler",
    "fisher",
    "glazier",
    "gardener",
    "hatter",
    "mason",
    "miller",
    "painter",
    "potter",
    "printer",
    "ropemaker",
    "smith",
    "tailor",
    "teacher",
    "weaver",
    "shepherd",
    "tanner",
];
pub(super) const OFFICES: &[&str] = &[
    "mayor",
    "judge",
    "treasurer",
    "town clerk",
    "harbour master",
    "night watchman",
    "bell ringer",
    "lighthouse keeper",
    "tax collector",
    "postmaster",
    "head gardener",
    "speaker",
];
pub(super) const ANIMALS: &[&str] =
    &["bees", "cats", "cows", "dogs", "ducks", "geese", "goats", "hens", "mules", "pigs", "ponies", "sheep"];
pub(super) const BUILDINGS: &[&str] = &[
    "barn",
    "bridge",
    "chapel",
    "gate",
    "harbour",
    "library",
    "lighthouse",
    "market",
    "mill",
    "school",
    "theatre",
    "tower",
    "wall",
    "well",
    "brewery",
    "hospital",
    "town hall",
    "bath house",
];
pub(super) const GOODS: &[&str] = &[
    "barley", "candles", "cheese", "cloth", "honey", "lamps", "linen", "oil", "paper", "rope", "salt",
    "silk", "soap", "spices", "tar", "timber", "wine", "wool",
];
pub(super) const THING_FIRST: &[&str] = &[
    "bronze", "carved", "silver", "rusty", "painted", "broken", "wooden", "golden", "leather", "marble",
    "heavy", "foreign",
];
pub(super) const THING_SECOND: &[&str] = &[
    "bell", "box", "compass", "crown", "flute", "key", "lantern", "mirror", "ring", "sword", "statue",
    "mask", "clock", "chest",
];
pub(super) const LANDMARK_FIRST: &[&str] = &[
    "the cave",
    "the cellar",
    "the quarry",
    "the marsh",
    "the ruin",
    "the orchard",
    "the pond",
    "the loft",
    "the ditch",
];
pub(super) const LANDMARK_SECOND: &[&str] = &[
    "behind the inn",
    "below the cliffs",
    "near the crossroads",
    "by the river",
    "at the edge of the forest",
    "under the old oak",
    "beside the churchyard",
    "on the hill",
];
pub(super) const WORK_FIRST: &[&str] = &[
    "Long",
    "Broken",
    "Hidden",
    "Silent",
    "Burning",
    "Forgotten",
    "Distant",
    "Frozen",
    "Bitter",
    "Restless",
    "Blue",
    "Endless",
    "Hollow",
    "Stolen",
];
pub(super) const WORK_SECOND: &[&str] = &[
    "Winter", "Harvest", "Garden", "Tide", "Road", "Mirror", "Letter", "Voyage", "Morning", "Feather",
    "Kingdom", "Candle", "Valley", "Promise",
];
/// Kinds of works, each taking "a".
pub(super) const GENRES: &[&str] = &["ballad", "play", "poem", "song", "story", "hymn", "novel", "comedy"];
pub(super) const FEAST_FIRST: &[&str] = &[
    "Herring", "Lantern", "Apple", "Wool", "Barley", "Torch", "Boat", "Bread", "Snow", "Flower", "Drum",
    "Kite", "Salt", "Goose",
];
pub(super) const FEAST_SECOND: &[&str] = &["Fair", "Feast", "Night", "Week", "Dance", "Race"];
pub(super) const MONTHS: &[&str] = &[
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
/// Disasters, each taking "a".
pub(super) const DISASTERS: &[&str] = &[
    "flood",
    "fire",
    "storm",
    "landslide",
    "gale",
    "hailstorm",
    "whirlwind",
    "blizzard",
    "spring tide",
    "cloudburst",
];
pub(super) const SKILLS: &[&str] = &[
    "weave",
    "carve bone",
    "dance",
    "read",
    "count",
    "tie knots",
    "mend nets",
    "brew beer",
    "bake bread",
    "sail",
    "play the flute",
    "keep bees",
    "draw maps",
    "build boats",
    "forge nails",
    "catch eels",
    "ride",
    "sing",
];
/// What someone never did; without "never", a sentence about who did.
pub(super) const ACTS: &[&str] = &[
    "learned to swim",
    "left the island",
    "owned a boat",
    "ate fish",
    "paid taxes",
    "saw a mountain",
    "lost a bet",
    "told a lie",
    "missed a market day",
    "slept past sunrise",
    "wore shoes",
    "spoke in public",
    "drank wine",
    "borrowed money",
    "signed a letter",
    "went to school",
];
pub(super) const MEANS: &[&str] = &[
    "on foot",
    "by sledge",
    "in a rowing boat",
    "on a borrowed pony",
    "by mail coach",
    "on skates",
    "in a fishing boat",
    "by balloon",
    "on horseback",
    "in an ox cart",
    "by ferry",
    "on a raft",
    "on a mule",
    "on a timber wagon",
];
pub(super) const PURPOSE_FIRST: &[&str] = &[
    "to buy",
    "to sell",
    "to fetch",
    "to deliver",
    "to ask for",
    "to look at",
    "to bring back",
    "to pay for",
    "to hand over",
    "to collect",
];
pub(super) const PURPOSE_SECOND: &[&str] = &[
    "a new sail",
    "three barrels of tar",
    "a letter for the council",
    "the seed for the spring",
    "an old map",
    "medicine for a sick child",
    "a pair of oxen",
    "the keys of the chapel",
    "a wedding dress",
    "the last of the coal",
    "two millstones",
    "a better plough",
];
pub(super) const CAUSE_FIRST: &[&str] = &[
    "the timber",
    "the money",
    "the stone",
    "the oil",
    "the water",
    "the clay",
    "the grain",
    "the coal",
    "the glass",
    "the straw",
    "the iron",
];
pub(super) const CAUSE_SECOND: &[&str] = &[
    "had run out",
    "had grown too dear",
    "had been sold abroad",
    "was of poor quality",
    "never arrived",
    "had been stolen",
    "had to be shared",
    "was needed elsewhere",
    "could not be paid for",
    "had been wasted",
];
pub(super) const FAULT_FIRST: &[&str] = &[
    "the mast",
    "the rudder",
    "the hull",
    "the anchor",
    "the compass",
    "the mainsail",
    "the keel",
    "the pump",
];
pub(super) const FAULT_SECOND: &[&str] = &[
    "had cracked",
    "had been badly repaired",
    "had come loose",
    "was too old",
    "had been damaged by ice",
    "was made of bad timber",
    "did not hold",
    "had been eaten by worms",
    "broke in the storm",
];
pub(super) const NUMBER_WORDS: &[&str] =
    &["two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"];
/// First year of the world's written history.
pub(super) const FIRST_YEAR: usize = 1701;
/// Number of years.
pub(super) const YEARS: usize = 160;
/// Counts run from 2 to here.
pub(super) const LARGEST_COUNT: usize = 99;

/// Every word of the lists but names.
pub(super) fn words() -> impl Iterator<Item = &'static str> {
    let lists = [
        SHIP_FIRST,
        SHIP_SECOND,
        TRADES,
        OFFICES,
        ANIMALS,
        BUILDINGS,
        GOODS,
        THING_FIRST,
        THING_SECOND,
        LANDMARK_FIRST,
        LANDMARK_SECOND,
        WORK_FIRST,
        WORK_SECOND,
        GENRES,
        FEAST_FIRST,
        FEAST_SECOND,
        MONTHS,
        DISASTERS,
        SKILLS,
        ACTS,
        MEANS,
        PURPOSE_FIRST,
        PURPOSE_SECOND,
        CAUSE_FIRST,
        CAUSE_SECOND,
        FAULT_FIRST,
        FAULT_SECOND,
        NUMBER_WORDS,
    ];
    lists.into_iter().flatten().flat_map(|phrase| phrase.split(' '))
}

/// Word pieces that names and numbers consist of.
pub(super) fn name_pieces() -> impl Iterator<Item = String> {
    let tails =
        [GIVEN_TAILS, SURNAME_TAILS, PLACE_TAILS].into_iter().flatten().map(|tail| format!("##{tail}"));
    let numbers = (10..=LARGEST_COUNT).chain(FIRST_YEAR..FIRST_YEAR + YEARS).map(|number| number.to_string());
    HEADS.iter().map(|head| (*head).to_owned()).chain(tails).chain(numbers)
}
