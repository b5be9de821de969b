//! The words of the demo's invented world: islanders, villages, ships, trades.
//!
//! Names are built from a head and a tail, each one word piece. Training and dev take different
//! combinations, so no name of the dev set occurs in training while every piece of it does.

use super::random::SplitMix;

/// What may stand in a slot of a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// An islander.
    Person,
    /// A village.
    Place,
    /// A ship, two words after "the".
    Ship,
    /// A year.
    Year,
    /// A count.
    Count,
    /// What someone does for a living.
    Trade,
    /// What someone keeps.
    Animal,
    /// What someone built.
    Building,
    /// What was traded.
    Goods,
}

/// Which half of the names a data set may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Split {
    /// Names seen in training.
    Train,
    /// Names kept for the dev set.
    Dev,
}

/// Heads of islanders' and villages' names.
pub const HEADS: &[&str] = &[
    "Al", "Bar", "Bren", "Cal", "Cor", "Dar", "Dun", "El", "Fen", "Gal", "Gor", "Hal", "Ist", "Jor", "Kel",
    "Kor", "Lan", "Lor", "Mar", "Mor", "Nar", "Ner", "Ol", "Or", "Pel", "Per", "Quil", "Ral", "Ros", "Sel",
    "Sor", "Tal", "Tor", "Ul", "Van", "Vor", "Wil", "Yar", "Zan", "Zel",
];
/// Tails of islanders' names.
pub const PERSON_TAILS: &[&str] = &[
    "ba", "bin", "da", "dik", "fi", "ga", "gor", "ka", "kin", "la", "lo", "mi", "na", "nik", "ra", "ric",
    "sa", "ta", "vo", "zi",
];
/// Tails of villages' names.
pub const PLACE_TAILS: &[&str] = &[
    "bay", "beck", "bourne", "by", "cove", "dale", "fell", "ford", "ham", "haven", "holm", "mere", "mouth",
    "ness", "port", "stead", "thorpe", "ton", "wick", "worth",
];
/// First words of ships' names.
pub const SHIP_FIRST: &[&str] = &[
    "Amber", "Bold", "Bright", "Copper", "Crimson", "Dancing", "Eager", "Gentle", "Golden", "Grey", "Happy",
    "Iron", "Lonely", "Merry", "Proud", "Quiet", "Red", "Silver", "Swift", "White",
];
/// Second words of ships' names.
pub const SHIP_SECOND: &[&str] = &[
    "Crow", "Dolphin", "Eagle", "Falcon", "Gull", "Heron", "Kestrel", "Lark", "Otter", "Pearl", "Petrel",
    "Raven", "Robin", "Seal", "Star", "Swallow", "Swan", "Tern", "Whale", "Wren",
];
/// Trades, each taking "a".
pub const TRADES: &[&str] = &[
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
];
/// Animals, plural.
pub const ANIMALS: &[&str] =
    &["bees", "cats", "cows", "dogs", "ducks", "geese", "goats", "hens", "mules", "pigs", "ponies", "sheep"];
/// Buildings.
pub const BUILDINGS: &[&str] = &[
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
];
/// Cargo.
pub const GOODS: &[&str] = &[
    "barley", "candles", "cheese", "cloth", "honey", "lamps", "linen", "oil", "paper", "rope", "salt",
    "silk", "soap", "spices", "tar", "timber", "wine", "wool",
];
/// First year of the world's written history.
pub const FIRST_YEAR: usize = 1701;
/// Number of years.
pub const YEARS: usize = 160;
/// Counts run from 2 to here.
pub const LARGEST_COUNT: usize = 60;

impl Kind {
    /// A random value of this kind from one split's names. Kinds without names are shared by both splits.
    pub fn draw(self, random: &mut SplitMix, split: Split) -> String {
        match self {
            Self::Person => pair(random, split, HEADS, PERSON_TAILS, ""),
            Self::Place => pair(random, split, HEADS, PLACE_TAILS, ""),
            Self::Ship => pair(random, split, SHIP_FIRST, SHIP_SECOND, " "),
            Self::Year => (FIRST_YEAR + random.below(YEARS)).to_string(),
            Self::Count => (2 + random.below(LARGEST_COUNT - 1)).to_string(),
            Self::Trade => (*random.choose(TRADES)).to_owned(),
            Self::Animal => (*random.choose(ANIMALS)).to_owned(),
            Self::Building => (*random.choose(BUILDINGS)).to_owned(),
            Self::Goods => (*random.choose(GOODS)).to_owned(),
        }
    }
}

/// A name from two lists; every fourth combination belongs to the dev set.
fn pair(random: &mut SplitMix, split: Split, heads: &[&str], tails: &[&str], joint: &str) -> String {
    loop {
        let (head, tail) = (random.below(heads.len()), random.below(tails.len()));
        let of_dev = (head + 3 * tail) % 4 == 0;
        if of_dev == (split == Split::Dev) {
            return format!("{}{joint}{}", heads[head], tails[tail]);
        }
    }
}
