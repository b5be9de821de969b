//! Whether a model may answer "no answer", and why.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::EvaluateError;
use crate::{
    checkpoint::SpanbertMeta,
    squad::{DataFormat, Dataset, SquadVersion},
};

/// Whether a model may answer "no answer".
///
/// The user's word decides; without one what the checkpoint was trained on; without a record of that the file. So a
/// forgotten flag, or a test file that names no unanswerable question, does not silently turn abstention off. MRQA's files go
/// before the checkpoint: that task has no unanswerable questions, and its scores no abstention.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Abstention {
    /// Whether "no answer" is a candidate.
    pub allowed: bool,
    /// What decided.
    pub decided_by: AbstentionReason,
}

/// What decided whether a model may abstain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AbstentionReason {
    /// `--squad-version`.
    SquadVersionFlag,
    /// The reference's `--version_2_with_negative`.
    Version2WithNegativeFlag,
    /// A threshold was given, which makes sense with abstention only.
    ThresholdFlag,
    /// The checkpoint's record says SQuAD 1.1.
    TrainedOnSquad1,
    /// The checkpoint's record says SQuAD 2.0.
    TrainedOnSquad2,
    /// The checkpoint keeps a threshold, tuned on SQuAD 2.0 data.
    StoredThreshold,
    /// The file is MRQA's, all of whose questions have answers.
    DataIsMrqa,
    /// Every question of the file has an answer, or none says whether it has.
    DataIsSquad1,
    /// Questions of the file are marked as answerable or not.
    DataIsSquad2,
}

impl Abstention {
    /// What the user says.
    ///
    /// # Errors
    /// If a threshold is given along with the word that nothing is to be left unanswered.
    pub fn asked(
        version: Option<SquadVersion>,
        threshold: Option<f64>,
    ) -> Result<Option<Self>, EvaluateError> {
        match (version, threshold) {
            (Some(SquadVersion::V1), Some(threshold)) => {
                Err(EvaluateError::ThresholdWithoutAbstention(threshold))
            }
            (Some(version), _) => Ok(Some(Self {
                allowed: version == SquadVersion::V2,
                decided_by: AbstentionReason::SquadVersionFlag,
            })),
            (None, Some(_)) => Ok(Some(Self { allowed: true, decided_by: AbstentionReason::ThresholdFlag })),
            (None, None) => Ok(None),
        }
    }

    /// What the reference's flag says; without it nothing.
    #[must_use]
    pub fn version_2_with_negative(flag: bool) -> Option<Self> {
        flag.then_some(Self { allowed: true, decided_by: AbstentionReason::Version2WithNegativeFlag })
    }

    /// What the checkpoint was trained on, if its `spanbert.json` tells.
    #[must_use]
    pub fn of_checkpoint(meta: &SpanbertMeta) -> Option<Self> {
        let version = meta.dataset_version.as_deref().and_then(recorded_version);
        let (allowed, decided_by) = match version {
            Some(SquadVersion::V1) => (false, AbstentionReason::TrainedOnSquad1),
            Some(SquadVersion::V2) => (true, AbstentionReason::TrainedOnSquad2),
            None if meta.threshold.is_some() => (true, AbstentionReason::StoredThreshold),
            None => return None,
        };
        Some(Self { allowed, decided_by })
    }

    /// What a checkpoint's null score difference is compared with where nothing else is said: the stored threshold, else 0;
    /// infinity, which has every question answered, for a checkpoint trained on SQuAD 1.1.
    #[must_use]
    pub fn default_threshold(meta: &SpanbertMeta) -> f64 {
        match Self::of_checkpoint(meta) {
            Some(Self { allowed: false, .. }) => f64::INFINITY,
            _ => meta.threshold.unwrap_or_default(),
        }
    }

    /// Whether the model may abstain on a file, given what the user or the checkpoint says.
    #[must_use]
    pub fn on(dataset: &Dataset, said: Option<Self>) -> Self {
        let of_data = Self::of_data(dataset);
        match said {
            Some(said) if said.is_users() || of_data.decided_by != AbstentionReason::DataIsMrqa => said,
            _ => of_data,
        }
    }

    /// Whether the user has decided.
    fn is_users(self) -> bool {
        matches!(
            self.decided_by,
            AbstentionReason::SquadVersionFlag
                | AbstentionReason::Version2WithNegativeFlag
                | AbstentionReason::ThresholdFlag
        )
    }

    /// What the questions of a file look like.
    #[must_use]
    pub fn of_data(dataset: &Dataset) -> Self {
        if dataset.format == DataFormat::Mrqa {
            return Self { allowed: false, decided_by: AbstentionReason::DataIsMrqa };
        }
        match dataset.version {
            SquadVersion::V1 => Self { allowed: false, decided_by: AbstentionReason::DataIsSquad1 },
            SquadVersion::V2 => Self { allowed: true, decided_by: AbstentionReason::DataIsSquad2 },
        }
    }
}

impl Abstention {
    /// The decision and its reason in a line, with what to say to have it otherwise.
    #[must_use]
    pub fn said_with(self, to_allow: &str, to_forbid: &str) -> String {
        let said = self.said();
        match (self.is_users(), self.allowed) {
            (true, _) => said,
            (false, true) => format!("{said} ({to_forbid})"),
            (false, false) => format!("{said} ({to_allow})"),
        }
    }

