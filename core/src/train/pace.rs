//! How fast a training goes and how long it will take.

use std::time::Duration;

/// Time between reports, roughly: often enough to watch, seldom enough that the device does not wait.
const REPORT_INTERVAL: Duration = Duration::from_secs(1);

/// Most updates between reports, so that a device is never given more work than it can hold.
const MOST_UPDATES: usize = 32;

/// Work done between two reports.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Work {
    /// Updates.
    pub updates: usize,
    /// Windows.
    pub windows: usize,
    /// Word pieces without padding.
    pub tokens: usize,
}

/// A report's speed.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Speed {
    /// Windows per second.
    pub windows_per_sec: f64,
    /// Word pieces per second.
    pub tokens_per_sec: f64,
}

/// Decides when to report, and measures. Times are told from outside, since some moment. Time spent outside training (evaluations, saving) is left out of the speed.
#[derive(Debug)]
pub struct Pace {
    began: Duration,
    /// Seconds spent on the run before this process.
    earlier_secs: f64,
    /// When training began or went on after the last report, evaluation or pause.
    resumed: Duration,
    /// Since then.
    work: Work,
    report_every: usize,
    reports: usize,
    /// Over all reports; the first, which includes warming the device up, counts until there is a second.
    measured: Work,
    measured_secs: f64,
    evaluation_secs: Option<f64>,
}

impl Pace {
    /// Starts the clocks.
    #[must_use]
    pub fn new(now: Duration) -> Self {
        Self {
            began: now,
            earlier_secs: 0.0,
            resumed: now,
            work: Work::default(),
            report_every: 1,
            reports: 0,
            measured: Work::default(),
            measured_secs: 0.0,
            evaluation_secs: None,
        }
    }

    /// The same for a run that took that long already.
    #[must_use]
    pub fn after(self, earlier_secs: f64) -> Self {
        Self { earlier_secs, ..self }
    }

    /// Counts a batch.
    pub fn batch(&mut self, windows: usize, tokens: usize) {
        self.work.windows += windows;
        self.work.tokens += tokens;
    }

    /// Counts an update; true if a report is due.
    pub fn update(&mut self) -> bool {
        self.work.updates += 1;
        self.work.updates >= self.report_every
    }

    /// Ends a report's interval: the device has done everything counted.
    pub fn report(&mut self, now: Duration) -> Speed {
        let spent = now.saturating_sub(self.resumed);
        let secs = spent.as_secs_f64().max(1e-9);
        let work = std::mem::take(&mut self.work);
        self.resumed = now;
        if self.reports == 1 {
            (self.measured, self.measured_secs) = (Work::default(), 0.0);
        }
        self.reports += 1;
        self.measured.updates += work.updates;
        self.measured.windows += work.windows;
        self.measured_secs += secs;
        if spent < REPORT_INTERVAL / 2 {
            self.report_every = (self.report_every * 2).min(MOST_UPDATES);
        } else if spent > REPORT_INTERVAL * 2 {
            self.report_every = (self.report_every / 2).max(1);
        }
        Speed { windows_per_sec: work.windows as f64 / secs, tokens_per_sec: work.tokens as f64 / secs }
    }

    /// Training goes on after an evaluation that began at `from`.
    pub fn evaluated(&mut self, from: Duration, now: Duration) {
        self.evaluation_secs = Some(now.saturating_sub(from).as_secs_f64());
        self.resumed = now;
    }

    /// Training goes on after something else (saving, a pause).
    pub fn resumed(&mut self, now: Duration) {
        self.resumed = now;
    }

    /// Seconds since the start, all included.
    #[must_use]
    pub fn elapsed_secs(&self, now: Duration) -> f64 {
        self.earlier_secs + now.saturating_sub(self.began).as_secs_f64()
    }

    /// Seconds for that many updates and evaluations more; `None` before the first report. An evaluation not yet
    /// measured is taken to cost a third of training on as many windows (forward without backward).
    #[must_use]
    pub fn eta_secs(&self, updates: usize, evaluations: usize, evaluation_windows: usize) -> Option<f64> {
        if self.measured.updates == 0 || self.measured.windows == 0 {
            return None;
        }
        let per_update = self.measured_secs / self.measured.updates as f64;
        let per_window = self.measured_secs / self.measured.windows as f64;
        let evaluation = self.evaluation_secs.unwrap_or(evaluation_windows as f64 * per_window / 3.0);
        Some(updates as f64 * per_update + evaluations as f64 * evaluation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(start: Duration, secs: f64) -> Duration {
        start + Duration::from_secs_f64(secs)
    }

    #[test]
    fn reports_come_about_once_a_second() {
        let start = Duration::from_secs(100);
        let mut pace = Pace::new(start);
        let (mut updates, mut reports) = (0, 0);
        for step in 1..=300 {
            pace.batch(4, 400);
            updates += 1;
            if pace.update() {
                let speed = pace.report(at(start, f64::from(step) * 0.1));
                assert!((speed.windows_per_sec - 40.0).abs() < 1e-6);
                assert!((speed.tokens_per_sec - 4000.0).abs() < 1e-3);
                reports += 1;
            }
        }
        assert_eq!(updates, 300);
        assert!((20..=45).contains(&reports), "{reports} reports in 30 s");
    }

    #[test]
    fn time_left_counts_updates_and_evaluations_but_not_the_warm_up() {
        let start = Duration::from_secs(100);
        let mut pace = Pace::new(start);
        assert_eq!(pace.eta_secs(10, 0, 0), None);
        pace.batch(10, 1);
        pace.update();
        pace.report(at(start, 60.0));
        assert_eq!(pace.eta_secs(2, 0, 0), Some(120.0));
        pace.batch(10, 1);
        pace.update();
        pace.report(at(start, 61.0));
        assert!((pace.eta_secs(2, 1, 30).unwrap() - 3.0).abs() < 1e-9);
        pace.evaluated(at(start, 61.0), at(start, 66.0));
        assert!((pace.eta_secs(2, 2, 30).unwrap() - 12.0).abs() < 1e-9);
        assert_eq!(pace.elapsed_secs(at(start, 66.0)), 66.0);
    }
}
