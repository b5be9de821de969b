//! Jobs of many short operations side by side, each on threads of its own.
//!
//! Below a millisecond or so an operation gains little from a second thread: waking it takes as long as the work. Whole
//! passes through a small model do gain. A job runs inside a pool, so that its operations need not wake one, and no two
//! jobs share a pool: a thread that waits for a part of its job would begin another job in between, with the locks of
//! the first in its hands.

use std::sync::{Mutex, PoisonError};

use rayon::{ThreadPool, ThreadPoolBuilder};

/// Pools of as many threads each.
struct Lanes {
    pools: Vec<ThreadPool>,
    threads: usize,
}

/// Those that nobody uses at the moment.
static FREE: Mutex<Vec<Lanes>> = Mutex::new(Vec::new());

/// How many jobs are done at once.
pub(super) fn count() -> usize {
    rayon::current_num_threads()
}

/// Does one job inside a pool of all threads.
pub(super) fn inside<R: Send>(work: impl FnOnce() -> R + Send) -> R {
    let Some(lanes) = take(1, count()) else { return work() };
    let result = match lanes.pools.first() {
        Some(pool) => pool.install(work),
        None => work(),
    };
    give_back(lanes);
    result
}

/// Does the jobs, as many at once as there are threads, and gives their results in order.
pub(super) fn side_by_side<T: Send, R: Send>(jobs: Vec<T>, work: impl Fn(T) -> R + Sync) -> Vec<R> {
    let threads = count();
    let wanted = jobs.len().clamp(1, threads.max(1));
    let Some(lanes) = take(wanted, (threads / wanted).max(1)) else {
        // The system gives no more threads.
        return jobs.into_iter().map(work).collect();
    };
    let results = Mutex::new(jobs.iter().map(|_| None).collect::<Vec<Option<R>>>());
    let queue = Mutex::new(jobs.into_iter().enumerate());
    let lane = || {
        loop {
            let next = queue.lock().unwrap_or_else(PoisonError::into_inner).next();
            let Some((place, job)) = next else { return };
            let result = work(job);
            if let Some(slot) = results.lock().unwrap_or_else(PoisonError::into_inner).get_mut(place) {
                *slot = Some(result);
            }
        }
    };
    on_each(&lanes.pools, &lane);
    give_back(lanes);
    results.into_inner().unwrap_or_else(PoisonError::into_inner).into_iter().flatten().collect()
}

/// Runs the work on every pool, and waits for all; a panic goes on in the caller.
fn on_each(pools: &[ThreadPool], work: &(impl Fn() + Sync)) {
    if let Some((first, rest)) = pools.split_first() {
        first.in_place_scope(|scope| {
            scope.spawn(|_| work());
            on_each(rest, work);
        });
    }
}

fn take(pools: usize, threads: usize) -> Option<Lanes> {
    let mut free = FREE.lock().unwrap_or_else(PoisonError::into_inner);
    let place = free.iter().position(|lanes| lanes.pools.len() == pools && lanes.threads == threads);
    if let Some(place) = place {
        return Some(free.swap_remove(place));
    }
    let build = |_| ThreadPoolBuilder::new().num_threads(threads).build().ok();
    Some(Lanes { pools: (0..pools).map(build).collect::<Option<_>>()?, threads })
}

fn give_back(lanes: Lanes) {
    FREE.lock().unwrap_or_else(PoisonError::into_inner).push(lanes);
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use rayon::prelude::*;

    use super::*;

    #[test]
    fn results_come_in_the_order_of_the_jobs() {
        for count in [0, 1, 2, 7] {
            let jobs: Vec<usize> = (0..count).collect();
            let sums = side_by_side(jobs, |job| (0..=job * 1000).into_par_iter().sum::<usize>());
            let expected: Vec<usize> = (0..count).map(|job| job * 1000 * (job * 1000 + 1) / 2).collect();
            assert_eq!(sums, expected);
        }
    }

    #[test]
    fn a_panic_reaches_the_caller_and_the_next_jobs_are_done() {
        let failed = catch_unwind(AssertUnwindSafe(|| {
            side_by_side(vec![1, 2, 3], |job| if job == 2 { panic!("job {job}") } else { job })
        }));
        assert_eq!(failed.unwrap_err().downcast_ref::<String>().unwrap(), "job 2");
        assert_eq!(side_by_side(vec![1, 2], |job| job * 2), [2, 4]);
        assert!(catch_unwind(|| inside(|| panic!("one"))).is_err());
        assert_eq!(inside(rayon::current_num_threads), count());
    }
}
