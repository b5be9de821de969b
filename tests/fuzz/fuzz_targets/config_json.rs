#![no_main]

libfuzzer_sys::fuzz_target!(
    init: spanbert_fuzz::write_seeds("config_json"),
    |bytes: &[u8]| spanbert_fuzz::check("config_json", bytes)
);
