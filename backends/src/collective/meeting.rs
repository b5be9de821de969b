//! Where processes meet that no MPI connects: files beside the run folder, and no port of ours.
//!
//! Every process but the first leaves a word that nobody else knows; the first answers with NCCL's unique id and with all words
//! that it has found, and again whenever they change. An id without one's own word is of an earlier start and is not
//! taken, whatever clocks say, and a word of an earlier start is replaced by its rank's process. Each removes its own file.

use std::{
    collections::hash_map::RandomState,
    fmt::Write as _,
    fs,
    hash::{BuildHasher, Hasher},
    io::{self, ErrorKind, Write as _},
    path::{Path, PathBuf},
    time::Duration,
};

use super::{CollectiveError, waiting::Waiting};

/// First line of the first process's file.
const FIRST_LINE: &str = "spanbert-workers 1";
/// Time between two looks at the files, which may lie on another machine.
const PAUSE: Duration = Duration::from_millis(20);

/// A process at the place where all meet.
pub(super) struct Meeting {
    /// The files' folder.
    folder: PathBuf,
    /// What their names begin with.
    name: String,
    rank: usize,
    size: usize,
    /// What this process says; empty for the first.
    own: String,
    /// What the first has answered to, by rank; empty for those that have not come.
    answered: Vec<String>,
}

impl Meeting {
    /// At a run folder, which need not be there; `attempt` tells this start of the processes from others.
    pub fn at(run: &Path, attempt: &str, rank: usize, size: usize) -> Result<Self, CollectiveError> {
        let run = std::path::absolute(run).unwrap_or_else(|_| run.to_owned());
        let folder = run.parent().unwrap_or(&run).to_owned();
        let file = run.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        let name = format!(".{file}.workers-{:016x}", fingerprint(attempt));
        let mut meeting = Self { folder, name, rank, size, own: String::new(), answered: Vec::new() };
        fs::create_dir_all(&meeting.folder).map_err(|error| meeting.unusable(&error))?;
        if rank > 0 {
            meeting.own = word();
            meeting.write(&meeting.own).map_err(|error| meeting.unusable(&error))?;
        }
        Ok(meeting)
    }

    /// Tells the id to all that have come since the last call. Gives the ranks that have not come.
    pub fn tell(&mut self, id: &[u8]) -> Result<Vec<usize>, CollectiveError> {
        // Who has come and taken the id may have taken its word away.
        let before = |rank: usize| self.answered.get(rank).cloned().unwrap_or_default();
        let word = |rank: usize| self.read(rank).unwrap_or_else(|| before(rank));
        let words: Vec<String> = (0..self.size).map(word).collect();
        if words != self.answered {
            let hex = id.iter().fold(String::new(), |mut hex, byte| {
                // Writing to a string cannot fail.
                let _ = write!(hex, "{byte:02x}");
                hex
            });
            let text = format!("{FIRST_LINE}\n{hex}\n{}\n", words.join("\n"));
            self.write(&text).map_err(|error| self.unusable(&error))?;
            self.answered = words;
        }
        let absent = self.answered.iter().enumerate().skip(1).filter(|(_, word)| word.is_empty());
        Ok(absent.map(|(rank, _)| rank).collect())
    }

