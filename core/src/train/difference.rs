//! What differs between two recipes.

/// A field in which two recipes differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Its name.
    pub field: &'static str,
    /// The value in the one, as in TOML; none if unset.
    pub ours: Option<String>,
    /// The value in the other.
    pub theirs: Option<String>,
}

/// Fields' values as in TOML.
type Values = Vec<(&'static str, Option<String>)>;

impl Difference {
    /// Compares the values of all fields of two recipes of a kind.
    pub(crate) fn between(ours: Values, theirs: Values) -> Vec<Self> {
        let pairs = ours.into_iter().zip(theirs);
        pairs
            .filter(|((_, ours), (_, theirs))| ours != theirs)
            .map(|((field, ours), (_, theirs))| Self { field, ours, theirs })
            .collect()
    }
}
