//! Numbers, times and paths as people read them.

use std::path::Path;

use spanbert_core::{run::BestScore, score::HeldOutScores};

/// Bytes as people say them: "15.6 GiB".
#[must_use]
pub fn bytes(count: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = count as f64;
    let mut unit = 0;
    // From 999.95 on, one decimal would round up to 1000.0.
    while value >= 999.95 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{count} B") } else { format!("{value:.1} {}", UNITS[unit]) }
}

/// A count with its thousands apart: "130,319".
#[must_use]
pub fn count(count: usize) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Seconds as people say them: "48 s", "12 min 5 s", "7 h 30 min".
#[must_use]
pub fn duration(secs: f64) -> String {
    if !secs.is_finite() || secs < 0.0 {
        return "–".to_owned();
    }
    let whole = secs.round() as u64;
    match whole {
        0..60 if secs < 9.95 => format!("{secs:.1} s"),
        0..60 => format!("{whole} s"),
        60..3600 => format!("{} min {} s", whole / 60, whole % 60),
        3600..86_400 => format!("{} h {} min", whole / 3600, whole % 3600 / 60),
        _ => format!("{} d {} h", whole / 86_400, whole % 86_400 / 3600),
    }
}

/// A score in percent with two decimals: "83.60".
#[must_use]
pub fn percent(value: f64) -> String {
    if value.is_finite() { format!("{value:.2}") } else { "–".to_owned() }
}

/// A score's name as people say it, from its key in result files: "best_f1" is "best F1".
#[must_use]
pub fn score_name(key: &str) -> String {
    let name = |rest: &str| match rest {
        "exact" => "exact match".to_owned(),
        HeldOutScores::METRIC => "held-out loss".to_owned(),
        "f1" => "F1".to_owned(),
        other => other.to_owned(),
    };
    for (prefix, words) in [("best_", "best "), ("HasAns_", "HasAns "), ("NoAns_", "NoAns ")] {
        if let Some(rest) = key.strip_prefix(prefix) {
            return format!("{words}{}", name(rest));
        }
    }
    name(key)
}

/// The best score of a run: in percent, or a loss.
#[must_use]
pub fn best_score(best: &BestScore) -> String {
    if best.is_loss() { format!("{:.3}", best.value) } else { percent(best.value) }
}

/// How long ago an RFC 3339 time was: "3 min ago"; the text itself if it is no time.
#[cfg(not(target_family = "wasm"))]
#[must_use]
pub fn time_ago(time: &str) -> String {
    let Ok(then) = time.parse::<jiff::Timestamp>() else { return time.to_owned() };
    let secs = jiff::Timestamp::now().duration_since(then).as_secs();
    match secs {
        ..5 => "now".to_owned(),
        5..60 => format!("{secs} s ago"),
        60..3600 => format!("{} min ago", secs / 60),
        3600..86_400 => format!("{} h ago", secs / 3600),
        86_400..2_592_000 => format!("{} d ago", secs / 86_400),
        _ => then.strftime("%Y-%m-%d").to_string(),
    }
}

/// A path whose beginning gives way if it is long: "…/runs/20260301T120000Z-squad2".
#[must_use]
pub fn short_path(path: &Path, most_characters: usize) -> String {
    let text = path.display().to_string();
    let length = text.chars().count();
    if length <= most_characters {
        return text;
    }
    let tail: String = text.chars().skip(length - most_characters.saturating_sub(1)).collect();
    // From a separator on, if there is one soon.
    let cut = tail.find(std::path::MAIN_SEPARATOR).filter(|&cut| cut < tail.len() / 2).unwrap_or(0);
    format!("…{}", &tail[cut..])
}

/// A run's name without the time it starts with: "20260301T120000Z-squad2" is "squad2".
#[must_use]
pub fn run_title(name: &str) -> &str {
    let is_stamp = |stamp: &str| {
        stamp.len() == 16
            && stamp.ends_with('Z')
            && stamp.chars().all(|character| character.is_ascii_digit() || matches!(character, 'T' | 'Z'))
    };
    match name.split_once('-') {
        Some((stamp, title)) if is_stamp(stamp) && !title.is_empty() => title,
        _ => name,
    }
}

/// A checkpoint's name: its folder's, and for those of a run the run's too.
#[must_use]
pub fn checkpoint_name(folder: &Path) -> String {
    let name = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
    let own = name(folder).unwrap_or_else(|| folder.display().to_string());
    match folder.parent().and_then(name) {
        Some(run) if matches!(own.as_str(), "best" | "last") => format!("{} · {own}", run_title(&run)),
        _ => own,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_have_names() {
        assert_eq!(
            ["f1", "best_exact", "HasAns_f1", "other"].map(score_name),
            ["F1", "best exact match", "HasAns F1", "other"]
        );
    }

    #[test]
    fn names_are_told_without_times() {
        assert_eq!(run_title("20260301T120000Z-squad2"), "squad2");
        assert_eq!(run_title("my-run"), "my-run");
        assert_eq!(checkpoint_name(Path::new("/r/20260301T120000Z-squad2/best")), "squad2 · best");
        assert_eq!(checkpoint_name(Path::new("/models/spanbert")), "spanbert");
    }

    #[test]
    fn bytes_are_said_in_binary_units() {
        assert_eq!(bytes(0), "0 B");
        assert_eq!(bytes(999), "999 B");
        assert_eq!(bytes(1024), "1.0 KiB");
        assert_eq!(bytes(128 << 20), "128.0 MiB");
        assert_eq!(bytes(1000 << 20), "1.0 GiB");
        assert_eq!(bytes(16_777_216_000), "15.6 GiB");
        assert_eq!(bytes(u64::MAX), "16777216.0 TiB");
    }

    #[test]
    fn thousands_stand_apart() {
        assert_eq!(
            [0, 12, 123, 1234, 130_319, 1_000_000].map(count),
            ["0", "12", "123", "1,234", "130,319", "1,000,000"]
        );
    }

    #[test]
    fn durations_have_at_most_two_units() {
        assert_eq!(
            [0.04, 9.96, 59.4, 61.0, 27_000.0, 200_000.0, f64::NAN].map(duration),
            ["0.0 s", "10 s", "59 s", "1 min 1 s", "7 h 30 min", "2 d 7 h", "–"]
        );
    }

    #[test]
    fn long_paths_keep_their_end() {
        assert_eq!(short_path(Path::new("/a/b"), 10), "/a/b");
        assert_eq!(short_path(Path::new("/home/someone/runs/demo"), 12), "…/runs/demo");
    }
}
