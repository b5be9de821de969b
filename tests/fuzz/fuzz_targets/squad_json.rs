#![no_main]

libfuzzer_sys::fuzz_target!(
    init: spanbert_fuzz::write_seeds("squad_json"),
    |bytes: &[u8]| spanbert_fuzz::check("squad_json", bytes)
);