    /// The first process's id, of so many bytes, once it is there.
    pub fn learn(&self, length: usize, deadline: Duration) -> Result<Vec<u8>, CollectiveError> {
        let waiting = Waiting::new(deadline);
        loop {
            if let Some(id) = self.read_first().and_then(|text| self.id_in(&text, length)) {
                return Ok(id);
            }
            if !waiting.pause() {
                return Err(self.not_met(vec![0], deadline));
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// Those that have not come.
    pub fn not_met(&self, absent: Vec<usize>, deadline: Duration) -> CollectiveError {
        CollectiveError::NotMet { absent, folder: self.folder.clone(), seconds: deadline.as_secs() }
    }

    /// The id in the first process's file, if that is an answer to this process.
    fn id_in(&self, text: &str, length: usize) -> Option<Vec<u8>> {
        let mut lines = text.lines();
        if lines.next()? != FIRST_LINE {
            return None;
        }
        let hex = lines.next()?;
        if lines.nth(self.rank)? != self.own || hex.len() != 2 * length {
            return None;
        }
        (0..length).map(|at| u8::from_str_radix(hex.get(2 * at..2 * at + 2)?, 16).ok()).collect()
    }

    fn path(&self, rank: usize) -> PathBuf {
        self.folder.join(format!("{}.{rank}", self.name))
    }

    fn read_first(&self) -> Option<String> {
        // Listing the folder makes network file systems look again.
        let _ = fs::read_dir(&self.folder).map(Iterator::count);
        fs::read_to_string(self.path(0)).ok()
    }

    /// Another rank's word.
    fn read(&self, rank: usize) -> Option<String> {
        if rank == 0 {
            let _ = fs::read_dir(&self.folder).map(Iterator::count);
            return None;
        }
        let word = fs::read_to_string(self.path(rank)).ok()?;
        let is_word = word.len() == 32 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_word.then_some(word)
    }

    /// Replaces this process's file as a whole. Nobody else on the machine may read it.
    fn write(&self, text: &str) -> io::Result<()> {
        let path = self.path(self.rank);
        let new = path.with_extension(format!("{}.tmp", self.rank));
        let mut options = fs::OpenOptions::new();
        options.write(true).create(true).truncate(true);
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&new)?;
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all())?;
        fs::rename(&new, &path)
    }

    fn unusable(&self, error: &io::Error) -> CollectiveError {
        let message = match error.kind() {
            ErrorKind::PermissionDenied => "permission denied".to_owned(),
            _ => error.to_string(),
        };
        CollectiveError::MeetingFile { folder: self.folder.clone(), message }
    }
}

impl Drop for Meeting {
    fn drop(&mut self) {
        // One that cannot be removed is of an earlier start from now on.
        let _ = fs::remove_file(self.path(self.rank));
    }
}

/// A word that no other process says.
fn word() -> String {
    // Keyed at random, anew in every process.
    let half = || RandomState::new().build_hasher().finish();
    format!("{:016x}{:016x}", half(), half() ^ u64::from(std::process::id()))
}

/// FNV-1a.
fn fingerprint(text: &str) -> u64 {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    text.bytes().fold(0xcbf2_9ce4_8422_2325, step)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(20);

    /// A folder for one test, removed at its end.
    struct Place(PathBuf);

    impl Place {
        fn new() -> Self {
            let folder = std::env::temp_dir().join(format!("spanbert-meeting-{}", word()));
            fs::create_dir_all(&folder).unwrap();
            Self(folder)
        }

        fn meet(&self, rank: usize) -> Meeting {
            Meeting::at(&self.0.join("run"), "torchrun-x-0", rank, 3).unwrap()
        }

        fn files(&self) -> usize {
            fs::read_dir(&self.0).unwrap().count()
        }
    }

    impl Drop for Place {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    /// Tells until all have come.
    fn lead(mut meeting: Meeting, id: &[u8], others: impl Fn() -> bool) {
        while !meeting.tell(id).unwrap().is_empty() || !others() {
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    #[test]
    fn all_learn_the_id_of_the_first_and_leave_nothing() {
        let place = Place::new();
        let id = [1, 2, 254];
        std::thread::scope(|scope| {
            let followers = [1, 2].map(|rank| {
                let place = &place;
                scope.spawn(move || place.meet(rank).learn(3, LONG).unwrap())
            });
            std::thread::sleep(Duration::from_millis(30));
            lead(place.meet(0), &id, || followers.iter().all(|follower| follower.is_finished()));
            for follower in followers {
                assert_eq!(follower.join().unwrap(), id);
            }
        });
        assert_eq!(place.files(), 0);
    }

    #[test]
    fn files_of_an_earlier_start_are_refused() {
        let place = Place::new();
        // All of an earlier start were killed.
        let (mut first, others) = (place.meet(0), [place.meet(1), place.meet(2)]);
        assert_eq!(first.tell(&[7, 7, 7]).unwrap(), [0; 0]);
        others.into_iter().for_each(std::mem::forget);
        std::mem::forget(first);
        assert_eq!(place.files(), 3);
        let short = Duration::from_millis(60);
        let error = place.meet(1).learn(3, short).unwrap_err();
        assert!(matches!(&error, CollectiveError::NotMet { absent, .. } if absent == &[0]), "{error}");
        // The first comes before the others and finds their old words, to which it answers in vain.
        std::thread::scope(|scope| {
            let mut first = place.meet(0);
            first.tell(&[1, 2, 3]).unwrap();
            let followers = [1, 2].map(|rank| {
                let place = &place;
                scope.spawn(move || place.meet(rank).learn(3, LONG).unwrap())
            });
            lead(first, &[1, 2, 3], || followers.iter().all(|follower| follower.is_finished()));
            for follower in followers {
                assert_eq!(follower.join().unwrap(), [1, 2, 3]);
            }
        });
        assert_eq!(place.files(), 0);
    }

    #[test]
    fn those_that_do_not_come_are_named() {
        let place = Place::new();
        let _second = place.meet(2);
        let mut first = place.meet(0);
        assert_eq!(first.tell(&[1]).unwrap(), [1]);
        let error = first.not_met(vec![1], Duration::from_secs(9));
        assert!(error.to_string().starts_with("worker 1 has not come to "), "{error}");
        let error = first.not_met(vec![1, 2, 3], Duration::from_secs(9));
        assert!(error.to_string().starts_with("workers 1, 2 and 3 have not come to "), "{error}");
        // Half of a file, or another program's.
        for text in ["", "spanbert-workers 1\n01", "something\n01\n\n\nx\n"] {
            assert_eq!(first.id_in(text, 1), None);
        }
    }
}
