//! Processes that agree on what they do, and sum in an order of their own.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Instant,
};

use super::{
    Collective, CollectiveError,
    header::{BYTES, Header, Operation},
    tree::{self, Node},
};

/// Values that are summed at once: few enough for a processor's cache, many enough for a network.
const PIECE: usize = 1 << 20;

/// How long an exchange of gradients took.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ExchangeTimes {
    /// Seconds that each rank waited for the last one to be ready, by rank.
    pub wait_secs: Vec<f64>,
    /// Seconds that sending, summing and receiving took from then on.
    pub exchange_secs: f64,
}

/// This process among others. Every method is called by all of them, in the same order.
///
/// Before anything is sent, each says whether it still can ([`fail`](Self::fail)): so a process that fails is known to the
/// others by name, and nobody waits for it in vain. After a failure nothing more is sent, and methods that cannot fail answer
/// for this process alone.
pub struct Ranks {
    collective: Box<dyn Collective>,
    failed: Option<CollectiveError>,
    times: VecDeque<ExchangeTimes>,
}

impl Ranks {
    /// By this connection.
    #[must_use]
    pub fn new(collective: Box<dyn Collective>) -> Self {
        Self { collective, failed: None, times: VecDeque::new() }
    }

    /// This process's number, from 0.
    #[must_use]
    pub fn rank(&self) -> usize {
        self.collective.rank()
    }

    /// How many there are.
    #[must_use]
    pub fn size(&self) -> usize {
        self.collective.size()
    }

    /// What connects them.
    #[must_use]
    pub fn name(&self) -> String {
        self.collective.name()
    }

    /// Why they are no longer together, if so.
    #[must_use]
    pub fn failure(&self) -> Option<&CollectiveError> {
        self.failed.as_ref()
    }

    /// How long the oldest exchange took that was not asked for yet.
    pub fn take_times(&mut self) -> Option<ExchangeTimes> {
        self.times.pop_front()
    }

    /// A number of each rank.
    ///
    /// # Errors
    /// If another process has failed, or the connection.
    pub fn numbers(&mut self, own: u64) -> Result<Vec<u64>, CollectiveError> {
        let headers = self.begin(Header::new(Operation::Numbers, own, 0))?;
        Ok(headers.into_iter().map(|header| header.value).collect())
    }

    /// The first rank's number; this one's own after a failure.
    pub fn first_number(&mut self, own: u64) -> u64 {
        if self.failed.is_some() {
            return own;
        }
        let numbers = self.numbers(own);
        numbers.ok().and_then(|numbers| numbers.first().copied()).unwrap_or(own)
    }

    /// Whether it is so for any rank; for this one after a failure.
    pub fn any(&mut self, own: bool) -> bool {
        if self.failed.is_some() {
            return own;
        }
        let numbers = self.numbers(own.into());
        numbers.map_or(own, |numbers| numbers.iter().any(|number| *number != 0))
    }

    /// What the first rank has; the others' is not looked at.
    ///
    /// # Errors
    /// If another process has failed, or the connection.
    pub fn broadcast(&mut self, own: Vec<u8>) -> Result<Vec<u8>, CollectiveError> {
        let headers = self.begin(Header::new(Operation::Broadcast, own.len() as u64, 0))?;
        let length = headers.first().map_or(0, |header| header.value);
        let mut bytes = own;
        bytes.resize(usize::try_from(length).unwrap_or(0), 0);
        self.send(0, &mut bytes)?;
        Ok(bytes)
    }

    /// What each rank has, by rank.
    ///
    /// # Errors
    /// If another process has failed, or the connection.
    pub fn gather(&mut self, own: &[u8]) -> Result<Vec<Vec<u8>>, CollectiveError> {
        let headers = self.begin(Header::new(Operation::Gather, own.len() as u64, 0))?;
        let mut all = Vec::with_capacity(headers.len());
        for (rank, header) in headers.into_iter().enumerate() {
            let mut bytes = if rank == self.rank() { own.to_vec() } else { Vec::new() };
            bytes.resize(usize::try_from(header.value).unwrap_or(0), 0);
            self.send(rank, &mut bytes)?;
            all.push(bytes);
        }
        Ok(all)
    }

