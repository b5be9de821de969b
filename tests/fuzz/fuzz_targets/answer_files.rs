#![no_main]

libfuzzer_sys::fuzz_target!(
    init: spanbert_fuzz::write_seeds("answer_files"),
    |bytes: &[u8]| spanbert_fuzz::check("answer_files", bytes)
);
