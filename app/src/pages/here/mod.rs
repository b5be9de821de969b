//! Runs and trainings of a browser, which has neither folders nor processes: [`train`] learns the demonstration in a Web Worker,
//! [`runs`] shows what has come of it, and run folders that were dropped on the page.

mod detail;
pub mod runs;
pub mod train;