    /// The decision and its reason in a line.
    #[must_use]
    pub fn said(self) -> String {
        let decision = if self.allowed { "may" } else { "may not" };
        let why = match self.decided_by {
            AbstentionReason::SquadVersionFlag if self.allowed => "--squad-version is 2.0",
            AbstentionReason::SquadVersionFlag => "--squad-version is 1.1",
            AbstentionReason::Version2WithNegativeFlag => "--version_2_with_negative is given",
            AbstentionReason::ThresholdFlag => "--threshold is given",
            AbstentionReason::TrainedOnSquad1 => "the checkpoint was trained on SQuAD 1.1",
            AbstentionReason::TrainedOnSquad2 => "the checkpoint was trained on SQuAD 2.0",
            AbstentionReason::StoredThreshold => "the checkpoint keeps a threshold",
            AbstentionReason::DataIsMrqa => "MRQA has no unanswerable questions",
            AbstentionReason::DataIsSquad1 => {
                "the file marks no question as unanswerable and the checkpoint does not say what it was trained on"
            }
            AbstentionReason::DataIsSquad2 => "the file is SQuAD 2.0",
        };
        format!("the model {decision} abstain: {why}")
    }
}

impl fmt::Display for Abstention {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let said = self
            .said_with("--squad-version 2.0 allows it", "--squad-version 1.1 has every question answered");
        formatter.write_str(&said)
    }
}

/// The version that a record such as `v2.0` or `SQuAD 1.1` names.
fn recorded_version(text: &str) -> Option<SquadVersion> {
    match text.chars().find(char::is_ascii_digit)? {
        '1' => Some(SquadVersion::V1),
        '2' => Some(SquadVersion::V2),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meta(version: Option<&str>, threshold: Option<f64>) -> SpanbertMeta {
        SpanbertMeta { dataset_version: version.map(str::to_owned), threshold, ..SpanbertMeta::default() }
    }

    fn data(qas: &str) -> Dataset {
        let json = format!(r#"{{"data": [{{"paragraphs": [{{"context": "Ann", "qas": [{qas}]}}]}}]}}"#);
        Dataset::from_json(&json, "x").unwrap()
    }

    #[test]
    fn the_user_s_word_comes_first() {
        let asked = |version, threshold| Abstention::asked(version, threshold).unwrap();
        assert_eq!(asked(None, None), None);
        assert!(asked(None, Some(-1.5)).unwrap().allowed);
        assert!(asked(Some(SquadVersion::V2), Some(-1.5)).unwrap().allowed);
        assert!(!asked(Some(SquadVersion::V1), None).unwrap().allowed);
        let error = Abstention::asked(Some(SquadVersion::V1), Some(0.5)).unwrap_err().to_string();
        assert!(error.contains("--squad-version 1.1") && error.contains("--threshold 0.5"), "{error}");
        assert_eq!(Abstention::version_2_with_negative(false), None);
        assert!(Abstention::version_2_with_negative(true).unwrap().allowed);
    }

    #[test]
    fn then_the_checkpoint_s_record() {
        for (version, threshold, expected) in [
            (Some("SQuAD 2.0"), None, Some(true)),
            (Some("v2.0"), Some(1.0), Some(true)),
            (Some("SQuAD 1.1"), Some(1.0), Some(false)),
            (Some("1.1"), None, Some(false)),
            (Some("NewsQA"), None, None),
            (None, Some(0.0), Some(true)),
            (None, None, None),
        ] {
            let found = Abstention::of_checkpoint(&meta(version, threshold));
            assert_eq!(found.map(|found| found.allowed), expected, "{version:?} {threshold:?}");
        }
    }

    #[test]
    fn a_checkpoint_of_squad_1_answers_every_question() {
        assert_eq!(Abstention::default_threshold(&meta(Some("SQuAD 1.1"), Some(1.0))), f64::INFINITY);
        assert_eq!(Abstention::default_threshold(&meta(Some("SQuAD 2.0"), Some(1.5))), 1.5);
        assert_eq!(Abstention::default_threshold(&meta(None, None)), 0.0);
    }

    #[test]
    fn then_the_file() {
        let answered = r#"{"id": "a", "question": "who", "answers": [{"text": "Ann", "answer_start": 0}]}"#;
        assert!(!Abstention::of_data(&data(answered)).allowed);
        assert!(!Abstention::of_data(&data(r#"{"id": "a", "question": "who"}"#)).allowed);
        let impossible = r#"{"id": "a", "question": "who", "answers": [], "is_impossible": true}"#;
        assert!(Abstention::of_data(&data(impossible)).allowed);
    }

    #[test]
    fn mrqa_goes_before_the_checkpoint_but_not_before_the_user() {
        let mrqa = Dataset::from_json(DataFormat::Mrqa.example(), "m.jsonl").unwrap();
        let recorded = Abstention::of_checkpoint(&meta(Some("SQuAD 2.0"), None));
        assert_eq!(Abstention::on(&mrqa, recorded).decided_by, AbstentionReason::DataIsMrqa);
        assert!(!Abstention::on(&mrqa, None).allowed);
        let asked = Abstention::asked(Some(SquadVersion::V2), None).unwrap();
        assert!(Abstention::on(&mrqa, asked).allowed);
        let squad = Dataset::from_json(DataFormat::Squad.example(), "s.json").unwrap();
        assert_eq!(Abstention::on(&squad, recorded).decided_by, AbstentionReason::TrainedOnSquad2);
    }

    #[test]
    fn the_decision_is_one_line_and_survives_a_file() {
        let decided = Abstention { allowed: true, decided_by: AbstentionReason::TrainedOnSquad2 };
        assert!(decided.to_string().starts_with("the model may abstain: the checkpoint was trained on"));
        let json = serde_json::to_string(&decided).unwrap();
        assert_eq!(json, r#"{"allowed":true,"decided_by":"trained_on_squad2"}"#);
        assert_eq!(serde_json::from_str::<Abstention>(&json).unwrap(), decided);
    }
}
