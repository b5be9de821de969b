//! Ways to damage a file.

use proptest::{prelude::*, sample::Index};

/// Text and bytes that readers stumble over: numbers at the edges of their types, deep nesting, odd characters.
const DICTIONARY: &[&[u8]] = &[
    b"18446744073709551615",
    b"18446744073709551616",
    b"9223372036854775807",
    b"4611686018427387904",
    b"-1",
    b"1e999",
    b"-0.0",
    b"NaN",
    b"null",
    b"[[[[[[[[[[[[[[[[",
    b"{\"\":",
    b"\\ud800",
    b"\"\"",
    b"\x00",
    b"\xff\xff\xff\xff",
    b"\xff\xff\xff\xff\xff\xff\xff\x7f",
    b"\xff\xff\xff\xff\xff\xff\xff\xff",
    b"\xe2\x80\xa8",
    b"\xf0\x9f\x91\x8d",
    b"\xef\xbb\xbf",
    b"\n",
];

/// One act of damage, at places relative to the file's length.
#[derive(Clone, Debug)]
pub enum Mutation {
    /// A bit turned over.
    Flip(Index, u8),
    /// The rest cut off.
    Cut(Index),
    /// A stretch left out.
    Remove(Index, u8),
    /// Something of [`DICTIONARY`] written over what is there.
    Overwrite(Index, Index),
    /// Something of [`DICTIONARY`] put in between.
    Insert(Index, Index),
    /// A number of the text replaced by a huge one.
    Enlarge(Index, Index),
    /// A stretch repeated many times.
    Repeat(Index, u8, u8),
    /// The rest taken from another file.
    Splice(Index, Index, Index),
}

impl Arbitrary for Mutation {
    type Parameters = ();
    type Strategy = BoxedStrategy<Self>;

    fn arbitrary_with((): ()) -> Self::Strategy {
        let index = any::<Index>;
        prop_oneof![
            (index(), 0..8u8).prop_map(|(at, bit)| Self::Flip(at, bit)),
            index().prop_map(Self::Cut),
            (index(), any::<u8>()).prop_map(|(at, length)| Self::Remove(at, length)),
            (index(), index()).prop_map(|(at, word)| Self::Overwrite(at, word)),
            (index(), index()).prop_map(|(at, word)| Self::Insert(at, word)),
            (index(), index()).prop_map(|(at, word)| Self::Enlarge(at, word)),
            (index(), any::<u8>(), any::<u8>())
                .prop_map(|(at, length, times)| Self::Repeat(at, length, times)),
            (index(), index(), index()).prop_map(|(at, other, from)| Self::Splice(at, other, from)),
        ]
        .boxed()
    }
}

impl Mutation {
    /// Damages `bytes`; `others` are files to splice from.
    pub fn apply(&self, bytes: &mut Vec<u8>, others: &[Vec<u8>]) {
        if bytes.is_empty() {
            return;
        }
        let length = bytes.len();
        let stretch =
            |at: &Index, size: u8| at.index(length)..(at.index(length) + usize::from(size)).min(length);
        match self {
            Self::Flip(at, bit) => bytes[at.index(length)] ^= 1 << bit,
            Self::Cut(at) => bytes.truncate(at.index(length)),
            Self::Remove(at, size) => drop(bytes.drain(stretch(at, *size))),
            Self::Overwrite(at, word) => {
                let word = *word.get(DICTIONARY);
                let range = stretch(at, word.len() as u8);
                bytes.splice(range, word.iter().copied());
            }
            Self::Insert(at, word) => {
                let at = at.index(length);
                bytes.splice(at..at, word.get(DICTIONARY).iter().copied());
            }
            Self::Enlarge(at, word) => {
                let from = at.index(length);
                let Some(start) = bytes[from..].iter().position(u8::is_ascii_digit).map(|digit| from + digit)
                else {
                    return;
                };
                let digits = bytes[start..].iter().take_while(|byte| byte.is_ascii_digit()).count();
                bytes.splice(start..start + digits, word.get(&DICTIONARY[..8]).iter().copied());
            }
            Self::Repeat(at, size, times) => {
                let range = stretch(at, *size);
                let repeated =
                    bytes[range.clone()].repeat(usize::from(*times).min(1 + 8192 / range.len().max(1)));
                bytes.splice(range.end..range.end, repeated);
            }
            Self::Splice(at, other, from) => {
                let other = other.get(others);
                bytes.truncate(at.index(length));
                bytes.extend(&other[from.index(other.len())..]);
            }
        }
    }
}
