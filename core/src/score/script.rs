//! Scripts for which words between blanks are a poor measure of an answer.

/// A script that is written without blanks, or, as Korean, with blanks that part phrases rather than words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BlanklessScript {
    Chinese,
    Japanese,
    Korean,
    Thai,
    Lao,
    Khmer,
    Burmese,
}

/// In Japanese, kana make up at least this share; less is a name within Chinese.
const LEAST_KANA: f64 = 0.05;

impl BlanklessScript {
    const ALL: [Self; 7] =
        [Self::Chinese, Self::Japanese, Self::Korean, Self::Thai, Self::Lao, Self::Khmer, Self::Burmese];

    /// Whether a character belongs to the script; of Japanese, the kana alone.
    pub(super) fn holds(self, character: char) -> bool {
        let code = u32::from(character);
        match self {
            Self::Chinese => matches!(code,
                0x3005..=0x3007 | 0x3400..=0x4DBF | 0x4E00..=0x9FFF | 0xF900..=0xFAFF | 0x20000..=0x323AF),
            Self::Japanese => matches!(code, 0x3041..=0x30FF | 0x31F0..=0x31FF | 0xFF66..=0xFF9F),
            Self::Korean => matches!(code, 0x1100..=0x11FF | 0x3131..=0x318E | 0xAC00..=0xD7A3),
            Self::Thai => matches!(code, 0x0E01..=0x0E5B),
            Self::Lao => matches!(code, 0x0E81..=0x0EDF),
            Self::Khmer => matches!(code, 0x1780..=0x17FF | 0x19E0..=0x19FF),
            Self::Burmese => matches!(code, 0x1000..=0x109F | 0xA9E0..=0xA9FF | 0xAA60..=0xAA7F),
        }
    }

    /// The script that more than half of some texts are in, those without any letter left aside.
    pub(super) fn of_most<'a>(texts: impl Iterator<Item = &'a str>) -> Option<Self> {
        let (mut votes, mut characters) = ([0_usize; Self::ALL.len()], [0_usize; Self::ALL.len()]);
        let mut with_letters = 0_usize;
        for text in texts {
            let (mut counts, mut letters) = ([0_usize; Self::ALL.len()], 0_usize);
            for character in text.chars() {
                let script = Self::ALL.iter().zip(&mut counts).find(|(script, _)| script.holds(character));
                match script {
                    Some((_, count)) => {
                        *count += 1;
                        letters += 1;
                    }
                    None if character.is_alphabetic() => letters += 1,
                    None => {}
                }
            }
            with_letters += usize::from(letters > 0);
            let [chinese, kana, ..] = counts;
            for ((vote, sum), count) in votes.iter_mut().zip(&mut characters).zip(counts) {
                *vote += usize::from(2 * count > letters);
                *sum += count;
            }
            // Kana and kanji together.
            if let ([vote, ..], true) = (&mut votes, 2 * chinese <= letters && 2 * kana <= letters) {
                *vote += usize::from(2 * (chinese + kana) > letters);
            }
        }
        let ([chinese, kana, others @ ..], [chinese_characters, kana_characters, ..]) = (votes, characters);
        let most = |votes: usize| 2 * votes > with_letters;
        if most(chinese + kana) {
            let all = chinese_characters + kana_characters;
            #[allow(clippy::cast_precision_loss, reason = "counts of characters")]
            let is_japanese = kana_characters as f64 >= LEAST_KANA * all as f64;
            return Some(if is_japanese { Self::Japanese } else { Self::Chinese });
        }
        Self::ALL.into_iter().skip(2).zip(others).find(|(_, votes)| most(*votes)).map(|(script, _)| script)
    }
}
