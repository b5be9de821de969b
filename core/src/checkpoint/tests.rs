//! Saving and loading directories.
