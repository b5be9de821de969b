//! Names that can be fetched without knowing an address.

/// A model by a short name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KnownModel {
    /// Its short name.
    pub name: &'static str,
    /// What it is.
    pub title: &'static str,
    /// Its id on the hub.
    pub id: &'static str,
    /// Size of its weights in MB, roughly.
    pub megabytes: u64,
    /// What its licence allows.
    pub licence: &'static str,
}

const SPANBERT_LICENCE: &str = "CC-BY-NC 4.0 (SpanBERT, Facebook AI Research): not for commercial use";
const SQUAD_LICENCE: &str = "CC BY-SA 4.0 (SQuAD, Rajpurkar et al.): name the authors, share alike";

/// The models that this program is about.
pub const KNOWN_MODELS: [KnownModel; 2] = [
    KnownModel {
        name: "spanbert-base",
        title: "SpanBERT-base, pre-trained, cased",
        id: "SpanBERT/spanbert-base-cased",
        megabytes: 215,
        licence: SPANBERT_LICENCE,
    },
    KnownModel {
        name: "spanbert-large",
        title: "SpanBERT-large, pre-trained, cased",
        id: "SpanBERT/spanbert-large-cased",
        megabytes: 667,
        licence: SPANBERT_LICENCE,
    },
];

impl KnownModel {
    /// The model of this name; the reference's names, which end in `-cased`, are understood too.
    #[must_use]
    pub fn find(name: &str) -> Option<&'static Self> {
        let short = name.strip_suffix("-cased").unwrap_or(name);
        KNOWN_MODELS.iter().find(|model| model.name == short || model.id == name)
    }
}

/// A SQuAD data set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SquadSet {
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub title: &'static str,
    /// Its parts.
    pub files: [SquadFile; 2],
    /// What its licence allows.
    pub licence: &'static str,
}

/// A part of a SQuAD data set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SquadFile {
    /// `train` or `dev`.
    pub part: &'static str,
    /// Its file name at the official address.
    pub file: &'static str,
    /// Its size in bytes.
    pub bytes: u64,
    /// Its SHA-256.
    pub sha256: &'static str,
}

/// SQuAD 2.0 and 1.1.
pub const SQUAD_SETS: [SquadSet; 2] = [
    SquadSet {
        name: "squad2",
        title: "SQuAD 2.0",
        files: [
            SquadFile {
                part: "train",
                file: "train-v2.0.json",
                bytes: 42_123_633,
                sha256: "68dcfbb971bd3e96d5b46c7177b16c1a4e7d4bdef19fb204502738552dede002",
            },
            SquadFile {
                part: "dev",
                file: "dev-v2.0.json",
                bytes: 4_370_528,
                sha256: "80a5225e94905956a6446d296ca1093975c4d3b3260f1d6c8f68bc2ab77182d8",
            },
        ],
        licence: SQUAD_LICENCE,
    },
    SquadSet {
        name: "squad1",
        title: "SQuAD 1.1",
        files: [
            SquadFile {
                part: "train",
                file: "train-v1.1.json",
                bytes: 30_288_272,
                sha256: "3527663986b8295af4f7fcdff1ba1ff3f72d07d61a20f487cb238a6ef92fd955",
            },
            SquadFile {
                part: "dev",
                file: "dev-v1.1.json",
                bytes: 4_854_279,
                sha256: "95aa6a52d5d6a735563366753ca50492a658031da74f301ac5238b03966972c9",
            },
        ],
        licence: SQUAD_LICENCE,
    },
];

impl SquadSet {
    /// The data set of this name.
    #[must_use]
    pub fn find(name: &str) -> Option<&'static Self> {
        SQUAD_SETS.iter().find(|set| set.name == name)
    }

    /// Size of its files in bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }

    /// The part that a name like `squad2:train` means.
    #[must_use]
    pub fn find_part(name: &str) -> Option<(&'static Self, &'static SquadFile)> {
        let (set, part) = name.split_once(':')?;
        let set = Self::find(set)?;
        Some((set, set.files.iter().find(|file| file.part == part)?))
    }
}
