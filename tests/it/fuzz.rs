//! Files that somebody else writes: whatever is in them, drover reads it or says what is wrong with
//! it, in time, and with memory in proportion. `PROPTEST_CASES` says how many cases of each (256 if it
//! is not set); what OX answers is treated likewise in `src/ox/fuzz.rs`.

mod damage;
mod files;
mod queue_files;
mod settings;
mod texts;