    /// The sum of `count` parts of which this rank has the subtrees `own`, those that are absent left out. All vectors are of
    /// the same `length`. The order of the sum is that of [`tree::sum`].
    ///
    /// # Errors
    /// If another process has failed, or the connection.
    pub fn sum(
        &mut self,
        count: usize,
        own: Vec<(Node, Vec<f32>)>,
        length: usize,
    ) -> Result<Vec<f32>, CollectiveError> {
        let began = Instant::now();
        let (rank, size) = (self.rank(), self.size());
        let slots: Vec<Vec<Node>> =
            (0..size).map(|rank| tree::subtrees(&tree::parts_of(rank, size, count), count)).collect();
        let own: BTreeMap<Node, Vec<f32>> = own.into_iter().collect();
        let mine = slots.get(rank).cloned().unwrap_or_default();
        let present = mine.iter().enumerate().filter(|(_, node)| own.contains_key(node));
        let present = present.fold(0_u64, |bits, (slot, _)| bits | 1 << slot);
        let headers = self.begin(Header::new(Operation::Sum, present, length as u64))?;
        let waited = began.elapsed();
        if let Some(other) = headers.iter().position(|header| header.more != length as u64) {
            let theirs = headers.get(other).map_or(0, |header| header.more);
            return Err(self.lost(CollectiveError::OutOfStep { rank: other, theirs, ours: length as u64 }));
        }
        let is_there =
            |rank: usize, slot: usize| headers.get(rank).is_some_and(|it| it.value >> slot & 1 == 1);
        let most = slots.iter().map(Vec::len).max().unwrap_or(0);
        let mut total = vec![0.0; length];
        for first in (0..length).step_by(PIECE) {
            let end = (first + PIECE).min(length);
            let chunk = (end - first).div_ceil(size);
            let mut nodes = BTreeMap::new();
            for slot in (0..most).filter(|&slot| (0..size).any(|rank| is_there(rank, slot))) {
                let mut sent = vec![0.0; chunk * size];
                if let Some(vector) = mine.get(slot).and_then(|node| own.get(node))
                    && let (Some(from), Some(to)) = (vector.get(first..end), sent.get_mut(..end - first))
                {
                    to.copy_from_slice(from);
                }
                let mut received = vec![0.0; chunk * size];
                let done = self.collective.all_to_all(&sent, &mut received);
                done.map_err(|error| self.lost(error))?;
                for (rank, values) in received.chunks_exact(chunk.max(1)).enumerate() {
                    if is_there(rank, slot)
                        && let Some(node) = slots.get(rank).and_then(|nodes| nodes.get(slot))
                    {
                        nodes.insert(*node, values.to_vec());
                    }
                }
            }
            let summed = tree::sum(count, &mut nodes, &mut add).unwrap_or_else(|| vec![0.0; chunk]);
            let mut all = vec![0.0; chunk * size];
            self.collective.all_gather(&summed, &mut all).map_err(|error| self.lost(error))?;
            if let (Some(from), Some(to)) = (all.get(..end - first), total.get_mut(first..end)) {
                to.copy_from_slice(from);
            }
        }
        let exchange_secs = (began.elapsed() - waited).as_secs_f64();
        let waits = self.numbers(u64::try_from(waited.as_micros()).unwrap_or(u64::MAX))?;
        let wait_secs = waits.into_iter().map(|micros| micros as f64 / 1e6).collect();
        self.times.push_back(ExchangeTimes { wait_secs, exchange_secs });
        Ok(total)
    }

