#![no_main]

libfuzzer_sys::fuzz_target!(
    init: spanbert_fuzz::write_seeds("run_folder"),
    |bytes: &[u8]| spanbert_fuzz::check("run_folder", bytes)
);
