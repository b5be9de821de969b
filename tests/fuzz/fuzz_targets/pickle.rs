#![no_main]

libfuzzer_sys::fuzz_target!(
    init: spanbert_fuzz::write_seeds("pickle"),
    |bytes: &[u8]| spanbert_fuzz::check("pickle", bytes)
);
