//! The threads of a session: helpers that take part in the kernels of the thread that leads them.
//!
//! A helper waits actively for a moment after each kernel, since the next one of a run is never far, and sleeps when none
//! comes. Nobody waits for a helper that has not arrived: whoever is there takes the tasks.

use std::cell::{Cell, UnsafeCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, OnceLock};
use std::thread::{JoinHandle, Thread};
use std::time::{Duration, Instant};

use super::tasks::alone;

/// How long a helper waits actively for the next kernel.
const PATIENCE: Duration = Duration::from_micros(100);

/// Looks at a flag before other programs get a turn.
const LOOKS: usize = 512;

/// Work that everyone who takes part calls with a number of his own.
type Job = *const (dyn Fn(usize) + Sync);

thread_local! {
    /// The team that this thread leads, or null.
    static LED: Cell<*const State> = const { Cell::new(std::ptr::null()) };
}

/// Helpers of one thread at a time, which leads them.
pub struct Team {
    state: Arc<State>,
    threads: Vec<JoinHandle<()>>,
}

/// What a leader and its helpers share.
struct State {
    /// The number of the job that helpers may enter; 0 where there is none.
    open: AtomicUsize,
    /// How many jobs there were.
    jobs: AtomicUsize,
    /// Helpers that are looking at a job.
    inside: AtomicUsize,
    /// The job; written only while none is open and nobody is inside.
    job: UnsafeCell<Option<Job>>,
    helpers: Box<[Helper]>,
    /// Whether a helper's part of a job has panicked.
    failed: AtomicBool,
    /// Whether the helpers may go.
    over: AtomicBool,
}

/// What a leader knows of a helper.
#[derive(Default)]
struct Helper {
    thread: OnceLock<Thread>,
    asleep: AtomicBool,
}

// SAFETY: `job` is written by the leader while nobody is inside, and read only from inside; it can be called from any
// thread.
unsafe impl Send for State {}
// SAFETY: as above.
unsafe impl Sync for State {}

impl Team {
    /// Starts the helpers; with the leader there are `count` threads.
    ///
    /// # Errors
    /// The system gives no more threads.
    pub fn new(count: usize) -> std::io::Result<Team> {
        let state = Arc::new(State {
            open: AtomicUsize::new(0),
            jobs: AtomicUsize::new(0),
            inside: AtomicUsize::new(0),
            job: UnsafeCell::new(None),
            helpers: (1..count).map(|_| Helper::default()).collect(),
            failed: AtomicBool::new(false),
            over: AtomicBool::new(false),
        });
        let mut team = Team { state, threads: vec![] };
        for number in 1..count {
            let state = team.state.clone();
            let thread = std::thread::Builder::new().name(format!("helper {number}"));
            let thread = thread.spawn(move || alone(|| state.help(number)))?;
            // Nobody else sets it.
            let _ = team.state.helpers[number - 1].thread.set(thread.thread().clone());
            team.threads.push(thread);
        }
        Ok(team)
    }

    /// Runs `body`, whose kernels spread over the team.
    pub fn lead<R>(&mut self, body: impl FnOnce() -> R) -> R {
        struct Restore(*const State);
        impl Drop for Restore {
            fn drop(&mut self) {
                LED.set(self.0);
            }
        }
        let _restore = Restore(LED.replace(&*self.state));
        body()
    }
}

impl Drop for Team {
    fn drop(&mut self) {
        self.state.over.store(true, SeqCst);
        for thread in self.threads.drain(..) {
            thread.thread().unpark();
            // Panics of helpers have been caught.
            let _ = thread.join();
        }
    }
}

/// Threads of the team that this thread leads, if it does.
pub fn size() -> Option<usize> {
    // SAFETY: `lead` borrows the team for as long as it is set.
    unsafe { LED.get().as_ref() }.map(|state| state.helpers.len() + 1)
}