    /// Tells the others that this process has failed, once each has come to its next operation. Gives what is to be said: this
    /// process's own failure, or that of an earlier one.
    pub fn fail(&mut self, message: &str) -> CollectiveError {
        if let Some(error) = &self.failed {
            return error.clone();
        }
        let header = Header::new(Operation::Failure, message.len() as u64, 0);
        match self.begin_with(header, message) {
            Err(error) => error,
            Ok(_) => self.lost(CollectiveError::Gone),
        }
    }

    /// Takes leave of the others, all having done everything, or all knowing of a failure.
    pub fn finish(&mut self) {
        match &self.failed {
            None | Some(CollectiveError::Peer { .. }) => self.collective.finish(),
            Some(_) => {}
        }
    }

    /// Ends this process and, where the connection can, the others.
    pub fn abort(&mut self, code: i32) -> ! {
        self.collective.abort(code)
    }

    fn begin(&mut self, header: Header) -> Result<Vec<Header>, CollectiveError> {
        self.begin_with(header, "")
    }

    /// Learns what all are about to do; fails if that is not the same or one has failed.
    fn begin_with(&mut self, header: Header, message: &str) -> Result<Vec<Header>, CollectiveError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        let mut all = vec![0; BYTES * self.size()];
        let gathered = self.collective.gather_bytes(&header.to_bytes(), &mut all);
        gathered.map_err(|error| self.lost(error))?;
        let headers: Vec<Header> = all.chunks_exact(BYTES).map(Header::from_bytes).collect();
        let is_failure = |other: &Header| other.operation == Operation::Failure as u64;
        if let Some(rank) = headers.iter().position(is_failure) {
            let length = headers.get(rank).map_or(0, |header| header.value);
            let mut bytes = if rank == self.rank() { message.as_bytes().to_vec() } else { Vec::new() };
            bytes.resize(usize::try_from(length).unwrap_or(0), 0);
            self.send(rank, &mut bytes)?;
            let message = String::from_utf8_lossy(&bytes).into_owned();
            return Err(self.lost(CollectiveError::Peer { rank, message }));
        }
        if let Some(rank) = headers.iter().position(|other| other.operation != header.operation) {
            let theirs = headers.get(rank).map_or(0, |other| other.operation);
            return Err(self.lost(CollectiveError::OutOfStep { rank, theirs, ours: header.operation }));
        }
        Ok(headers)
    }

    fn send(&mut self, root: usize, bytes: &mut [u8]) -> Result<(), CollectiveError> {
        // In pieces whose length every transport can count.
        for piece in bytes.chunks_mut(1 << 30) {
            let sent = self.collective.broadcast(root, piece);
            sent.map_err(|error| self.lost(error))?;
        }
        Ok(())
    }

    fn lost(&mut self, error: CollectiveError) -> CollectiveError {
        self.failed = Some(error.clone());
        error
    }
}

fn add(mut sum: Vec<f32>, other: Vec<f32>) -> Vec<f32> {
    sum.iter_mut().zip(other).for_each(|(sum, value)| *sum += value);
    sum
}

#[cfg(test)]
mod tests {
    use super::{super::threads, *};

    /// Runs one function on so many ranks and gives what each returns.
    fn together<R: Send>(size: usize, work: impl Fn(&mut Ranks) -> R + Sync) -> Vec<R> {
        std::thread::scope(|scope| {
            let ranks = threads(size).into_iter().map(|rank| {
                let work = &work;
                scope.spawn(move || work(&mut Ranks::new(Box::new(rank))))
            });
            let running: Vec<_> = ranks.collect();
            running.into_iter().map(|rank| rank.join().unwrap()).collect()
        })
    }

    /// Numbers whose sum depends on the order.
    fn part(index: usize, length: usize) -> Vec<f32> {
        (0..length)
            .map(|at| ((at * 31 + index * 7919) as f32).sin() * 10_f32.powi(index as i32 % 5 - 2))
            .collect()
    }

