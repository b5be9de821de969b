#![no_main]

libfuzzer_sys::fuzz_target!(
    init: spanbert_fuzz::write_seeds("vocab_txt"),
    |bytes: &[u8]| spanbert_fuzz::check("vocab_txt", bytes)
);