/// Runs `body(0)`, and `body(n)` on every other thread of the team that comes in time, up to `most` in all. Without a team
/// returns false.
pub fn share(most: usize, body: &(dyn Fn(usize) + Sync)) -> bool {
    // SAFETY: as for `size`.
    let Some(state) = (unsafe { LED.get().as_ref() }) else { return false };
    /// Waits until nobody can use the job any more.
    struct Close<'a>(&'a State);
    impl Drop for Close<'_> {
        fn drop(&mut self) {
            self.0.open.store(0, SeqCst);
            wait(|| self.0.inside.load(SeqCst) == 0);
        }
    }
    let part = |number: usize| {
        if number < most {
            body(number);
        }
    };
    let job: &(dyn Fn(usize) + Sync) = &part;
    // SAFETY: only the lifetime changes; the job is closed before this function returns.
    let job: Job = unsafe { std::mem::transmute(job) };
    let number = state.jobs.fetch_add(1, SeqCst) + 1;
    // SAFETY: the last job was closed, so nobody is inside.
    unsafe { *state.job.get() = Some(job) };
    {
        let _close = Close(state);
        state.open.store(number, SeqCst);
        for helper in &state.helpers[..(most - 1).min(state.helpers.len())] {
            if helper.asleep.swap(false, SeqCst)
                && let Some(thread) = helper.thread.get()
            {
                thread.unpark();
            }
        }
        alone(|| body(0));
    }
    assert!(!state.failed.load(SeqCst), "internal error: a helper has failed");
    true
}

impl State {
    /// Takes part in jobs until the team is dissolved.
    fn help(&self, number: usize) {
        let helper = &self.helpers[number - 1];
        let mut last = 0;
        loop {
            let mut since = None;
            let news = || {
                let open = self.open.load(SeqCst);
                (open != 0 && open != last) || self.over.load(SeqCst)
            };
            let impatient = || {
                let since = *since.get_or_insert_with(Instant::now);
                PATIENCE < since.elapsed()
            };
            if !wait_while_patient(news, impatient) {
                helper.asleep.store(true, SeqCst);
                while !news() && helper.asleep.load(SeqCst) {
                    std::thread::park();
                }
                helper.asleep.store(false, SeqCst);
                continue;
            }
            if self.over.load(SeqCst) {
                return;
            }
            let open = self.open.load(SeqCst);
            if open == 0 || open == last {
                continue;
            }
            self.inside.fetch_add(1, SeqCst);
            if self.open.load(SeqCst) == open {
                last = open;
                // SAFETY: the job is open and this helper inside, so it stays.
                let job = unsafe { (*self.job.get()).map(|job| &*job) };
                let done = catch_unwind(AssertUnwindSafe(|| job.map(|job| job(number))));
                if done.is_err() {
                    self.failed.store(true, SeqCst);
                }
            }
            self.inside.fetch_sub(1, SeqCst);
        }
    }
}

/// Looks until it is true.
fn wait(ready: impl Fn() -> bool) {
    wait_while_patient(ready, || false);
}

/// Looks until it is true, or until patience has ended; whether it is true.
fn wait_while_patient(ready: impl Fn() -> bool, mut impatient: impl FnMut() -> bool) -> bool {
    loop {
        for _ in 0..LOOKS {
            if ready() {
                return true;
            }
            std::hint::spin_loop();
        }
        if impatient() {
            return false;
        }
        std::thread::yield_now();
    }
}

#[cfg(test)]
mod tests {
    use super::super::tasks::{for_each, for_each_with, threads};
    use super::*;

    #[test]
    fn every_task_runs_once_whoever_comes() {
        for count in [1, 2, 4] {
            let mut team = Team::new(count).unwrap();
            for round in 0..300 {
                if round % 100 == 99 {
                    std::thread::sleep(2 * PATIENCE);
                }
                let sum = AtomicUsize::new(0);
                let mut work = vec![0f32; 7];
                team.lead(|| {
                    assert_eq!(threads(), count);
                    for_each(round, |task| {
                        assert!(threads() == 1 || round < 2);
                        sum.fetch_add(task + 1, SeqCst);
                    });
                    for_each_with(round, &mut work, 3, |task, scratch| {
                        scratch.fill(task as f32);
                        assert!(scratch.len() == 3 && scratch.iter().all(|x| *x == task as f32));
                        sum.fetch_add(task + 1, SeqCst);
                    });
                });
                assert_eq!(sum.into_inner(), round * (round + 1));
            }
        }
    }

    #[test]
    fn a_failure_of_any_part_reaches_the_leader() {
        let mut team = Team::new(3).unwrap();
        let failed = catch_unwind(AssertUnwindSafe(|| {
            team.lead(|| for_each(100, |task| assert!(task != 57, "on purpose")));
        }));
        assert!(failed.is_err());
    }
}
