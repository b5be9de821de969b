#![no_main]

libfuzzer_sys::fuzz_target!(
    init: spanbert_fuzz::write_seeds("tokenizer_json"),
    |bytes: &[u8]| spanbert_fuzz::check("tokenizer_json", bytes)
);
