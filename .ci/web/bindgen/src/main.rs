//! Makes a module for browsers of what cargo builds for wasm32: `bindgen INPUT.wasm FOLDER [--names]`.
//!
//! With `--names` functions keep their names, for a profile; they are a tenth of the module, and a panic tells its place without them.
//! It does what the `wasm-bindgen` command does, whose package cannot always be installed.

use std::process::ExitCode;

use wasm_bindgen_cli_support::Bindgen;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (input, folder, names) = match arguments.as_slice() {
        [input, folder] => (input, folder, false),
        [input, folder, option] if option == "--names" => (input, folder, true),
        _ => {
            eprintln!("usage: bindgen INPUT.wasm FOLDER [--names]");
            return ExitCode::from(2);
        }
    };
    let mut bindgen = Bindgen::new();
    // The module itself knows where its code lies: beside it.
    bindgen.input_path(input).typescript(false).omit_default_module_path(false);
    bindgen.remove_name_section(!names).remove_producers_section(true);
    let made = bindgen.web(true).and_then(|bindgen| bindgen.generate(folder));
    match made {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{input}: {error:?}");
            ExitCode::FAILURE
        }
    }
}