    #[test]
    fn a_sum_has_the_same_bits_for_any_number_of_ranks() {
        let (count, length) = (7, 23);
        for absent in [0, 2, 6] {
            let sums = |size| {
                together(size, |ranks| {
                    let own = tree::parts_of(ranks.rank(), size, count);
                    let there = own.clone().filter(|part| *part < count - absent);
                    let mut parts: BTreeMap<Node, Vec<f32>> =
                        there.map(|index| (Node::part(index), part(index, length))).collect();
                    let nodes = tree::subtrees(&own, count)
                        .into_iter()
                        .filter_map(|node| Some((node, tree::sum_under(node, &mut parts, &mut add)?)));
                    let nodes = nodes.collect();
                    let sum = ranks.sum(count, nodes, length).unwrap();
                    let times = ranks.take_times().unwrap();
                    assert_eq!((times.wait_secs.len(), ranks.take_times()), (size, None));
                    sum.into_iter().map(f32::to_bits).collect::<Vec<_>>()
                })
            };
            let one = sums(1).remove(0);
            let straight = (0..count - absent).map(|index| part(index, length)).reduce(add).unwrap();
            let straight: Vec<u32> = straight.into_iter().map(f32::to_bits).collect();
            // The order matters for these numbers, or the test would show nothing.
            assert_eq!(absent < 5, one != straight);
            for size in 2..=count {
                assert!(sums(size).iter().all(|sum| *sum == one), "{size} ranks, {absent} absent");
            }
        }
    }

    #[test]
    fn bytes_of_any_length_and_numbers_reach_all() {
        let found = together(3, |ranks| {
            let rank = ranks.rank();
            let told = ranks.broadcast(if rank == 0 { b"the first".to_vec() } else { vec![9; 100] }).unwrap();
            let all = ranks.gather(&vec![rank as u8; rank * 5]).unwrap();
            (
                told,
                all,
                ranks.numbers(rank as u64).unwrap(),
                ranks.any(rank == 2),
                ranks.first_number(7 + rank as u64),
            )
        });
        let all = vec![vec![], vec![1; 5], vec![2; 10]];
        assert!(found.iter().all(|it| *it == (b"the first".to_vec(), all.clone(), vec![0, 1, 2], true, 7)));
    }

    #[test]
    fn a_failure_reaches_all_by_name_and_ends_what_they_do() {
        let found = together(3, |ranks| {
            if ranks.rank() == 1 {
                return ranks.fail("the disk is full");
            }
            let error = ranks.broadcast(vec![1]).unwrap_err();
            assert_eq!(ranks.failure(), Some(&error));
            assert_eq!((ranks.first_number(5), ranks.any(true)), (5, true));
            assert_eq!(ranks.gather(&[]).unwrap_err(), error);
            error
        });
        let expected = CollectiveError::Peer { rank: 1, message: "the disk is full".into() };
        assert!(found.iter().all(|error| *error == expected), "{found:?}");
    }

    #[test]
    fn ranks_that_do_different_things_are_told_so() {
        let found = together(2, |ranks| match ranks.rank() {
            0 => ranks.numbers(1).map(|_| ()),
            _ => ranks.gather(&[]).map(|_| ()),
        });
        assert!(
            found.iter().all(|result| matches!(result, Err(CollectiveError::OutOfStep { .. }))),
            "{found:?}"
        );
        let found = together(2, |ranks| ranks.sum(2, Vec::new(), 3 + ranks.rank()).map(|_| ()));
        assert!(
            found.iter().all(|result| matches!(result, Err(CollectiveError::OutOfStep { .. }))),
            "{found:?}"
        );
    }

    #[test]
    fn a_rank_that_ends_leaves_nobody_waiting() {
        let found = together(3, |ranks| if ranks.rank() == 2 { None } else { ranks.numbers(1).err() });
        assert_eq!(found, [Some(CollectiveError::Gone), Some(CollectiveError::Gone), None]);
    }
}
